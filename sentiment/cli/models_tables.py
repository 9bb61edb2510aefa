"""A registry and a verdict, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from sentiment.model.registry import Registry
    from training.promotion.promote import PromotionOutcome
    from training.promotion.records import GateLimits

_WIDTH_WITHOUT_TERMINAL = 140
_WORDS = {"promoted": "promoted", "forced": "promoted by force", "rejected": "refused", "rolled_back": "rolled back to"}


def as_document(registry: Registry) -> dict[str, Any]:
    """Versions, pointer and history."""
    import msgspec

    current = registry.current()
    return {
        "root": str(registry.root),
        "current": None if current is None else current.id,
        "earlier": list(registry.earlier()),
        "versions": [{"id": one.id, **msgspec.to_builtins(one.ref)} for one in registry.versions()],
        "history": msgspec.to_builtins(registry.history()),
    }


def print_versions(registry: Registry) -> None:
    """A line for each version, then one for each decision."""
    current, earlier = registry.current(), registry.earlier()
    versions = _table("", "version", "model")
    for one in registry.versions():
        serves = current is not None and one.id == current.id
        mark = "serves" if serves else "before" if earlier and one.id == earlier[-1] else ""
        versions.add_row(Text(mark, style="green"), one.id, f"{one.ref.name} {one.ref.version}")
    decisions = _table("when (UTC)", "what", "version", "instead of", "failed checks")
    for event in registry.history():
        failed = [check["name"] for check in event.verdict.get("checks", ()) if not check["passed"]]
        decisions.add_row(
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            _WORDS[event.action],
            event.version,
            event.previous or "",
            ", ".join(failed),
        )
    console = _console()
    console.print(versions)
    console.print(decisions)
    if current is None:
        click.echo("no version is promoted", err=True)


def outcome_document(outcome: PromotionOutcome, limits: GateLimits) -> dict[str, Any]:
    """The verdict, the limits and what was done."""
    import msgspec

    return {
        "action": outcome.action,
        "version": outcome.version,
        "serving": outcome.serving,
        "limits": msgspec.to_builtins(limits),
        **msgspec.to_builtins(outcome.verdict),
    }


def print_outcome(outcome: PromotionOutcome) -> None:
    """The verdict as a table, what exactly failed, and what was done."""
    verdict, console = outcome.verdict, _console()
    against = "nothing: the first of its registry" if verdict.current is None else _named(verdict.current)
    console.print(f"{_named(verdict.candidate)} against {against}, {verdict.n_rows:,} rows, seed {verdict.seed}")
    table = _table("check", "measured", "limit", "")
    for check in verdict.checks:
        table.add_row(check.name, check.measured, check.limit, Text("pass", "green") if check.passed else _FAIL)
    console.print(table)
    for check in verdict.checks:
        for line in () if check.passed else check.details:
            console.print(Text(f"{check.name}: {line}", style="red"))
    serving = "nothing serves" if outcome.serving is None else f"{outcome.serving} serves"
    console.print(f"{outcome.version} {_WORDS[outcome.action]}; {serving}", highlight=False)


_FAIL = Text("FAIL", "red")


def _named(ref: Any) -> str:
    return f"{ref.name} {ref.version}"


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL, highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table
