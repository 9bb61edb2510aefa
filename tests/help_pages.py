"""The help pages of the command line, in parts: examples and prose."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tests.docs.pages import calls_of


def examples_of(command: click.Command) -> Iterator[list[str]]:
    """The calls below `Example:` in the epilog, unless they are cut short with an ellipsis."""
    _, _, below = (command.epilog or "").partition("Example:\n")
    block = below.partition("\n\n")[0].replace("\\\n", " ")
    yield from (words for words in calls_of(block.splitlines()) if "…" not in words)


def prose_of(epilog: str) -> str:
    """The epilog without its examples."""
    before, _, below = epilog.partition("Example:\n")
    return before + below.partition("\n\n")[2]
