"""Files that survive a crash. The crash itself is stood in for by the order of the calls that make them durable."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiment.durable import append_line, put_in_place, replace_file


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was forced to the disk, and of renames' targets after an arrow, in order."""
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(handle: int) -> None:
        calls.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    def note_replace(self: Path, target: Path) -> Path:
        calls.append(f"→ {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    return calls


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, synced: list[str]) -> None:
    """Content first, then the name, then the directory that holds the name; nothing else stays behind."""
    (tmp_path / "pointer").write_bytes(b"old")
    replace_file(tmp_path / "pointer", b"new")
    written, *rest = synced
    assert written.startswith(".pointer-")
    assert rest == ["→ pointer", tmp_path.name]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"pointer": b"new"}


def test_a_directory_is_on_the_disk_with_all_that_it_holds(tmp_path: Path, synced: list[str]) -> None:
    """Every file and folder of it before the name."""
    new = tmp_path / "new"
    (new / "inner").mkdir(parents=True)
    (new / "inner" / "file").write_bytes(b"x")
    put_in_place(new, tmp_path / "v1")
    assert sorted(synced[:3]) == ["file", "inner", "new"]
    assert synced[3:] == ["→ v1", tmp_path.name]


@pytest.mark.parametrize(
    "fail", [lambda path: replace_file(path, b"new"), lambda path: put_in_place(path / "in", path)]
)
def test_what_cannot_be_replaced_stays(tmp_path: Path, fail: Callable[[Path], None]) -> None:
    """A directory with content is never replaced, and a failed attempt leaves no file behind."""
    (tmp_path / "target" / "in").mkdir(parents=True)
    with pytest.raises(OSError, match="target"):
        fail(tmp_path / "target")
    assert [path.name for path in tmp_path.rglob("*")] == ["target", "in"]


def test_a_torn_line_is_closed_before_the_next(tmp_path: Path) -> None:
    """What a crash left of a line does not swallow the line after it."""
    path = tmp_path / "history"
    append_line(path, b"one")
    path.write_bytes(path.read_bytes() + b"tor")
    append_line(path, b"two")
    assert path.read_bytes() == b"one\ntor\ntwo\n"
