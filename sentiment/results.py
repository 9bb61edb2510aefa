"""Read results from a file with one JSON object per line, as `sentiment tail sentiment --json` prints them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sentiment.bounded import MAX_LINE_BYTES, bounded_lines, in_mib, open_gzip
from sentiment.errors import InputError, PoisonRecord
from sentiment.events import ScoredFeedback, decode_scored

_HINT = "results come from `sentiment tail sentiment --from-beginning --json`"


def read_results(path: Path) -> Iterator[ScoredFeedback]:
    """Every result of a `.jsonl` or `.jsonl.gz` file; blank lines are skipped.

    Raises:
        InputError: the file cannot be read, or a line is not a result; the message names the line, never its content.
    """
    try:
        with _open(path) as file:
            for number, line in enumerate(bounded_lines(file), start=1):
                if line is None:
                    raise InputError(
                        f"{path}, line {number} is longer than {in_mib(MAX_LINE_BYTES)}; no result is", hint=_HINT
                    )
                if line.strip():
                    yield _result(path, number, line)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "not a readable file"
        raise InputError(f"cannot read {path}: {reason}") from None


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        if path.suffix != ".gz":
            yield file
            return
        with open_gzip(file, str(path)) as unpacked:
            yield unpacked


def _result(path: Path, number: int, line: bytes) -> ScoredFeedback:
    try:
        return decode_scored(line)
    except PoisonRecord as poison:
        raise InputError(
            f"{path}, line {number} is not a result: {poison.message}",
            hint=_HINT,
        ) from None
