"""Flags of labelled rows, and the word for the shipped model."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from sentiment.cli.flags import MODEL_DIRECTORY, MODEL_NAME
from sentiment.cli.main import run
from sentiment.model.loading import locate, shipped_model_path

READERS = (
    ["train"],
    ["distill"],
    ["evaluate"],
    ["compare"],
    ["calibrate"],
    ["export"],
    ["audit"],
    ["models", "promote"],
    ["review", "suspects"],
)
"""Every command that reads labelled rows."""


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_every_reader_of_labelled_rows_takes_any_columns(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Columns and labels are named by the same flags everywhere."""
    assert run([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(flag in shown for flag in ("--text-field", "--label-field", "--label-map"))


def test_shipped_names_the_shipped_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In settings and in arguments, unless there is a directory of that name."""
    monkeypatch.chdir(tmp_path)
    shipped = shipped_model_path()
    assert locate("shipped").path == shipped
    assert MODEL_DIRECTORY.convert("shipped", None, None) == shipped
    assert MODEL_NAME.convert("shipped", None, None) == str(shipped)
    (tmp_path / "shipped").mkdir()
    assert MODEL_DIRECTORY.convert("shipped", None, None) == Path("shipped")
    assert MODEL_NAME.convert("other", None, None) == "other"


def test_every_argument_that_names_a_model_takes_the_word() -> None:
    """Options such as --backbone and arguments such as CANDIDATE are of one type; --model is a setting."""
    from sentiment.cli.average import average
    from sentiment.cli.distill import distill
    from sentiment.cli.exits import exits
    from sentiment.cli.export import export
    from sentiment.cli.models import promote
    from sentiment.cli.train import train

    named = {train: ["backbone"], distill: ["student", "teachers"], exits: ["model"], export: ["checkpoint"]}
    named |= {average: ["models"], promote: ["candidate"]}
    for command, names in named.items():
        types = {option.name: option.type for option in command.params if isinstance(option, click.Parameter)}
        assert all(types[name] in (MODEL_DIRECTORY, MODEL_NAME) for name in names)
