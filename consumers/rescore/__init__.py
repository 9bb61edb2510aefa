"""Batch re-scoring of files: resumable, in bounded memory, and with an output that appears whole."""

from __future__ import annotations

from consumers.rescore.rescore import RescoreReport, RescoreRequest, run_rescore

__all__ = ["RescoreReport", "RescoreRequest", "run_rescore"]
