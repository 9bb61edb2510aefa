"""`sentiment distill`: train a small model to imitate a large one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import FILE, MODEL_NAME
from sentiment.cli.job import make_job, run_job
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.recipe_flags import recipe_options, validation_option

if TYPE_CHECKING:
    from sentiment.outputs import Output
    from sentiment.sources import ReadingOptions


@click.command(
    epilog="""\b
Example:
  sentiment distill train.jsonl.gz --validation dev.jsonl.gz --unlabelled reviews.csv --unlabelled-text-field content \\
    --teacher large-model --student sentence-transformers/all-MiniLM-L6-v2 --student-layers 3 --output small-model

Requires the `train` extra. In the loss, --hard-share is the weight of the labels, and the teachers have the rest;
unlabelled texts have only the teachers. The teachers' answers are kept in OUTPUT.training until the end, so that
--resume does not ask again."""
)
@click.argument("train_data", metavar="TRAIN")
@validation_option
@click.option(
    "--teacher",
    "teachers",
    required=True,
    multiple=True,
    type=MODEL_NAME,
    metavar="DIR|ID|shipped",
    help="Model to learn from: any that `sentiment score --model` takes; repeatable, for the mean of several.",
)
@click.option(
    "--student",
    required=True,
    type=MODEL_NAME,
    metavar="DIR|ID|shipped",
    help="Backbone to train: a local directory, a hub id, or the shipped model.",
)
@click.option(
    "--student-layers",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Layers of the student to keep, evenly spaced; 0 for all.",
)
@click.option(
    "--unlabelled",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="More texts, which only the teachers label; repeatable.",
)
@click.option(
    "--unlabelled-text-field",
    metavar="COLUMN",
    show_default="--text-field",
    help="Text column of the unlabelled files.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(1),
    default=2.0,
    metavar="X",
    help="Temperature that softens both models' probabilities (Hinton 2015).",
)
@click.option(
    "--hard-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.3,
    metavar="X",
    help="Weight of the labels in the loss.",
)
@labelled_options
@recipe_options
@common_options("label-map")
def distill(
    train_data: str,
    teachers: tuple[str, ...],
    student: str,
    student_layers: int,
    unlabelled: tuple[Path, ...],
    unlabelled_text_field: str | None,
    text_field: str,
    label_field: str,
    reading: ReadingOptions,
    temperature: float,
    hard_share: float,
    resume: bool,
    report: Output | None,
    as_json: bool,
    settings: Any,
    **flags: Any,
) -> int:
    """Train a student to imitate a larger model on TRAIN and on unlabelled texts.

    Texts are redacted and normalised as in serving, and texts of validation rows are left out.
    """
    with train_extra():
        from training.finetune.distill import Teaching

        layout = layout_of(settings, text_field, label_field, reading)
    teaching = Teaching(teachers, unlabelled, unlabelled_text_field or text_field, temperature, hard_share)
    job = make_job(
        train=train_data, backbone=student, keep_layers=student_layers, teaching=teaching, layout=layout, **flags
    )
    return run_job(job, resume=resume, report=report, as_json=as_json)
