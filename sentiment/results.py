"""Read results from a file with one JSON object per line, as `sentiment tail sentiment --json` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentiment.bounded import MAX_LINE_BYTES, bounded_lines, in_mib
from sentiment.errors import InputError, PoisonRecord
from sentiment.events import ScoredFeedback, decode_scored
from sentiment.packed import open_packed

_HINT = "results come from `sentiment tail sentiment --from-beginning --json`"


def read_results(path: Path) -> Iterator[ScoredFeedback]:
    """Every result of a `.jsonl` file, which may be packed; blank lines are skipped.

    Raises:
        InputError: the file cannot be read, or a line is not a result; the message names the line, never its content.
    """
    try:
        with path.open("rb") as raw, open_packed(raw, str(path)) as file:
            for number, line in enumerate(bounded_lines(file), start=1):
                if line is None:
                    raise InputError(
                        f"{path}, line {number} is longer than {in_mib(MAX_LINE_BYTES)}; no result is", hint=_HINT
                    )
                if line.strip():
                    yield _result(path, number, line)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or 'not a readable file'}") from None


def _result(path: Path, number: int, line: bytes) -> ScoredFeedback:
    try:
        return decode_scored(line)
    except PoisonRecord as poison:
        raise InputError(
            f"{path}, line {number} is not a result: {poison.message}",
            hint=_HINT,
        ) from None
