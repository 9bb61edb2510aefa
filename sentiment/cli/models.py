"""`sentiment models`: a registry of models, and the gate before another one is served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import DIRECTORY, FILE, MODEL_DIRECTORY, SHARE, json_option, seed_option
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json

if TYPE_CHECKING:
    from sentiment.model.registry import Registry, Version
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions
    from training.promotion.promote import PromotionOutcome
    from training.promotion.records import GateLimits


@click.group(
    epilog="""\b
Example:
  sentiment models promote models my-model --data dev.jsonl.gz --audit off
  sentiment models list models
  sentiment worker --model models
  sentiment models rollback models"""
)
def models() -> None:
    """List, promote and roll back models. ROOT is a registry: a directory of versions, one of which is served."""


@models.command(
    "list",
    epilog="""\b
Example:
  sentiment models list models
  sentiment models list models --json | jq -r .current""",
)
@click.argument("root", metavar="ROOT", type=DIRECTORY)
@json_option("Print one JSON document, with the whole history.")
@common_options()
def list_models(settings: Settings, root: Path, as_json: bool) -> None:
    """List the versions in ROOT, and the decisions about them."""
    from sentiment.cli.models_tables import as_document, print_versions
    from sentiment.model.registry import Registry

    registry = Registry(root)
    registry.require()
    if as_json:
        print_json(as_document(registry))
    else:
        print_versions(registry)


@models.command(
    epilog="""\b
Example:
  sentiment models rollback models

Needs no data, and measures nothing. Running workers switch within model.reload_interval_s, without leaving their
group."""
)
@click.argument("root", metavar="ROOT", type=DIRECTORY)
@json_option()
@common_options()
def rollback(settings: Settings, root: Path, as_json: bool) -> None:
    """Roll back to the previously served version. Repeated, it goes further back."""
    from datetime import UTC, datetime

    from sentiment.model.registry import Registry

    registry = Registry(root)
    _told(registry.rollback(at=datetime.now(UTC)), registry, as_json)


def _told(version: Version, registry: Registry, as_json: bool) -> None:
    """Say what serves now, and where a rollback would go."""
    earlier = registry.earlier()
    if as_json:
        print_json({"current": version.id, "earlier": earlier})
    else:
        click.echo(f"now serving {version.id}" + (f"; before it: {earlier[-1]}" if earlier else "; nothing before it"))


@models.command(
    epilog="""\b
Example:
  sentiment models promote models my-model --data dev.jsonl.gz
  sentiment models promote models my-model --data dev.jsonl.gz --audit off        # the first model
  sentiment models promote models next-model --data dev.jsonl.gz --audit relative
  sentiment models promote models my-model-VERSION

Requires the `train` extra, except for a version that is there. Exit code 1 if the candidate is refused. All
measurements are kept in ROOT/history.jsonl, which also says when --force overruled a failure, and which limits were
your own."""
)
@click.argument("root", metavar="ROOT", type=DIRECTORY)
@click.argument("candidate", metavar="CANDIDATE|VERSION", type=MODEL_DIRECTORY)
@click.option(
    "--data", metavar="FILE", help="Labelled rows that neither model was trained on; required for a new model."
)
@click.option("--max-rows", type=click.IntRange(10), metavar="N", help="Evaluate on a random sample of N rows.")
@click.option(
    "--margin", type=SHARE, default=0.01, metavar="X", help="Maximum loss of macro-F1 against the current version."
)
@click.option("--min-macro-f1", type=SHARE, default=0.6, metavar="X", help="Minimum macro-F1.")
@click.option(
    "--max-ece",
    type=SHARE,
    default=0.03,
    metavar="X",
    help="Maximum calibration error, with an allowance for few rows.",
)
@click.option(
    "--audit",
    type=click.Choice(["absolute", "relative", "off"]),
    default="absolute",
    help="Limits of the audit. relative excuses limits that the current version breaks too; off skips the audit.",
)
@click.option("--audit-limits", type=FILE, metavar="FILE", help="TOML or JSON file of audit limits.")
@click.option(
    "--max-latency-ratio",
    type=click.FloatRange(0),
    default=1.25,
    metavar="X",
    help="Maximum ratio of median latencies, candidate to current version.",
)
@click.option(
    "--max-latency-ms", type=click.FloatRange(0), default=100.0, metavar="X", help="Maximum median latency of a text."
)
@click.option(
    "--max-placeholder-moves",
    type=SHARE,
    default=0.05,
    metavar="X",
    help="Maximum share of labels that a placeholder for personal data changes.",
)
@labelled_options
@seed_option
@click.option("--force", is_flag=True, help="Promote the candidate despite a failure.")
@json_option("Print the verdict as one JSON document.")
@common_options("label-map", "threads")
def promote(
    settings: Settings,
    root: Path,
    candidate: Path,
    data: str | None,
    max_rows: int | None,
    audit_limits: Path | None,
    text_field: str,
    label_field: str,
    reading: ReadingOptions,
    seed: int,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Judge CANDIDATE, and serve it from ROOT if it passes; or serve a VERSION that is in ROOT.

    It passes if it is no worse than the current version, is calibrated, is fast enough, and passes the audit (see
    `sentiment audit`); if its forms agree; and if placeholders for personal data hardly change its labels. The first
    candidate is held against absolute limits only. If CANDIDATE is a registry, its served version is taken.

    A VERSION (see `sentiment models list`) has passed the gate before: without --data nothing is measured.
    """
    from datetime import UTC, datetime

    from sentiment.cli.models_tables import outcome_document, print_outcome
    from sentiment.cli.progress import Ticker
    from sentiment.errors import CheckFailed, ConfigurationError
    from sentiment.model.registry import Registry

    registry = Registry(root)
    version = registry.find(str(candidate))
    if data is None:
        if version is None:
            raise ConfigurationError(
                f"{candidate} is not a version in {root}, and a new model is judged on labelled rows",
                hint="name them with --data FILE; `sentiment models list` shows the versions that are there",
            )
        _told(registry.serve(version.id, at=datetime.now(UTC)), registry, as_json)
        return
    with train_extra("promoting"):
        from training.data.examples import read_examples
        from training.data.rows import sample_rows
        from training.promotion.promote import promote as run_gate
        from training.promotion.records import GateSettings
    limits = _limits(audit_limits, flags)
    examples = read_examples(data, layout_of(settings, text_field, label_field, reading))
    examples = [examples[index] for index in sample_rows(len(examples), max_rows, seed)]
    with Ticker() as ticker:
        outcome = run_gate(
            registry,
            candidate if version is None else version.path,
            examples,
            GateSettings(limits, seed, settings.model.threads),
            force=force,
            clock=lambda: datetime.now(UTC),
            progress=ticker,
        )
    if as_json:
        print_json(outcome_document(outcome, limits))
    else:
        print_outcome(outcome)
    if outcome.action == "rejected":
        raise CheckFailed(
            f"{outcome.version} was not promoted: {', '.join(outcome.verdict.failed)}",
            hint=_way_in(outcome, limits),
        )


def _way_in(outcome: PromotionOutcome, limits: GateLimits) -> str:
    """What can be done about a refusal."""
    if outcome.verdict.failed != ("audit",):
        return "--force promotes it all the same"
    if outcome.verdict.current is None:
        return "look at what it does wrong, then let the first model in with --audit off; the history shows that"
    if limits.audit == "absolute":
        return "--audit relative accepts what is no worse in the current version; --force promotes it all the same"
    return "--force promotes it all the same"


def _limits(audit_limits: Path | None, flags: dict[str, Any]) -> GateLimits:
    from training.audit.report import read_limits
    from training.promotion.records import GateLimits

    if audit_limits is None:
        return GateLimits(**flags)
    return GateLimits(audit_limits=read_limits(audit_limits), **flags)
