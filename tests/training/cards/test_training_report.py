"""The report of a training: everything on it is in the manifest, and it is one file that loads nothing."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest

from sentiment.model.manifest import Calibration, Manifest
from tests.html_pages import Page, require_self_contained
from training.cards.training_report import training_report
from training.finetune.curve import run_record

_EVALUATED = [(50, 0.51), (100, 0.62), (150, 0.58)]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    history = [{"step": step, "loss": 1.1 - step / 300, "learning_rate": 1e-4} for step in range(10, 160, 10)]
    history += [
        {"step": step, "eval_loss": 1.0, "eval_macro_f1": f1, "eval_source_macro_f1": f1, "eval_accuracy": f1}
        for step, f1 in _EVALUATED
    ]
    run = run_record(history, metric="macro_f1", steps=150, planned=200)
    run |= {"device": "cpu", "processes": 1, "effective_batch": 64, "seconds": 754.0, "resumed_at_step": None}
    weighting = {"classes": [1.25, 1.0, 1.0], "sources": {"<i>chat</i>": 0.5}, "weak_neutral": 0.5}
    return Manifest(
        name="tiny<1>",
        version="abc",
        files={},
        max_length=128,
        architecture="Bert",
        backbone="tiny",
        calibration=Calibration(temperature_int8=1.2345),
        training={
            "recipe": {"label_smoothing": 0.07},
            "run": run,
            "weighting": weighting,
            "leakage": {"dropped": 3},
            "versions": {"torch": "2.0"},
        },
        metrics={
            "validation": {
                "fp32": {"n": 1500, "macro_f1": 0.6111, "ece": 0.0211},
                "int8": {"n": 1500, "macro_f1": 0.6099, "ece": 0.0222},
                "int8_agrees_with_fp32": 0.99,
                "int8_macro_f1_by_source": {"<i>chat</i>": 0.55},
            }
        },
        data={"train": {"rows": 9000, "fingerprint": "f" * 64}},
    )


def test_the_page_says_how_the_training_went(manifest: Manifest) -> None:
    """Steps, duration, device, the best step, every evaluation and every form; names are words, not markup."""
    page = Page(training_report(manifest))
    require_self_contained(page)
    assert "on cpu, in 12:34" in page.words
    assert "150 of 200 steps of 64 rows; the weights of step 100 are kept" in page.words
    for figure in ("0.5100", "0.6200", "0.5800", "0.6111", "0.6099", "0.0222", "1.2345", "0.55", "0.07", "1.25"):
        assert figure in page.words
    assert "source weight.<i>chat</i>" in page.words
    assert page.of("i") == []


def test_the_plot_has_all_curves_and_repeats(manifest: Manifest) -> None:
    """The image is SVG with words in it, and the same manifest gives the same page."""
    content = training_report(manifest)
    (image,) = Page(content).of("img")
    drawn = base64.b64decode(str(image["src"]).partition(",")[2])
    words = " ".join(ElementTree.fromstring(drawn).itertext())  # noqa: S314 our own
    for name in ("training, weighted and smoothed", "validation", "macro-F1", "learning rate", "step"):
        assert name in words
    assert training_report(manifest) == content
