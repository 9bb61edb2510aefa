"""The model that comes with the package, on the development set; skipped if that is missing."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from numpy.typing import NDArray

from sentiment.events import LABELS
from sentiment.model.loading import load_model, shipped_model_path
from sentiment.model.manifest import hash_files, load_manifest, verify_files
from sentiment.privacy import redact
from tests.data import data_file
from training.evaluation.metrics import expected_calibration_error

MODEL = shipped_model_path()


@pytest.fixture(scope="module")
def dev() -> tuple[list[str], NDArray[np.int64]]:
    with gzip.open(data_file("dev.jsonl.gz"), "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    labels = [LABELS.index(row["label"]) for row in rows]
    return [redact(row["text"]).text for row in rows], np.array(labels)


def probabilities(texts: list[str], backend: str, max_batch_items: int = 64) -> NDArray[np.float64]:
    classifier = load_model(backend=backend, max_batch_items=max_batch_items)  # type: ignore[arg-type]
    return np.array([prediction.probabilities for prediction in classifier.predict(texts)[0]])


def test_every_file_is_what_the_manifest_says_and_small_enough() -> None:
    """Hashes agree, no file is unlisted, and both forms of the weights take at most 80 MB together."""
    manifest = load_manifest(MODEL)
    verify_files(MODEL, manifest, manifest.files)
    assert hash_files(MODEL) == manifest.files
    assert sum(path.stat().st_size for path in MODEL.rglob("*") if path.is_file()) <= 80e6


def test_plain_cases_are_right() -> None:
    """Three sentences that nobody would argue about."""
    texts = ["I love this app, great work!", "Terrible update, it crashes all the time.", "The meeting is on Tuesday."]
    predictions, _ = load_model().predict(texts)
    assert [prediction.label for prediction in predictions] == ["positive", "negative", "neutral"]


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_int8_as_shipped_is_good_calibrated_near_fp32_and_the_same_alone(
    dev: tuple[list[str], NDArray[np.int64]],
) -> None:
    """On all rows: macro-F1 ≥ 0.735, ECE ≤ 0.03, ≥ 98.5 % of fp32's labels, and alone the same labels as batched."""
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    texts, labels = dev
    batched = probabilities(texts, "openvino")
    chosen = batched.argmax(axis=1)
    assert sklearn_metrics.f1_score(labels, chosen, average="macro") >= 0.735
    assert expected_calibration_error(batched, labels) <= 0.03
    assert (chosen == probabilities(texts, "torch").argmax(axis=1)).mean() >= 0.985
    alone = probabilities(texts, "openvino", max_batch_items=1)
    assert (alone.argmax(axis=1) == chosen).all()
    # Long rows are summed in float, and the order depends on the padding: a few sums lie on the edge of an int8 step.
    np.testing.assert_allclose(alone, batched, atol=5e-3)
    assert (np.abs(alone - batched).max(axis=1) <= 1e-6).mean() >= 0.99
