"""A scoring worker that some texts end: CONFIG.toml UNTIL_IDLE_S. `exits`: at once. `hangs`: by the watchdog.

A text that says `slow` takes longer than it takes until it is marked, and is fine.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from consumers.runtime.shutdown import stop_on_signals
from consumers.scoring.worker import run_worker
from sentiment.errors import SentimentError
from sentiment.logs import configure_logging
from sentiment.model.classifier import BatchInfo, Prediction
from sentiment.settings import load_settings
from tests.fakes import LexiconClassifier

SLOW_S = 3.5


class CrashingClassifier(LexiconClassifier):
    """Does what the texts say."""

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        """Predict, or never come back."""
        for text in texts:
            if "exits" in text:
                os.kill(os.getpid(), signal.SIGKILL)
            if "hangs" in text:
                time.sleep(3_600)  # as inference that never comes back
            if "slow" in text:
                time.sleep(SLOW_S)  # inference that takes its time, and comes back
        return super().predict(texts)


def main() -> int:
    """Run until idle or stopped; the exit codes are the program's."""
    settings = load_settings(Path(sys.argv[1]), {})
    configure_logging("info", "console")
    with stop_on_signals() as stop:
        try:
            run_worker(settings, CrashingClassifier, stop, until_idle_s=float(sys.argv[2]))
        except SentimentError as error:
            sys.stderr.write(f"error: {error.message}\n")
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
