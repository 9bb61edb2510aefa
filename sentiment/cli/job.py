"""The job that the flags of `sentiment train` and `sentiment distill` describe, and running it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.forms import FORMS, print_missing_forms
from sentiment.cli.outputs import apart_from, check_outputs, print_json, write_output

if TYPE_CHECKING:
    from sentiment.model.manifest import Manifest
    from sentiment.outputs import Output
    from training.data.examples import RowLayout
    from training.finetune.distill import Teaching
    from training.finetune.job import TrainingJob


def make_job(
    *,
    train: str,
    validation: str,
    backbone: str,
    output: Path,
    name: str | None,
    backbone_licence: str,
    class_weights: tuple[str, ...],
    source_weights: tuple[str, ...],
    weak_neutral_weight: float,
    drop_near_duplicates: bool,
    tracker: Any,
    tracking_dir: str | None,
    experiment: str,
    layout: RowLayout,
    device: Any,
    save_every: float,
    gradient_checkpointing: bool,
    teaching: Teaching | None = None,
    few_shot: bool | None = False,
    **recipe: Any,
) -> TrainingJob:
    """Return the job that the flags describe. Raises ``ConfigurationError`` for weights that make no sense."""
    from sentiment.errors import ConfigurationError
    from sentiment.events import LABELS

    by_class = _weights(class_weights, "--class-weight")
    if unknown := set(by_class) - set(LABELS):
        raise ConfigurationError(f"--class-weight: unknown label {min(unknown)!r}", hint=f"one of {', '.join(LABELS)}")
    with train_extra():
        from training.data.examples import Weighting
        from training.finetune.job import TrainingJob
        from training.finetune.recipe import Recipe
        from training.finetune.running import Running
        from training.finetune.tracker import Tracker, default_location
    return TrainingJob(
        train=train,
        validation=validation,
        backbone=backbone,
        output=output,
        name=name or output.name,
        recipe=Recipe(**recipe),
        weighting=Weighting(
            classes=(by_class.get("negative", 1.0), by_class.get("neutral", 1.0), by_class.get("positive", 1.0)),
            sources=_weights(source_weights, "--source-weight"),
            weak_neutral=weak_neutral_weight,
        ),
        licences={"backbone": backbone_licence},
        teaching=teaching,
        few_shot=few_shot,
        layout=layout,
        running=Running(device, save_every, gradient_checkpointing),
        drop_near_duplicates=drop_near_duplicates,
        tracker=Tracker(tracker, tracking_dir or default_location(output), experiment) if tracker else None,
    )


def run_job(job: TrainingJob, *, resume: bool, report: Output | None, as_json: bool) -> int:
    """Train, and print the manifest or a line for each form of the weights. Returns the exit code."""
    from sentiment.cli.progress import Ticker
    from sentiment.cli.signals import terminate_like_interrupt

    check_outputs(report, force=None, inputs=[job.train, job.validation], as_json=as_json)
    with train_extra():
        from training.cards.training_report import training_report
        from training.finetune.train import train_model
        from training.finetune.work import saved, work_folder
    with terminate_like_interrupt(), Ticker() as ticker:
        try:
            manifest = train_model(job, resume=resume, progress=ticker)
        except KeyboardInterrupt:
            begun = saved(work_folder(job.output))
            ticker.say(
                f"interrupted; add --resume to go on from {begun}" if begun else "interrupted; nothing was saved yet"
            )
            return 130
    if manifest is None:  # of several processes, one speaks
        return 0
    if report is not None:
        write_output(report, training_report(manifest))
    if as_json:
        print_json(manifest)
        return 0
    with apart_from(report):
        _print_quality(manifest)
        print_missing_forms(manifest)
        click.echo(f"wrote {job.output} ({manifest.name} {manifest.version})")
    return 0


def _print_quality(manifest: Manifest) -> None:
    measured = manifest.metrics["validation"]
    for form in FORMS:
        if quality := measured.get(form):
            click.echo(f"{form}: macro-F1 {quality['macro_f1']:.4f}, ECE {quality['ece']:.4f} on {quality['n']} rows")


def _weights(pairs: tuple[str, ...], flag: str) -> dict[str, float]:
    from sentiment.errors import ConfigurationError

    weights = {}
    for pair in pairs:
        key, _, value = pair.rpartition("=")
        try:
            weights[key] = float(value)
        except ValueError:
            weights[key] = -1.0
        if not key or not 0 <= weights[key] < 1e6:
            raise ConfigurationError(f"{flag} takes NAME=WEIGHT with a weight ≥ 0, not {pair!r}")
    return weights
