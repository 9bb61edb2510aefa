"""Flags of settings: text, type and default from the setting, and only what is typed overrides a file."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sentiment.cli.options import common_options
from sentiment.settings import Settings
from tests.names import commands

FLAGGED = {
    (name, parameter.name): parameter
    for name, command in commands()
    for parameter in command.params
    if isinstance(parameter, click.Option) and (parameter.name or "").startswith("setting_")
}


@click.command(context_settings={"show_default": True})
@common_options("kafka", "topics", "model", "metrics")
def show(settings: Settings) -> None:
    """A command that prints some of its settings."""
    click.echo(f"{settings.topics.partitions} {settings.topics.create} {settings.metrics.port} {settings.log.level}")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(show, arguments)


def test_a_flag_says_what_its_setting_says() -> None:
    """Help, range and default of a flag are those of the setting, at the end of the setting's own sentence."""
    shown = " ".join(call("--help").output.split())
    assert "--partitions N Partitions of topics that a command creates. [default: 4; 1<=x<=10000]" in shown
    assert "--log-level [debug|info|warning|error] Log level. [default: info]" in shown
    assert "--model DIR|ID Model directory, registry or hub id; empty or `shipped` for the shipped model. --" in shown


@pytest.mark.parametrize("key", FLAGGED, ids=lambda key: "-".join(key))
def test_every_flag_of_a_setting_is_described_by_it(key: tuple[str, str]) -> None:
    """In no command does a flag have a text of its own beside that of the setting."""
    section, _, field = key[1].removeprefix("setting_").partition("_")
    table = Settings.model_fields[section].annotation
    assert FLAGGED[key].help == getattr(table, "model_fields", {})[field].description


def test_only_flags_that_are_typed_override_a_file(tmp_path: Path) -> None:
    """The default of a flag, though it is shown, does not win over the file; a typed flag does."""
    file = tmp_path / "settings.toml"
    file.write_text("[topics]\npartitions = 9\ncreate = false\n[log]\nlevel = 'error'\n")
    assert call("--config", str(file)).output == "9 False 0 error\n"
    typed = call("--config", str(file), "--partitions", "4", "--create-topics", "--log-level", "info")
    assert typed.output == "4 True 0 info\n"
    assert call("--no-create-topics").output == "4 False 0 info\n"


def test_values_out_of_range_are_refused_by_the_flag() -> None:
    """Ranges and choices of a setting are those of its flag."""
    assert "'--metrics-port': 70000 is not in the range" in call("--metrics-port", "70000").output
    assert "'--log-level': 'loud' is not one of" in call("--log-level", "loud").output
    assert "THEIRS=OURS" in call("--label-map", "nonsense").output
