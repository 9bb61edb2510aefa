"""The report of an evaluation: one file that loads nothing, runs nothing, and has the figures of the JSON."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest

from sentiment.cli.evaluation_tables import print_judgement
from sentiment.events import ModelRef
from tests.html_pages import Page, require_self_contained
from tests.tables import require_whole_figures
from tests.training.evaluation.made import answers, examples
from training.evaluation.evaluate import evaluate
from training.evaluation.judgement import DataRef, Judgement, ScoringTime
from training.evaluation.mistakes import surest_mistakes
from training.evaluation.plots import calibration_plot, confusion_plot, reliability_plot, slices_plot
from training.evaluation.predicting import Answers
from training.evaluation.report import report_html


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    rows = examples(200, seed=1, sources=("mail", "mail", "<b>chat</b> $x$"))
    served = Answers.most_likely(answers(rows, seed=2))
    return Judgement(
        model=ModelRef(name="tiny", version="abc"),
        backend="openvino-int8",
        data=DataRef(file="dev<1>.jsonl", n_in_file=200, fingerprint="f" * 64),
        evaluation=evaluate(served, rows, seed=3, n_resamples=100),
        reproduction=None,
        errors=surest_mistakes(served, rows, 5),
        cost=ScoringTime(seconds=1.0, texts_per_s=200.0),
    )


def test_the_page_is_whole_and_loads_nothing(judgement: Judgement) -> None:
    """Tags nest; there are no scripts and no links, only embedded images; each image has an alternative text."""
    page = Page(report_html(judgement))
    require_self_contained(page)
    assert len(page.of("img")) == 5  # confusion, reliability, source, language, length


def test_words_of_the_data_are_words(judgement: Judgement) -> None:
    """Markup in a data set's name, a file name or a text is shown, not interpreted."""
    page = Page(report_html(judgement))
    assert "<b>chat</b> $x$" in page.words
    assert "dev<1>.jsonl" in page.words
    assert page.of("b") == []


def test_the_page_says_what_the_evaluation_says(judgement: Judgement) -> None:
    """The figures of the evaluation and the texts of the errors are on the page."""
    words = Page(report_html(judgement)).words
    evaluation = judgement.evaluation
    for value in (evaluation.macro_f1.value, evaluation.reliability.ece.value, evaluation.by_class["neutral"].f1.low):
        assert f"{value:.3f}" in words
    for mistake in judgement.errors:
        assert mistake.text in words


def test_plots_are_svg_with_words_and_repeat(judgement: Judgement) -> None:
    """Every plot parses as SVG, has its names as text, and is the same each time."""
    evaluation = judgement.evaluation

    def draw() -> tuple[str, ...]:
        return (
            confusion_plot(evaluation),
            reliability_plot(evaluation.reliability.bins),
            calibration_plot({"int8": (evaluation.reliability.bins, evaluation.reliability.bins)}),
            slices_plot(evaluation.slices["source"], evaluation.macro_f1.value),
        )

    plots = draw()
    words = [" ".join(ElementTree.fromstring(plot).itertext()) for plot in plots]  # noqa: S314 our own
    assert "negative" in words[0]
    assert "confidence" in words[1]
    assert {"int8", "before", "after"} <= set(words[2].split())
    assert "$x$" in words[3]
    assert draw() == plots


def test_no_page_is_too_narrow_for_the_figures(
    judgement: Judgement, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal of any width, the tables have all of them."""
    require_whole_figures(lambda: print_judgement(judgement, n_errors=3), monkeypatch, capsys)


def test_images_are_the_plots(judgement: Judgement) -> None:
    """The first image of the page is the confusion matrix."""
    first = str(Page(report_html(judgement)).of("img")[0]["src"]).partition(",")[2]
    assert base64.b64decode(first).decode() == confusion_plot(judgement.evaluation)
