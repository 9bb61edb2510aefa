"""Batch re-scoring of files: resumable, in bounded memory, and with an output that appears whole."""

from __future__ import annotations

from consumers.rescore.run import RescoreReport, RescoreRequest, Watch, run_rescore

__all__ = ["RescoreReport", "RescoreRequest", "Watch", "run_rescore"]
