"""A re-scoring with a fake classifier, as a process of its own: INPUT OUTPUT FLAGS SECONDS_PER_TEXT.

FLAGS is `-`, `resume` or `force`. Prints the peak of its memory in kB.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from consumers.rescore import RescoreRequest, run_rescore
from sentiment.settings import ModelSettings
from tests.consumers.ingest.support import Recorded
from tests.fakes import LexiconClassifier


def main() -> None:
    """Run to the end."""
    source, output, flags, seconds_per_text = sys.argv[1:]
    request = RescoreRequest(source, Path(output), resume=flags == "resume", force=flags == "force")
    run_rescore(request, ModelSettings(), lambda: LexiconClassifier(float(seconds_per_text)), Recorded())
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


if __name__ == "__main__":
    main()
