"""An audit on the terminal: gaps by attribute, failures by capability, quality by group, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from sentiment.cli.tables import FittedTable, line, output, table

if TYPE_CHECKING:
    from sentiment.statistics import Interval
    from training.audit.gaps import AttributeGaps
    from training.audit.groups import Compared, GroupQuality
    from training.audit.report import AuditLimits, AuditReport


def print_audit(report: AuditReport, groups: Sequence[GroupQuality], limits: AuditLimits, *, n_examples: int) -> None:
    """Print tables, with at most `n_examples` failed cases of each capability."""
    console = output()
    console.print(f"{report.n_texts:,} texts, seed {report.seed}\n")
    console.print(_gaps(report, limits))
    console.print(_behaviour(report))
    if groups:
        console.print(_quality(groups))
    if n_examples:
        _print_examples(console, report, n_examples)
    violations = report.violations(limits)
    for violation in violations:
        console.print(line(f"exceeded: {violation}", style="red"))
    if not violations:
        console.print(line("all limits are kept", style="green"))


def _gaps(report: AuditReport, limits: AuditLimits) -> FittedTable:
    rows = (
        (
            gaps.attribute if gaps.n_scenes >= limits.min_n else f"{gaps.attribute} (too few to judge)",
            f"{gaps.n_scenes:,}",
            f"{gaps.n_pairs:,}",
            f"{gaps.mean_abs_gap:.3f} {_ends(gaps.interval, '.3f')}",
            f"{gaps.max_abs_gap:.2f}",
            f"{gaps.group_gap:.3f}",
            f"{gaps.flip_rate:.1%}",
            _farthest(gaps),
        )
        for gaps in report.counterfactual
    )
    columns = ("attribute", "scenes", "pairs", "mean gap [95 %]", "max", "groups", "flips", "farthest")
    return table(columns, rows, title="counterfactual pairs")


def _farthest(gaps: AttributeGaps) -> str:
    """The group whose scores lie farthest from the reference."""
    offset = max(gaps.groups, key=lambda group: abs(group.mean_offset))
    return f"{offset.group} {offset.mean_offset:+.3f} {_ends(offset.interval, '+.3f')}"


def _behaviour(report: AuditReport) -> FittedTable:
    def rows() -> Iterator[tuple[str | Text, ...]]:
        for result in report.behaviour:
            rate = f"{result.rate:.1%} {_ends(result.interval, '.1%')}"
            yield line(result.capability, style="bold"), "", str(result.n), str(result.failures), rate
            for test in result.tests:
                yield f"  {test.name}", test.kind, str(test.n), str(test.failures), ""

    return table(("capability", "kind", "cases", "failed", "rate [95 %]"), rows(), title="behaviour", words=("kind",))


def _quality(groups: Sequence[GroupQuality]) -> FittedTable:
    rows = (
        (group.group, f"{group.n:,}", *_compared(group.macro_f1), *_compared(group.macro_recall)) for group in groups
    )
    columns = ("group", "rows", "macro-F1", "against the others", "macro-recall", "against the others")
    return table(columns, rows, title="labelled rows")


def _compared(measure: Compared | None) -> tuple[str, str]:
    if measure is None:
        return "too few", ""
    return f"{measure.value:.3f}", f"{measure.gap:+.3f} {_ends(measure.interval, '+.3f')}"


def _print_examples(console: Console, report: AuditReport, n_examples: int) -> None:
    for gaps in report.counterfactual:
        console.print(line(f"{gaps.attribute}, widest gap: {' | '.join(gaps.worst)}"))
    for result in report.behaviour:
        step = max(1, len(result.examples) // n_examples)
        for texts in result.examples[::step][:n_examples]:
            console.print(line(f"{result.capability}, failed: {' | '.join(texts)}"))


def _ends(interval: Interval, form: str) -> str:
    return f"[{interval.low:{form}}, {interval.high:{form}}]"
