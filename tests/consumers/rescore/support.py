"""What tests of re-scoring share: runs with a fake classifier, and files for them."""

from __future__ import annotations

import csv
from pathlib import Path

from consumers.rescore import RescoreReport, RescoreRequest, run_rescore
from sentiment.model.classifier import Classifier
from sentiment.outputs import find_output
from sentiment.settings import ModelSettings
from tests.consumers.ingest.support import Recorded
from tests.fakes import LexiconClassifier

TEXTS = ["great app", "awful update", "it is an app"]


LABELS = ["positive", "negative", "neutral"]


def rescore(
    source: Path, output: Path | str, classifier: Classifier | None = None, **options: object
) -> tuple[RescoreReport, Recorded]:
    """Run one with the fake classifier."""
    watch = Recorded()
    request = RescoreRequest(str(source), find_output(output), **options)  # type: ignore[arg-type]
    return run_rescore(request, ModelSettings(), lambda: classifier or LexiconClassifier(), watch), watch


def write_rows(path: Path, n_rows: int) -> Path:
    """A CSV file with `id, text`."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows([n, TEXTS[n % 3]] for n in range(n_rows))
    return path
