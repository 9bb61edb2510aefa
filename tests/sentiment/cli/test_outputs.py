"""What commands write: JSON that any reader takes, and no file replaced unasked."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec
import pytest

from sentiment.cli.flags import OutputFile
from sentiment.cli.main import cli, run
from sentiment.cli.outputs import apart_from, check_outputs, print_json, print_json_line, write_output
from sentiment.errors import InputError, UsageError
from sentiment.outputs import STDOUT, find_output

WRITERS = [
    ("backtest", "--output"),
    ("backtest", "--report"),
    ("broker", "--port-file"),
    ("calibrate", "--plot"),
    ("card", "--output"),
    ("compare", "--plot"),
    ("compare", "--report"),
    ("distill", "--report"),
    ("evaluate", "--report"),
    ("monitor", "--report"),
    ("rescore", "--output"),
    ("review export", "--output"),
    ("review import", "--unsettled"),
    ("review suspects", "--output"),
    ("train", "--report"),
]
"""Every option of a file to write."""


@dataclass
class Place:
    name: str


class Found(msgspec.Struct):
    place: Place


def test_json_is_ascii_and_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Structs and dataclasses are taken; neither a separator nor a control character comes out raw."""
    value = Found(Place("a\u2028b\x9bc"))
    print_json_line(value)
    print_json(value)
    line, _, document = capsys.readouterr().out.partition("\n")
    assert line.isascii()
    assert document.isascii()
    assert json.loads(line) == json.loads(document) == {"place": {"name": "a\u2028b\x9bc"}}
    assert document.count("\n") > 1


def test_an_existing_output_is_refused_unless_forced(tmp_path: Path) -> None:
    """The first one that exists is named, with what to do; outputs that nobody asked for are no hindrance."""
    there = tmp_path / "there.md"
    there.touch()
    check_outputs(None, tmp_path / "folder", find_output(tmp_path / "new.md"), force=False)
    check_outputs(find_output(there), force=True)
    with pytest.raises(InputError, match=r"there\.md already exists") as caught:
        check_outputs(None, find_output(tmp_path / "new.md"), find_output(there), force=False)
    assert "--force" in str(caught.value.hint)


@pytest.mark.parametrize(
    "call",
    [
        ["backtest", "rows.jsonl", "--output", "there"],
        ["calibrate", "rows.jsonl", "--plot", "there"],
        ["card", "--output", "there"],
        ["compare", "rows.jsonl", "--model", "shipped", "--report", "there"],
        ["evaluate", "rows.jsonl", "--report", "there"],
        ["export", "model", "--output", "folder", "--calibration-file", "rows.jsonl"],
        ["review", "export", "results.jsonl", "--output", "there.csv"],
        ["review", "suspects", "rows.jsonl", "--output", "there.csv"],
    ],
    ids=lambda call: " ".join(call[:2]),
)
def test_commands_refuse_before_they_work(
    call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An existing output is said at once, before inputs are read; the file stays as it was."""
    monkeypatch.chdir(tmp_path)
    for name in ("there", "there.csv"):
        Path(name).write_text("kept")
    Path("folder").mkdir()
    assert run(call) == 2
    said = r"error: (there|there\.csv|folder) already exists\n  hint: replace it with --force, or choose another name\n"
    assert re.fullmatch(said, capsys.readouterr().err)
    assert Path("there").read_text() == Path("there.csv").read_text() == "kept"


def test_a_command_without_force_does_not_name_it(tmp_path: Path) -> None:
    """`train` replaces nothing, so its hint says what else to do."""
    (tmp_path / "there").write_text("kept")
    with pytest.raises(InputError, match="already exists") as refused:
        check_outputs(find_output(tmp_path / "there"), force=None)
    assert refused.value.hint == "remove it, or choose another name"


def test_an_output_is_whole_or_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is written is said on stderr; a folder that does not exist is exit code 2, not a traceback."""
    write_output(find_output(tmp_path / "new.md"), "é\n")
    assert (tmp_path / "new.md").read_text("utf-8") == "é\n"
    assert capsys.readouterr() == ("", f"wrote {tmp_path / 'new.md'}\n")
    with pytest.raises(InputError, match=r"the folder of .* does not exist"):
        find_output(tmp_path / "none" / "new.md")


def output_options(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The command and flag of every option that takes a file to write."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            yield from output_options(inner, (*path, name))
    yield from ((*path, option.opts[0]) for option in command.params if isinstance(option.type, OutputFile))


def test_every_file_that_a_command_writes_is_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be written is refused in one line, whatever else the call says; nothing is removed."""
    monkeypatch.chdir(tmp_path)
    options = set(output_options())
    assert {(*name.split(), flag) for name, flag in WRITERS} == options
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        Path("folder").mkdir()
        for *command, flag in sorted(options):
            for name in ("socket", "folder"):
                assert run([*command, flag, name]) == 2
                assert re.match(rf"error: {name} is a (socket|directory)\n", capsys.readouterr().err)
        assert Path("socket").is_socket()


def test_json_and_a_file_do_not_both_go_to_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They would be one unreadable stream. Words for people go to stderr then."""
    with pytest.raises(UsageError, match="both go to stdout"):
        check_outputs(find_output(STDOUT), force=False, as_json=True)
    check_outputs(find_output(tmp_path / "x"), force=False, as_json=True)
    with apart_from(find_output(STDOUT), None):
        click.echo("beside")
    with apart_from(find_output(tmp_path / "x")):
        click.echo("alone")
    write_output(find_output(STDOUT), "the file\n")
    assert capsys.readouterr() == ("alone\nthe file\n", "beside\n")
