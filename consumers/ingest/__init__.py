"""Publishes feedback from files and pipes, each row exactly once, however often it is interrupted."""

from __future__ import annotations

from consumers.ingest.fields import FieldFlags
from consumers.ingest.ingest import IngestReport, IngestRequest, run_ingest

__all__ = ["FieldFlags", "IngestReport", "IngestRequest", "run_ingest"]
