"""The HTML report of an evaluation: one file that loads nothing and runs no script."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.evaluation.judgement import Judgement
from training.evaluation.plots import confusion_plot, reliability_plot, slices_plot

_TEMPLATES = Path(__file__).parent / "templates"


def report_html(judgement: Judgement) -> str:
    """The report. Everything that comes from data is escaped. Plots are embedded images, so nothing in them can run,
    and a table beside each has the same numbers.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    evaluation = judgement.evaluation
    return environment.get_template("evaluation.html").render(
        judgement=judgement,
        evaluation=evaluation,
        confusion=_image(confusion_plot(evaluation)),
        reliability=_image(reliability_plot(evaluation.reliability.bins)),
        slices={
            kind: (pieces, _image(slices_plot(pieces, evaluation.macro_f1.value)))
            for kind, pieces in evaluation.slices.items()
            if pieces
        },
        untold=[kind for kind, pieces in evaluation.slices.items() if not pieces],
    )


def _image(svg: str) -> str:
    """The image as a data URI."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")
