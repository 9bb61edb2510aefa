"""What commands write: JSON that any reader takes, and no file replaced unasked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from sentiment.cli.main import run
from sentiment.cli.outputs import print_json, print_json_line, refuse_to_replace, write_output
from sentiment.errors import InputError


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
    refuse_to_replace(None, tmp_path / "new.md", force=False)
    refuse_to_replace(there, force=True)
    with pytest.raises(InputError, match=r"there\.md already exists") as caught:
        refuse_to_replace(None, tmp_path / "new.md", there, force=False)
    assert "--force" in str(caught.value.hint)


@pytest.mark.parametrize(
    "call",
    [
        ["calibrate", "rows.jsonl", "--plot", "there"],
        ["card", "--output", "there"],
        ["compare", "rows.jsonl", "--model", "shipped", "--report", "there"],
        ["evaluate", "rows.jsonl", "--report", "there"],
        ["export", "model", "--output", "folder", "--calibration-file", "rows.jsonl"],
        ["review", "export", "results.jsonl", "--output", "there"],
        ["review", "suspects", "rows.jsonl", "--output", "there"],
    ],
    ids=lambda call: " ".join(call[:2]),
)
def test_commands_refuse_before_they_work(
    call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An existing output is said at once, before inputs are read; the file stays as it was."""
    monkeypatch.chdir(tmp_path)
    Path("there").write_text("kept")
    Path("folder").mkdir()
    assert run(call) == 2
    said = r"error: (there|folder) already exists\n  hint: replace it with --force, or choose another name\n"
    assert re.fullmatch(said, capsys.readouterr().err)
    assert Path("there").read_text() == "kept"


def test_an_output_is_whole_or_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is written is said on stderr; a folder that does not exist is exit code 2, not a traceback."""
    write_output(tmp_path / "new.md", "é\n")
    assert (tmp_path / "new.md").read_text("utf-8") == "é\n"
    assert capsys.readouterr() == ("", f"wrote {tmp_path / 'new.md'}\n")
    with pytest.raises(InputError, match="No such file or directory"):
        write_output(tmp_path / "none" / "new.md", "x")
