"""Re-scoring of files: resumable, in bounded memory, with an output that appears only when it is complete."""

from __future__ import annotations

from consumers.rescore.rescore import RescoreReport, RescoreRequest, run_rescore

__all__ = ["RescoreReport", "RescoreRequest", "run_rescore"]
