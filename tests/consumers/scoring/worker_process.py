"""A scoring worker with a fake classifier, as a process of its own: CONFIG.toml UNTIL_IDLE_S [SECONDS_PER_TEXT]."""

from __future__ import annotations

import sys
from pathlib import Path

from consumers.runtime.shutdown import stop_on_signals
from consumers.scoring.worker import run_worker
from sentiment.errors import SentimentError
from sentiment.logs import configure_logging
from sentiment.settings import load_settings
from tests.fakes import LexiconClassifier


def main() -> int:
    """Run until idle or stopped; the exit codes are the program's."""
    settings = load_settings(Path(sys.argv[1]), {})
    until_idle_s = float(sys.argv[2])
    seconds_per_text = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    configure_logging("info", "console")
    with stop_on_signals() as stop:
        try:
            run_worker(settings, lambda: LexiconClassifier(seconds_per_text), stop, until_idle_s=until_idle_s)
        except SentimentError as error:
            sys.stderr.write(f"error: {error.message}\n")
            return error.exit_code
    return 130 if stop.interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
