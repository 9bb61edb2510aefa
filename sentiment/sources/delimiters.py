"""Finds the delimiter of a CSV file from its header and its first rows."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")
"""Those that are tried. Of two that fit equally well, the first is taken."""

_EXCEL_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a delimiter divides the sample: its header, and how many of the rows have as many fields."""

    delimiter: str
    n_columns: int
    n_fitting: int
    n_single: int
    n_rows: int
    is_header_spaced: bool
    spaced: float
    """The share of fields that begin with a space, as what follows a comma in a sentence does."""

    @property
    def is_one_column(self) -> bool:
        """Whether the delimiter rather belongs to the name of the only column, as in `Likes; dislikes`."""
        if self.n_fitting >= self.n_single:
            return False
        return self.n_single == self.n_rows or self.is_header_spaced

    @property
    def quality(self) -> tuple[float, int]:
        share = self.n_fitting / self.n_rows if self.n_rows else 1.0
        return share * (1.0 - self.spaced), self.n_columns


def excel_delimiter(sample: str) -> str | None:
    """The delimiter in the line `sep=;`, with which Excel lets a file begin; None if `sample` does not."""
    found = _EXCEL_LINE.match(sample)
    return found[1] if found else None


def find_delimiter(sample: str) -> str:
    """The delimiter of a file that begins with `sample`, which may end within a row.

    A delimiter divides the header, and most rows into as many fields. Quotes count: what they hold divides nothing. A
    file of one column has a comma.
    """
    fits = [fit for delimiter in DELIMITERS if (fit := _fit(sample, delimiter)).n_columns > 1]
    fits = [fit for fit in fits if not fit.is_one_column]
    return max(fits, key=lambda fit: fit.quality, default=_fit("", ",")).delimiter


def _fit(sample: str, delimiter: str) -> _Fit:
    rows = _rows(sample, delimiter)
    header, body = (rows[0] or [], rows[1:]) if rows else ([], [])
    fields = [field for row in (header, *body) for field in (row or [])[1:]]
    return _Fit(
        delimiter=delimiter,
        n_columns=len(header),
        n_fitting=sum(row is not None and len(row) == len(header) for row in body),
        n_single=sum(row is not None and len(row) == 1 for row in body),
        n_rows=len(body),
        is_header_spaced=any(field.startswith(" ") for field in header[1:]),
        spaced=sum(field.startswith(" ") for field in fields) / len(fields) if fields else 0.0,
    )


def _rows(sample: str, delimiter: str) -> list[list[str] | None]:
    """The rows of the sample; None is one whose quoting is broken. The last one is left out if it may go on."""
    lines = list(io.StringIO(sample, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows: list[list[str] | None] = []
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            if reader.line_num >= len(lines):  # the sample ends within quotes
                break
            rows.append(None)
            continue
        if row:
            rows.append(row)
    if len(rows) > 1 and not sample.endswith(("\n", "\r")):
        rows.pop()
    return rows
