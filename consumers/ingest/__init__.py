"""Publishing feedback from files and pipes, each row exactly once, however often it is interrupted."""

from __future__ import annotations

from consumers.ingest.fields import FieldFlags
from consumers.ingest.run import IngestReport, IngestRequest, Watch, run_ingest

__all__ = ["FieldFlags", "IngestReport", "IngestRequest", "Watch", "run_ingest"]
