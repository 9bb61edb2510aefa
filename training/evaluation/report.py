"""The HTML report of an evaluation."""

from __future__ import annotations

from pathlib import Path

from sentiment.figures import data_uri
from sentiment.pages import page_of
from training.evaluation.judgement import Judgement
from training.evaluation.plots import confusion_plot, differences_plot, reliability_plot, slices_plot

_TEMPLATES = Path(__file__).parent / "templates"


def report_html(judgement: Judgement) -> str:
    """The report. A table beside each plot has the same numbers."""
    evaluation = judgement.evaluation
    return page_of(
        _TEMPLATES,
        "evaluation.html",
        judgement=judgement,
        evaluation=evaluation,
        confusion=data_uri(confusion_plot(evaluation)),
        reliability=data_uri(reliability_plot(evaluation.reliability.bins)),
        slices={
            kind: (pieces, data_uri(slices_plot(pieces, evaluation.macro_f1.value)))
            for kind, pieces in evaluation.slices.items()
            if pieces
        },
        differences=None if judgement.against is None else data_uri(differences_plot(judgement.against.figures)),
        untold=[kind for kind, pieces in evaluation.slices.items() if not pieces],
    )
