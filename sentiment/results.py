"""Read results from a file with one JSON object per line, as `sentiment tail sentiment --json` prints them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from sentiment.errors import InputError, PoisonRecord
from sentiment.events import ScoredFeedback, decode_scored


def read_results(path: Path) -> Iterator[ScoredFeedback]:
    """Every result of a `.jsonl` or `.jsonl.gz` file; blank lines are skipped.

    Raises:
        InputError: the file cannot be read, or a line is not a result; the message names the line, never its content.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _result(path, number, line)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "not a readable file"
        raise InputError(f"cannot read {path}: {reason}") from None


def _result(path: Path, number: int, line: bytes) -> ScoredFeedback:
    try:
        return decode_scored(line)
    except PoisonRecord as poison:
        raise InputError(
            f"{path}, line {number} is not a result: {poison.message}",
            hint="results come from `sentiment tail sentiment --from-beginning --json`",
        ) from None
