"""`sentiment distill`: a large model's judgement into a small one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.options import common_options
from sentiment.cli.recipe import make_job, recipe_options, run_job


@click.command(
    epilog="""\b
Example:
  sentiment distill train.jsonl.gz --validation dev.jsonl.gz --unlabelled reviews.csv --text-field content \\
    --teacher large-model --student sentence-transformers/all-MiniLM-L6-v2 --student-layers 3 --output small-model

Needs the extra `train`. The loss is SHARE of the labels' plus 1 − SHARE of the teacher's; unlabelled texts have the
teacher's alone. What the teacher said is kept in OUTPUT.training until the end, so --resume does not ask again."""
)
@click.argument("train_data", metavar="TRAIN")
@click.option("--validation", required=True, metavar="FILE", help="Held-out rows: selection, temperature.")
@click.option(
    "--teacher",
    required=True,
    metavar="DIR|ID",
    help="Any model that `sentiment score --model` takes.",
)
@click.option("--student", required=True, metavar="DIR|ID", help="The backbone that learns.")
@click.option("--student-layers", type=click.IntRange(0), default=0, help="Kept, evenly spaced; default: all.")
@click.option(
    "--unlabelled",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="More texts for the teacher; repeatable.",
)
@click.option("--text-field", default="text", metavar="F", help="Column of the unlabelled texts.")
@click.option("--temperature", type=click.FloatRange(1), default=2.0, help="Softens both; see Hinton 2015.")
@click.option(
    "--hard-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.3,
    metavar="SHARE",
    help="Of the labels in the loss.",
)
@recipe_options
@common_options()
def distill(
    train_data: str,
    teacher: str,
    student: str,
    student_layers: int,
    unlabelled: tuple[Path, ...],
    text_field: str,
    temperature: float,
    hard_share: float,
    resume: bool,
    as_json: bool,
    settings: Any,
    **flags: Any,
) -> None:
    """Teach a student what a larger model makes of TRAIN and of unlabelled texts, and write a servable model.

    Texts are redacted and normalised as in serving, and no validation text is taught.
    """
    with train_extra():
        from training.finetune.distill import Teaching
    teaching = Teaching(teacher, unlabelled, text_field, temperature, hard_share)
    job = make_job(train=train_data, backbone=student, keep_layers=student_layers, teaching=teaching, **flags)
    run_job(job, resume=resume, as_json=as_json)
