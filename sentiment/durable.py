"""Files and directories that survive a crash: replaced whole, or appended to by whole lines.

A write is on the disk only after `fsync` of the file, and a new name only after `fsync` of its directory.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replace `path` with `content`. Readers see the old file or the new one, also after a crash of the machine."""
    written = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        with written.open("xb") as file:
            file.write(content)
        put_in_place(written, path)
    finally:
        written.unlink(missing_ok=True)


def put_in_place(written: Path, path: Path) -> None:
    """Rename `written`, a closed file or a directory beside `path`, to `path`; durable when the call returns.

    A file replaces the one that is there. Raises ``OSError`` if `path` is a directory that is not empty.
    """
    for inside in written.rglob("*"):
        _sync(inside)
    _sync(written)
    written.replace(path)
    _sync(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Append `line` and a line feed; one writer at a time. What a crash left of an earlier line is closed first."""
    with path.open("a+b") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        torn = file.read(1) not in (b"", b"\n")
        file.write(b"\n" * torn + line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
