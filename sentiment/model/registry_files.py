"""The files of a registry: the pointer, the history, the lock, and copies of model directories."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from sentiment.durable import append_line, replace_file
from sentiment.errors import InputError, ModelError
from sentiment.model.manifest import MANIFEST_FILE, Manifest, verify_files

POINTER_FILE = "current"
HISTORY_FILE = "history.jsonl"

Action = Literal["promoted", "forced", "rejected", "rolled_back", "served_again"]

_LOCK_FILE = ".lock"
_FORMAT_VERSION = 1
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")
_MAX_NAME_CHARS = 100


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history. `previous` served before; `verdict` holds what the gate measured."""

    at: datetime
    action: Action
    version: str
    previous: str | None
    verdict: dict[str, Any] = {}


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `current`. `earlier` are the versions that served before, the latest last."""

    format_version: int = _FORMAT_VERSION
    current: str
    earlier: tuple[str, ...] = ()


def read_pointer(root: Path) -> Pointer | None:
    """The pointer, or None if there is none yet. Raises ``ModelError`` if it is broken."""
    path = root / POINTER_FILE
    try:
        pointer = msgspec.json.decode(path.read_bytes(), type=Pointer)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} does not name a version: {error}") from error
    if pointer.format_version != _FORMAT_VERSION:
        raise ModelError(f"{path} has format version {pointer.format_version}, not {_FORMAT_VERSION}")
    if any(name.startswith(".") or _UNSAFE.search(name) for name in (pointer.current, *pointer.earlier)):
        raise ModelError(f"{path} names something that is not a version")
    return pointer


def write_pointer(root: Path, pointer: Pointer) -> None:
    """Write the pointer. Readers see the old one or the new one."""
    replace_file(root / POINTER_FILE, msgspec.json.format(msgspec.json.encode(pointer), indent=2) + b"\n")


def read_history(root: Path) -> list[Event]:
    """All decisions, oldest first. A line that a crash cut short is skipped."""
    path = root / HISTORY_FILE
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    return [event for event in map(_decode_event, lines) if event is not None]


def append_event(root: Path, event: Event) -> None:
    """Append a line to the history."""
    append_line(root / HISTORY_FILE, msgspec.json.encode(event))


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock for a switch. Waits for it; the lock of a process that dies is released."""
    try:
        handle = os.open(root / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise InputError(f"{root} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def copy_model(source_dir: Path, target_dir: Path, manifest: Manifest) -> None:
    """Copy the manifest and the files that it lists, and verify the copies.

    Raises ``ModelError`` if a file is missing or differs from what was exported, and ``OSError``.
    """
    for name in (*manifest.files, MANIFEST_FILE):
        source, target = source_dir / name, target_dir / name
        if not source.is_file():
            raise ModelError(f"{source} is missing", hint="the model directory is incomplete: copy or export it again")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    verify_files(target_dir, manifest, manifest.files)


def version_id(manifest: Manifest) -> str:
    """Name and version as the name of a directory."""
    return f"{_safe(manifest.name)}-{_safe(manifest.version)}"


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name)[:_MAX_NAME_CHARS].lstrip(".") or "_"


def _decode_event(line: bytes) -> Event | None:
    try:
        return msgspec.json.decode(line, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
