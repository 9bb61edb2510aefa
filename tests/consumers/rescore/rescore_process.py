"""A re-scoring with a fake classifier, as a process of its own: INPUT OUTPUT FLAGS SECONDS_PER_TEXT.

FLAGS is `-`, `resume` or `force`. Prints the peak of its memory in bytes.
"""

from __future__ import annotations

import sys
from collections import deque

from consumers.rescore import RescoreRequest, run_rescore
from sentiment.outputs import find_output
from sentiment.settings import ModelSettings
from tests.consumers.ingest.support import Recorded
from tests.fakes import LexiconClassifier
from training.comparison.process import peak_memory_bytes


def main() -> None:
    """Run to the end."""
    source, output, flags, seconds_per_text = sys.argv[1:]
    request = RescoreRequest(source, find_output(output), resume=flags == "resume", force=flags == "force")
    classifier = LexiconClassifier(float(seconds_per_text), seen=deque(maxlen=0))  # which remembers nothing
    run_rescore(request, ModelSettings(), lambda: classifier, Recorded())
    sys.stdout.write(str(peak_memory_bytes()))


if __name__ == "__main__":
    main()
