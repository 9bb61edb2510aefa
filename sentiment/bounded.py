"""Read files of others in bounded memory: how long a line may be, and how wide a row.

A file is a few bytes of somebody else's. Without these limits, one that holds a line without an end would fill the
memory. What unpacking may cost is bounded in `sentiment.packed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from sentiment.events import MAX_RECORD_BYTES

MAX_LINE_BYTES = 8 * MAX_RECORD_BYTES
"""The largest legal record, written with an escape (`\\u0041`) for each character, and room for other columns."""

MAX_COLUMNS = 10_000
"""A row becomes a dict with one entry for each column. No export of feedback has nearly as many."""


def in_mib(n_bytes: int) -> str:
    """A limit as messages write it."""
    return f"{n_bytes >> 20} MiB"


def bounded_lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The lines of `stream` with their ends; None instead of one of more than `MAX_LINE_BYTES`, which is read past."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE_BYTES)
        yield None
