"""What texts of this project may name, and how to find what they name: commands, flags, metrics, settings, files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import click

from consumers.runtime.metrics import TABLE
from sentiment.cli.main import cli
from sentiment.settings import Settings
from tests.docs.pages import commands_in

ROOT = Path(__file__).parents[1]

_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
_METRIC = re.compile(r"\bsentiment_[a-z][a-z_]*")
_SERIES = re.compile(r"_(bucket|count|sum)$")
_VARIABLE = re.compile(r"\bSENTIMENT_[A-Z][A-Z_]*")
_PATH = re.compile(r"(?<![\w./-])(?:sentiment|consumers|training|tests|deploy|docs)/[\w./-]*\w")
_FILES = {"json", "md", "onnx", "py", "safetensors", "toml", "yaml", "yml"}
# Variables that configure the tests, not the program.
_OTHER_VARIABLES = {"SENTIMENT_DATA"}


def faults(text: str, flags: Collection[str] | None = None) -> list[str]:
    """Everything that `text` names and that does not exist. `flags` are those it may name; default: every command's."""
    text = " ".join(text.split())
    calls = [fault for call in commands_in(text) if (fault := call_fault(call)) is not None]
    # A call in backticks has flags of its own command.
    prose = re.sub(r"`sentiment [^`]*`", "", text)
    known = all_flags() if flags is None else flags
    names = [flag for flag in _FLAG.findall(prose) if flag not in known]
    names += [name for name in _METRIC.findall(text) if _SERIES.sub("", name) not in metrics()]
    names += [name for name in _settings_in(text) if name not in settings()]
    names += [name for name in _VARIABLE.findall(text) if name not in variables()]
    names += [path for path in _PATH.findall(text) if not (ROOT / path).exists()]
    return calls + names


def call_fault(words: list[str]) -> str | None:
    """What is wrong with the call `sentiment WORDS…`: no such command, or no such flag. None where it can be typed."""
    command: click.Command = cli
    rest = [word for word in words if not word.rstrip("…").isupper() and word != "…"]  # FILE and … stand for anything
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            return f"no command: sentiment {' '.join(words)}"
        command, rest = found, rest[1:]
    known = flags_of(command)
    for word in rest:
        if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known:
            return f"no flag {word}: sentiment {' '.join(words)}"
    return None


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command under `group`, groups included, each with its name in words, such as ``topics list``."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def flags_of(command: click.Command) -> set[str]:
    """The flags that a command takes."""
    named = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    return named | {"-h", "--help"}


@cache
def all_flags() -> frozenset[str]:
    """The flags of all commands together."""
    return frozenset(flags_of(cli)).union(*(flags_of(command) for _, command in commands()))


@cache
def metrics() -> frozenset[str]:
    """The names of all metrics."""
    return frozenset(row.name for row in TABLE)


@cache
def sections() -> dict[str, tuple[str, ...]]:
    """The tables of the configuration and their settings."""
    tables = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {name: tuple(getattr(table, "model_fields", {})) for name, table in tables.items()}


@cache
def settings() -> frozenset[str]:
    """Every setting, as ``section.field``."""
    return frozenset(f"{name}.{field}" for name, fields in sections().items() for field in fields)


@cache
def variables() -> frozenset[str]:
    """Every variable of the environment that is read."""
    return frozenset(f"SENTIMENT_{name.replace('.', '__').upper()}" for name in settings()) | _OTHER_VARIABLES


def _settings_in(text: str) -> list[str]:
    found = re.findall(rf"(?<![\w./-])(?:{'|'.join(sections())})\.[a-z]\w*(?![\w(])", text)
    return [name for name in found if name.partition(".")[2] not in _FILES]
