"""Publishes feedback from files and pipes, each row exactly once, however often it is interrupted."""

from __future__ import annotations

from consumers.ingest.fields import FieldFlags
from consumers.ingest.ingest import run_ingest
from consumers.ingest.request import IngestReport, IngestRequest

__all__ = ["FieldFlags", "IngestReport", "IngestRequest", "run_ingest"]
