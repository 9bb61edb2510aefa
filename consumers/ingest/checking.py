"""The first pass over a file: can it be read to its end, how many rows can be published, are they in order of time?

So nothing is published from a file that is cut off halfway. The rejects file is complete after this pass. It depends on
the file alone, so it is the same after any number of interruptions.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from consumers.ingest.fields import Fields, Publishable, Reject, to_publishable
from consumers.ingest.rejects import RejectsFile
from sentiment.sources import BadRow, FileFormat, InputFile, Row, open_rows
from sentiment.sources.inputs import reading

# Part of every fingerprint. Raise it when the same file would give other rows, or another order.
_PROCEDURE = 3
_HASH_BYTES = 1 << 20
_TELL_EVERY_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read, and how."""

    given: InputFile
    file_format: FileFormat
    fields: Fields
    topic: str
    rebase_time: bool


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What the first pass found: `good` rows can be published; `in_order` says whether they are sorted by time.

    `padded` of the good rows have fewer fields than the header.
    """

    good: int
    rejected: int
    padded: int
    last_time: datetime | None
    in_order: bool


def fingerprint(plan: Plan) -> str:
    """The name of this ingest: 32 hexadecimal digits, from the content, how it is read, the columns and the topic."""
    digest = hashlib.sha256()
    if plan.given.path is not None:
        with reading(plan.given.name), plan.given.path.open("rb") as file:
            while block := file.read(_HASH_BYTES):
                digest.update(block)
    options = dataclasses.replace(plan.given.options, file_format=plan.file_format)
    description = (_PROCEDURE, options, plan.fields.described(), plan.topic, plan.rebase_time)
    digest.update(msgspec.json.encode(description))
    return digest.hexdigest()[:32]


def publishable(
    rows: Iterable[tuple[Row | BadRow, Fields]], id_prefix: str, on_reject: Callable[[Reject], None]
) -> Iterator[Publishable]:
    """Yield the rows that can be published, read by their fields; call `on_reject` with the others.

    Raises InputError.
    """
    for row, fields in rows:
        found = to_publishable(row, fields, id_prefix)
        if isinstance(found, Publishable):
            yield found
        else:
            on_reject(found)


def read_publishable(plan: Plan, id_prefix: str, on_reject: Callable[[Reject], None]) -> Iterator[Publishable]:
    """Like `publishable`, for a file, which is opened for this. Raises InputError."""
    with open_rows(plan.given, plan.file_format, plan.fields.columns()) as opened:
        yield from publishable(((row, plan.fields) for row in opened.rows), id_prefix, on_reject)


def check_file(plan: Plan, rejects: RejectsFile, tell: Callable[[int], None]) -> FileCheck:
    """Read the whole file once. `tell` is called with the number of rows read so far. Raises InputError."""
    good = padded = 0
    in_order = True
    last_time: datetime | None = None
    for row in read_publishable(plan, "row", rejects.add):
        good += 1
        padded += row.padded
        if row.created_at is not None:
            in_order = in_order and (last_time is None or row.created_at >= last_time)
            last_time = row.created_at if last_time is None else max(last_time, row.created_at)
        if good % _TELL_EVERY_ROWS == 0:
            tell(good + rejects.count)
    return FileCheck(good, rejects.count, padded, last_time, in_order)
