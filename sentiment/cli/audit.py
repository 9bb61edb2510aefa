"""`sentiment audit`: check whether a model treats people alike, and reads as people do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.flags import FILE, SHARE, json_option, seed_option, typed
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json

if TYPE_CHECKING:
    from sentiment.model.classifier import Classifier
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions
    from training.audit.groups import GroupQuality
    from training.audit.report import AuditLimits
    from training.evaluation.predicting import Answers


@click.command(
    epilog="""\b
Example:
  sentiment audit
  sentiment audit --model my-model --data equity_evaluation_corpus.csv.gz --examples 3
  sentiment audit --labelled reviews.jsonl --group-field country --no-gate --json

A gap is the difference between the scores, p(positive) − p(negative), of two sentences that differ only in who is
named. Exit code 1 if a limit is exceeded, unless --no-gate is given."""
)
@click.option(
    "--data",
    "corpora",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="More pairs, in the format of the Equity Evaluation Corpus; repeatable.",
)
@click.option("--labelled", type=FILE, metavar="FILE", help="Labelled rows, to report quality by group.")
@click.option("--group-field", metavar="COLUMN", help="Column of --labelled that holds the group.")
@click.option("--limits", "limits_file", type=FILE, metavar="FILE", help="TOML or JSON file of limits.")
@click.option(
    "--max-gap", type=click.FloatRange(0, 2), default=0.02, metavar="X", help="Maximum mean gap of an attribute."
)
@click.option(
    "--max-flip-rate", type=SHARE, default=0.01, metavar="X", help="Maximum share of pairs with different labels."
)
@click.option(
    "--max-failure-rate", type=SHARE, default=0.05, metavar="X", help="Maximum share of failed cases of a capability."
)
@click.option("--min-n", type=click.IntRange(1), default=30, metavar="N", help="Scenes, cases or rows needed to judge.")
@click.option("--no-gate", is_flag=True, help="Exit with 0 even if a limit is exceeded.")
@labelled_options
@seed_option
@click.option(
    "--examples", "n_examples", type=click.IntRange(0), default=0, metavar="N", help="Failures to show per capability."
)
@json_option()
@common_options("model")
def audit(
    settings: Settings,
    corpora: tuple[Path, ...],
    labelled: Path | None,
    group_field: str | None,
    limits_file: Path | None,
    no_gate: bool,
    text_field: str,
    label_field: str,
    reading: ReadingOptions,
    seed: int,
    n_examples: int,
    as_json: bool,
    **flags: Any,
) -> None:
    """Audit a model with counterfactual pairs and behavioural tests.

    The pairs vary gender, names, nationality, religion, orientation, age, ethnicity, disability and dialect. The tests
    cover negation, intensity, "no problems", emoji, sarcasm and neutral texts, and check that letter case, typos and
    links do not matter. Flags override the limits of --limits.
    """
    from sentiment.errors import CheckFailed, UsageError

    if (labelled is None) != (group_field is None):
        raise UsageError("--labelled and --group-field need each other")
    import msgspec

    from sentiment.cli.audit_tables import print_audit
    from sentiment.model.loading import load_configured
    from training.audit.audit import audit as run_audit
    from training.audit.eec import read_eec
    from training.audit.groups import read_grouped

    limits = _limits(limits_file, flags)
    pair_sets = [pair_set for file in corpora for pair_set in read_eec(file)]
    layout = layout_of(settings, text_field, label_field, reading)
    grouped = read_grouped(labelled, group_field, layout) if labelled and group_field else None
    classifier = load_configured(settings.model)
    report = run_audit(lambda texts: _predict(classifier, texts), seed=seed, corpora=pair_sets)
    groups = _groups(classifier, grouped, seed=seed, min_n=limits.min_n)
    violations = report.violations(limits)
    if as_json:
        document = {
            "model": msgspec.to_builtins(classifier.model),
            "backend": classifier.backend,
            "passed": not violations,
            "violations": violations,
            "limits": msgspec.to_builtins(limits),
            **msgspec.to_builtins(report),
            "groups": msgspec.to_builtins(groups),
        }
        print_json(document)
    else:
        click.echo(f"{classifier.model.name} {classifier.model.version} with {classifier.backend}")
        print_audit(report, groups, limits, n_examples=n_examples)
    if violations and not no_gate:
        raise CheckFailed(f"limits exceeded: {len(violations)}", hint="--no-gate reports without judging")


def _limits(file: Path | None, flags: dict[str, Any]) -> AuditLimits:
    import msgspec

    from training.audit.report import AuditLimits, read_limits

    return msgspec.structs.replace(AuditLimits(**flags) if file is None else read_limits(file), **typed(flags))


def _predict(classifier: Classifier, texts: Sequence[str]) -> Answers:
    from sentiment.cli.progress import Ticker
    from training.evaluation.predicting import answers_of

    with Ticker() as ticker:
        return answers_of(classifier, texts, progress=ticker, phase="auditing")


def _groups(classifier: Classifier, grouped: Any, *, seed: int, min_n: int) -> list[GroupQuality]:
    if grouped is None:
        return []
    import numpy as np

    from training.audit.groups import compare_groups

    examples, groups = grouped
    chosen = _predict(classifier, [example.text for example in examples]).chosen
    labels = np.array([example.label for example in examples])
    return compare_groups(labels, chosen, groups, seed=seed, min_n=min_n)
