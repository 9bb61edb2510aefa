"""The content of a registry and the verdict of the gate, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from sentiment.cli.tables import line, output, table

if TYPE_CHECKING:
    from sentiment.model.registry import Registry
    from training.promotion.promote import PromotionOutcome
    from training.promotion.records import GateLimits

_WORDS = {
    "promoted": "promoted",
    "forced": "promoted by force",
    "rejected": "refused",
    "rolled_back": "rolled back to",
    "served_again": "served again",
}
_VERSIONS = ("", "version", "model")
_DECISIONS = ("when (UTC)", "what", "version", "instead of", "failed checks, own limits")
_CHECKS = ("check", "measured", "limit", "")
_PASS, _FAIL = Text("pass", "green"), Text("FAIL", "red")


def as_document(registry: Registry) -> dict[str, Any]:
    """Return versions, current version and history."""
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
    """Print a line for each version, then one for each decision."""
    current, earlier = registry.current(), registry.earlier()
    marks = dict.fromkeys(earlier[-1:], "before")
    if current is not None:
        marks[current.id] = "serves"
    versions = [
        (Text(marks.get(one.id, ""), style="green"), one.id, f"{one.ref.name} {one.ref.version}")
        for one in registry.versions()
    ]
    decisions = [
        (
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            _what(event.action, event.verdict.get("own_limits", ())),
            event.version,
            event.previous or "",
            ", ".join(
                (
                    *(check["name"] for check in event.verdict.get("checks", ()) if not check["passed"]),
                    *event.verdict.get("own_limits", ()),
                )
            ),
        )
        for event in registry.history()
    ]
    console = output()
    console.print(table(_VERSIONS, versions, words=_VERSIONS))
    console.print(table(_DECISIONS, decisions, words=_DECISIONS))
    if current is None:
        click.echo("no version is served", err=True)


def outcome_document(outcome: PromotionOutcome, limits: GateLimits) -> dict[str, Any]:
    """Return the verdict, the limits and what was done."""
    import msgspec

    return {
        "action": outcome.action,
        "version": outcome.version,
        "serving": outcome.serving,
        "limits": msgspec.to_builtins(limits),
        **msgspec.to_builtins(outcome.verdict),
    }


def print_outcome(outcome: PromotionOutcome) -> None:
    """Print the verdict as a table, what exactly failed, and what was done."""
    verdict, console = outcome.verdict, output()
    against = "nothing: the first of its registry" if verdict.current is None else _named(verdict.current)
    console.print(line(f"{_named(verdict.candidate)} against {against}, {verdict.n_rows:,} rows, seed {verdict.seed}"))
    rows = ((check.name, check.measured, check.limit, _PASS if check.passed else _FAIL) for check in verdict.checks)
    console.print(table(_CHECKS, rows, words=_CHECKS))
    for check in verdict.checks:
        for detail in () if check.passed else check.details:
            console.print(line(f"{check.name}: {detail}", style="red"))
    serving = "nothing serves" if outcome.serving is None else f"{outcome.serving} serves"
    done = _what(outcome.action, verdict.own_limits)
    console.print(line(f"{outcome.version} {done}; {serving}"))
    if verdict.own_limits:
        console.print(line(f"own limits, which the history shows: {', '.join(verdict.own_limits)}"))


def _what(action: str, own_limits: Sequence[str]) -> str:
    """What was done. A gate with other limits than the usual ones is as telling as --force."""
    return f"{_WORDS[action]} with own limits" if own_limits and action == "promoted" else _WORDS[action]


def _named(ref: Any) -> str:
    return f"{ref.name} {ref.version}"
