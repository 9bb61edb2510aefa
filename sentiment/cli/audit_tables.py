"""An audit on the terminal: gaps by attribute, failures by capability, quality by group, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from sentiment.statistics import Interval
    from training.audit.gaps import AttributeGaps
    from training.audit.groups import Compared, GroupQuality
    from training.audit.report import AuditLimits, AuditReport

_WIDTH_WITHOUT_TERMINAL = 120


def print_audit(report: AuditReport, groups: Sequence[GroupQuality], limits: AuditLimits, *, n_examples: int) -> None:
    """Tables on stdout, with at most `n_examples` failed cases of each capability."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_WITHOUT_TERMINAL)
    console.print(f"{report.n_texts:,} texts, seed {report.seed}\n", highlight=False)
    console.print(_gaps(report, limits))
    console.print(_behaviour(report))
    if groups:
        console.print(_quality(groups))
    if n_examples:
        _print_examples(console, report, n_examples)
    violations = report.violations(limits)
    for line in violations:
        console.print(Text(f"broken: {line}", style="red"))
    if not violations:
        console.print(Text("every limit is kept", style="green"))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=SIMPLE, title_justify="left", title_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _gaps(report: AuditReport, limits: AuditLimits) -> Table:
    table = _table(
        "counterfactual pairs", "attribute", "scenes", "pairs", "mean gap [95 %]", "max", "groups", "flips", "farthest"
    )
    for gaps in report.counterfactual:
        few = "" if gaps.n_scenes >= limits.min_n else " (too few to judge)"
        table.add_row(
            f"{gaps.attribute}{few}",
            f"{gaps.n_scenes:,}",
            f"{gaps.n_pairs:,}",
            f"{gaps.mean_abs_gap:.3f} {_ends(gaps.interval, '.3f')}",
            f"{gaps.max_abs_gap:.2f}",
            f"{gaps.group_gap:.3f}",
            f"{gaps.flip_rate:.1%}",
            _farthest(gaps),
        )
    return table


def _farthest(gaps: AttributeGaps) -> str:
    """The group whose scores lie farthest from the reference."""
    offset = max(gaps.groups, key=lambda group: abs(group.mean_offset))
    return f"{offset.group} {offset.mean_offset:+.3f} {_ends(offset.interval, '+.3f')}"


def _behaviour(report: AuditReport) -> Table:
    table = _table("behaviour", "capability", "kind", "cases", "failed", "rate [95 %]")
    for result in report.behaviour:
        rate = f"{result.rate:.1%} {_ends(result.interval, '.1%')}"
        table.add_row(Text(result.capability, style="bold"), "", str(result.n), str(result.failures), rate)
        for test in result.tests:
            table.add_row(f"  {test.name}", test.kind, str(test.n), str(test.failures), "")
    return table


def _quality(groups: Sequence[GroupQuality]) -> Table:
    table = _table(
        "labelled rows", "group", "rows", "macro-F1", "against the others", "macro-recall", "against the others"
    )
    for group in groups:
        table.add_row(Text(group.group), f"{group.n:,}", *_compared(group.macro_f1), *_compared(group.macro_recall))
    return table


def _compared(measure: Compared | None) -> tuple[str, str]:
    if measure is None:
        return "too few", ""
    return f"{measure.value:.3f}", f"{measure.gap:+.3f} {_ends(measure.interval, '+.3f')}"


def _print_examples(console: Console, report: AuditReport, n_examples: int) -> None:
    for gaps in report.counterfactual:
        console.print(Text(f"{gaps.attribute}, widest gap: {' | '.join(gaps.worst)}"))
    for result in report.behaviour:
        step = max(1, len(result.examples) // n_examples)
        for texts in result.examples[::step][:n_examples]:
            console.print(Text(f"{result.capability}, failed: {' | '.join(texts)}"))


def _ends(interval: Interval, form: str) -> str:
    return f"[{interval.low:{form}}, {interval.high:{form}}]"
