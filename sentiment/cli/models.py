"""`sentiment models`: which models there are, which one serves, and the gate before that changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import DIRECTORY, FILE, SHARE, json_option, seed_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json

if TYPE_CHECKING:
    from sentiment.settings import Settings
    from training.promotion.records import GateLimits


@click.group(
    epilog="""\b
Example:
  sentiment models promote models my-model --data dev.jsonl.gz
  sentiment models list models
  sentiment worker --model models
  sentiment models rollback models"""
)
def models() -> None:
    """List, promote and roll back models. ROOT is a directory of models of which one serves."""


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
    """The versions in ROOT, which one serves, and what was decided about them."""
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

Running workers take the change over within model.reload_interval_s, without leaving their group."""
)
@click.argument("root", metavar="ROOT", type=DIRECTORY)
@json_option()
@common_options()
def rollback(settings: Settings, root: Path, as_json: bool) -> None:
    """Let the version serve again that served before the present one. Needs no data, and measures nothing."""
    from datetime import UTC, datetime

    from sentiment.model.registry import Registry

    registry = Registry(root)
    version = registry.rollback(at=datetime.now(UTC))
    earlier = registry.earlier()
    if as_json:
        print_json({"current": version.id, "earlier": earlier})
    else:
        click.echo(f"{version.id} serves now" + (f"; before it: {earlier[-1]}" if earlier else "; nothing before it"))


@models.command(
    epilog="""\b
Example:
  sentiment models promote models my-model --data dev.jsonl.gz
  sentiment models promote models my-model --data dev.jsonl.gz --audit relative --json

Needs the extra `train`. Exit code 1 where the candidate was refused. What was measured is kept in ROOT/history.jsonl.
With --force a candidate serves in spite of a failure, and the history says so."""
)
@click.argument("root", metavar="ROOT", type=DIRECTORY)
@click.argument("candidate", metavar="CANDIDATE", type=DIRECTORY)
@click.option("--data", required=True, metavar="FILE", help="Labelled rows that neither model was trained on.")
@click.option("--max-rows", type=click.IntRange(10), metavar="N", help="Draw so many rows; all by default.")
@click.option("--margin", type=SHARE, help="Macro-F1 that may surely be lost against the current one; default 0.01.")
@click.option("--min-macro-f1", type=SHARE, help="Default 0.6.")
@click.option("--max-ece", type=SHARE, help="Calibration error; default 0.03, more where rows are few.")
@click.option(
    "--audit",
    type=click.Choice(["absolute", "relative", "off"]),
    help="Limits of the audit: absolute (default), or excused where the current version is as bad.",
)
@click.option("--audit-limits", type=FILE, metavar="FILE", help="TOML or JSON.")
@click.option("--max-latency-ratio", type=click.FloatRange(0), help="Median of a text against current; default 1.25.")
@click.option("--max-latency-ms", type=click.FloatRange(0), help="Median of a text; default 100.")
@click.option("--max-placeholder-moves", type=SHARE, help="Labels that a placeholder moves; default 0.05.")
@seed_option
@click.option("--force", is_flag=True, help="Promote in spite of a failure.")
@json_option("Print the verdict as one JSON document.")
@common_options("threads")
def promote(
    settings: Settings,
    root: Path,
    candidate: Path,
    data: str,
    max_rows: int | None,
    audit_limits: Path | None,
    seed: int,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Hold CANDIDATE against the gate, and let it serve from ROOT where it passes.

    The gate asks for quality no worse than the current version's, calibration, agreement of the forms of the weights,
    fairness and behaviour (see `sentiment audit`), placeholders of personal data, and latency. The first candidate of
    ROOT has nothing to be compared with, and is held against absolute limits only. CANDIDATE may be another registry:
    its promoted version is meant.
    """
    from datetime import UTC, datetime

    from sentiment.cli.models_tables import outcome_document, print_outcome
    from sentiment.cli.progress import Ticker
    from sentiment.errors import CheckFailed
    from sentiment.model.registry import Registry

    with train_extra("promoting"):
        from training.data.examples import read_examples
        from training.data.rows import sample_rows
        from training.promotion.promote import promote as run_gate
        from training.promotion.records import GateSettings
    limits = _limits(audit_limits, flags)
    examples = read_examples(data)
    examples = [examples[index] for index in sample_rows(len(examples), max_rows, seed)]
    with Ticker() as ticker:
        outcome = run_gate(
            Registry(root),
            candidate,
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
            hint="--force promotes it in spite of that",
        )


def _limits(audit_limits: Path | None, flags: dict[str, Any]) -> GateLimits:
    import msgspec

    from training.audit.report import read_limits
    from training.promotion.records import GateLimits

    given = {name: value for name, value in flags.items() if value is not None}
    if audit_limits is not None:
        given["audit_limits"] = read_limits(audit_limits)
    return msgspec.structs.replace(GateLimits(), **given)
