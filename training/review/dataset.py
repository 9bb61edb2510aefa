"""A versioned data set: a directory of versions that are never changed.

    DIR/v0001/data.jsonl     rows with text, label, source, kind, id, product: what `sentiment train` takes
    DIR/v0001/lineage.json   where they come from: parent, input files with hashes, counts, agreement

A version has all rows of its parent and the rows that were added. A text that is added again takes its new label.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from sentiment.durable import put_in_place
from sentiment.errors import InputError

DATA_FILE = "data.jsonl"
LINEAGE_FILE = "lineage.json"
_VERSION = re.compile(r"v(\d{4,})")


class LabelledRow(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled text. `kind` is "human": somebody read it. `id` identifies the text; `source` names its data set."""

    text: str
    label: str
    source: str
    kind: str
    id: str
    product: str


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that rows came from: its name without the path, and its SHA-256."""

    name: str
    sha256: str


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """The previous version, and the SHA-256 of its data."""

    version: str
    data_sha256: str


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version comes from. `facts` are about the import: annotators, agreement, how labels were settled."""

    version: str
    created_at: datetime
    parent: Parent | None
    files: list[SourceFile]
    rows: int
    added: int
    relabelled: int
    unchanged: int
    labels: dict[str, int]
    sources: dict[str, int]
    data_sha256: str
    facts: dict[str, Any]
    schema_version: int = 1


def append_version(
    directory: Path, rows: Sequence[LabelledRow], files: Sequence[Path], facts: dict[str, Any], *, now: datetime
) -> tuple[Path, Lineage] | None:
    """Write the next version with `rows` added. Returns its directory and lineage, or None if nothing is new.

    The version appears whole or not at all. If two processes append at once, one fails and may try again.

    Raises:
        InputError: the directory cannot be written, or its last version is damaged.
    """
    number, parent, before = _latest(directory)
    merged = {row.id: row for row in before}
    states = Counter(_state(merged.get(row.id), row) for row in rows)
    merged |= {row.id: row for row in rows if _state(merged.get(row.id), row) != "unchanged"}
    if not states["added"] + states["relabelled"]:
        return None
    data = b"".join(msgspec.json.encode(row) + b"\n" for row in merged.values())
    lineage = Lineage(
        version=f"v{number + 1:04}",
        created_at=now,
        parent=parent,
        files=[SourceFile(name=file.name, sha256=_sha256(file.read_bytes())) for file in files],
        rows=len(merged),
        added=states["added"],
        relabelled=states["relabelled"],
        unchanged=states["unchanged"],
        labels=dict(sorted(Counter(row.label for row in merged.values()).items())),
        sources=dict(sorted(Counter(row.source for row in merged.values()).items())),
        data_sha256=_sha256(data),
        facts=facts,
    )
    return _write(directory, data, lineage), lineage


def read_version(path: Path) -> tuple[Lineage, list[LabelledRow]]:
    """The lineage and rows of a version. Raises ``InputError`` if they do not match."""
    try:
        lineage = msgspec.json.decode((path / LINEAGE_FILE).read_bytes(), type=Lineage)
        data = (path / DATA_FILE).read_bytes()
        rows = [msgspec.json.decode(line, type=LabelledRow) for line in data.splitlines()]
    except OSError as error:
        raise InputError(f"{path} is not a version of a data set: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{path} is damaged ({type(error).__name__})") from None
    if _sha256(data) != lineage.data_sha256:
        raise InputError(
            f"{path / DATA_FILE} does not match its lineage", hint="versions must not be changed: restore it"
        )
    return lineage, rows


def _latest(directory: Path) -> tuple[int, Parent | None, list[LabelledRow]]:
    found = {int(match[1]): path for path in directory.glob("v*") if (match := _VERSION.fullmatch(path.name))}
    if not found:
        return 0, None, []
    number = max(found)
    lineage, rows = read_version(found[number])
    return number, Parent(version=lineage.version, data_sha256=lineage.data_sha256), rows


def _state(before: LabelledRow | None, row: LabelledRow) -> str:
    if before is None:
        return "added"
    return "unchanged" if before.label == row.label else "relabelled"


def _write(directory: Path, data: bytes, lineage: Lineage) -> Path:
    target = directory / lineage.version
    try:
        directory.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=directory))
        try:
            (aside / DATA_FILE).write_bytes(data)
            (aside / LINEAGE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(lineage), indent=2) + b"\n")
            aside.chmod(0o755)
            put_in_place(aside, target)  # fails where the version exists: it is never empty
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise InputError(f"cannot make {target}: {error.strerror}") from None
    return target


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
