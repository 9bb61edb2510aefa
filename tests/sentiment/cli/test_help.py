"""Every help page helps: plain sentences, defaults and placeholders in one style, and examples that can be typed."""

from __future__ import annotations

import dataclasses
import re
from inspect import cleandoc
from typing import Any

import click
import msgspec
import pytest

from sentiment.cli.main import COMMANDS as OVERVIEW
from sentiment.cli.main import cli
from sentiment.drift.comparison import DriftConfig
from sentiment.drift.monitor import MonitorConfig
from tests.help_pages import prose_of
from tests.names import commands
from training.audit.report import AuditLimits
from training.comparison.cost import Assumptions
from training.finetune.recipe import Recipe
from training.promotion.records import GateLimits

COMMANDS = dict(commands())
OPTIONS = {
    f"{name} {option.opts[0]}": option
    for name, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
}
# A help text is a noun phrase or an imperative. These begin neither.
POOR_START = re.compile(r"(Of|By the|In|For|Whether|Takes|Gets|Is|Are)\b")
# click shows the default; said by hand it would drift.
OWN_DEFAULT = re.compile(r"\bdefault:|by default|\bdefaults to|^default\b|; default", re.IGNORECASE)
STILTED = re.compile(
    r"\b(is no(?! worse)|are no|in vain|whence|thereof|so many|no matter|in spite of|than by)\b|; more:|; less:"
)
DEFAULTS: list[tuple[str, Any]] = [
    ("audit", AuditLimits()),
    ("models promote", GateLimits()),
    ("compare", Assumptions()),
    ("train", Recipe()),
    ("distill", Recipe()),
    ("monitor", DriftConfig()),
    ("monitor", MonitorConfig()),
]


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_explained_in_plain_sentences(name: str) -> None:
    """A text begins with a capital, ends with a full stop, and neither hangs in the air nor tells a default."""
    option = OPTIONS[name]
    text = option.help or ""
    assert re.fullmatch(r"[A-Z\d].*\.", text)
    assert not POOR_START.match(text)
    assert not OWN_DEFAULT.search(text)
    assert not STILTED.search(text)
    assert len(text) <= 160


@pytest.mark.parametrize("name", OPTIONS)
def test_placeholders_say_what_goes_there(name: str) -> None:
    """No placeholder is a type's name, such as INTEGER RANGE; a column is called COLUMN and a duration DURATION."""
    option = OPTIONS[name]
    shown = option.make_metavar(click.Context(cli))
    assert not re.search(r"INTEGER|FLOAT|RANGE|TEXT|PATH|DIRECTORY", shown)
    assert "COLUMN" in shown or not option.opts[0].endswith("-field")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_does(name: str) -> None:
    """In an imperative sentence first; then in whole sentences, also below the examples."""
    command = COMMANDS[name]
    text = cleandoc(command.help or "")
    first = text.partition("\n\n")[0]
    assert re.fullmatch(r"[A-Z][a-z-]+,? [^?]*\.", first, re.DOTALL)
    assert not POOR_START.match(first)
    for paragraph in (text, prose_of(command.epilog or "").strip("\b\n ")):
        assert not STILTED.search(paragraph)
        assert not paragraph or paragraph.endswith((".", "?"))


def test_the_overview_is_short_and_in_one_style() -> None:
    """One imperative sentence for each command."""
    for summary, (_, _, text) in OVERVIEW.items():
        assert re.fullmatch(r"[A-Z][a-z-]+,? [^.?]*\.", text), summary
        assert len(text) <= 60, summary


@pytest.mark.parametrize(("name", "config"), DEFAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_the_defaults_that_are_shown_are_those_of_the_code(name: str, config: Any) -> None:
    """Where code has defaults of its own, the command shows the same ones."""
    fields = msgspec.structs.asdict(config) if isinstance(config, msgspec.Struct) else dataclasses.asdict(config)
    context = COMMANDS[name].make_context(name, [], resilient_parsing=True)
    common = (fields.keys() & context.params.keys()) - {"audit_limits"}
    assert common
    assert {field: context.params[field] for field in common} == {field: fields[field] for field in common}
