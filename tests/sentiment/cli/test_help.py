"""Every help page helps: its examples can be typed as they stand."""

from __future__ import annotations

import click
import pytest

from sentiment.cli.main import cli
from tests.help_pages import examples_of
from tests.names import commands

COMMANDS = dict(commands())


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_examples_can_be_typed(name: str) -> None:
    """Every example in a command's help is a complete call: required options are there, and values are in range."""
    command = COMMANDS.get(name, cli)
    examples = list(examples_of(command))
    assert examples
    for words in examples:
        parse(words)


def test_examples_that_cannot_be_typed_are_found() -> None:
    """The check of examples fails on an unknown command, a missing option and a value out of range."""
    for words in (["nonsense"], ["topics", "lst"], ["train", "rows.csv"], ["worker", "--metrics-port", "70000"]):
        with pytest.raises((click.UsageError, AssertionError)):
            parse(words)


def parse(words: list[str]) -> None:
    """Let click read `sentiment WORDS…` as it would on the command line, and run nothing."""
    command: click.Command = cli
    context = None
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words
        command, words = found, words[1:]
    context = command.make_context("sentiment", list(words))
    assert context is not None
