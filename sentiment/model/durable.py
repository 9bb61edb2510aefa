"""Small files that survive a crash: replaced whole, or appended to by whole lines."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path`, which other processes may be reading: they see the old or the new one.

    When the call returns, the new one survives a crash of the machine.
    """
    aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_directory(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Append `line` and its end; one writer at a time. What a crash left of an earlier line is closed first."""
    with path.open("a+b") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        torn = file.read(1) not in (b"", b"\n")
        file.write(b"\n" * torn + line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Names in a directory are on the disk only after this."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
