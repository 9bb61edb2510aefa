"""Labelling sheets (CSV or JSONL) for people, and the items file beside them for the import.

A sheet has only the texts to label. The model's prediction, and why a text was chosen, would influence the annotators,
so these are in SHEET.items.jsonl. Each annotator fills in the column `label` of a copy that is named after them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import pandas as pd

from sentiment.errors import InputError, UsageError
from sentiment.events import LABELS, SourcePosition
from sentiment.outputs import Output, ending_of, find_output
from sentiment.sources import BadRow, Row, detect_format, find_input, open_rows
from sentiment.sources.names import listed
from training.data.rows import refuse_rows
from training.review.candidates import Candidate
from training.review.sampling import Chosen

COLUMNS = ("item", "product", "text", "label", "final", "note")
SHEET_ENDINGS = (".csv", ".jsonl")
SKIP = "skip"
"""The `label` or `final` of a text that cannot be labelled."""

# Without a byte-order mark Excel takes UTF-8 for the encoding of old Windows programs.
_EXCELS_MARK = "\ufeff"
# A spreadsheet would run a cell that starts like this as a formula, and strangers write the feedback.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text on a sheet, with what the annotators do not see.

    `inclusion_probability` is None if the text was not drawn at random. `given` is the label that the text had before.
    """

    item: str
    text: str
    product: str
    probabilities: tuple[float, float, float]
    model_version: str
    part: Literal["uncertain", "random", "suspect"]
    stratum: str = ""
    inclusion_probability: float | None = None
    event_id: str | None = None
    position: SourcePosition | None = None
    given: str | None = None


@dataclass(frozen=True, slots=True)
class FilledSheet:
    """The labels of one annotator: item → label or `SKIP`, and item → final label, which overrules all votes."""

    annotator: str
    labels: dict[str, str]
    finals: dict[str, str]


def item_of(chosen: Chosen) -> Item:
    """The item of a chosen candidate."""
    return _item(chosen.candidate, chosen.part, chosen.stratum, chosen.inclusion_probability)


def suspect_item(candidate: Candidate) -> Item:
    """The item of a candidate whose given label is suspected."""
    return _item(candidate, "suspect", "", None)


@dataclass(frozen=True, slots=True)
class SheetFiles:
    """A sheet to write, and the items file beside it."""

    sheet: Output
    items: Output

    @classmethod
    def beside(cls, sheet: Output) -> SheetFiles:
        """Return the files for a sheet. Raises InputError if it is not a file, or its ending says no known format."""
        if not sheet.regular:
            raise InputError(
                f"a sheet cannot be written to {sheet.name}, since a second file comes beside it",
                hint="name a file that ends with .csv or .jsonl",
            )
        ending_of(sheet, SHEET_ENDINGS, "a sheet")
        return cls(sheet, find_output(items_path(Path(sheet.name))))

    def write(self, items: Sequence[Item], *, notes: Sequence[str] = ()) -> None:
        """Write an empty sheet and its items. `notes` fill the column `note`, one for each item. Raises InputError."""
        self.items.write(b"".join(msgspec.json.encode(item) + b"\n" for item in items))
        self.sheet.write(_sheet_text(ending_of(self.sheet, SHEET_ENDINGS, "a sheet"), items, notes).encode())


def items_path(sheet: Path) -> Path:
    """The path of the items file of a sheet."""
    return sheet.with_name(f"{sheet.stem}.items.jsonl")


def _sheet_text(ending: str, items: Sequence[Item], notes: Sequence[str]) -> str:
    filled = list(notes) or [""] * len(items)
    rows = [
        {"item": each.item, "product": each.product, "text": each.text, "label": "", "final": "", "note": note}
        for each, note in zip(items, filled, strict=True)
    ]
    if ending == ".jsonl":
        return "".join(msgspec.json.encode(row).decode() + "\n" for row in rows)
    out = io.StringIO()
    out.write(_EXCELS_MARK)
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def read_items(path: Path) -> dict[str, Item]:
    """Read an items file: item id → item. Raises ``InputError``."""
    try:
        items = [msgspec.json.decode(line, type=Item) for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", hint="`sentiment review export` wrote it beside the sheet"
        ) from None
    except msgspec.DecodeError:
        raise InputError(f"{path} is not an items file") from None
    return {item.item: item for item in items}


def read_sheet(path: Path, items: dict[str, Item]) -> FilledSheet:
    """What an annotator filled in. Rows without a label are left open.

    It may be any CSV that a spreadsheet writes: with semicolons or tabs, in UTF-8, UTF-16 with a byte-order mark, or
    the encoding of old Windows programs, with empty rows at the end. Only ids and labels matter, and those are ASCII.

    Raises:
        InputError: it cannot be read, or has an unknown label, an unknown item or an item twice. The message has the
            row numbers (1 is the first row of data).
    """
    frame = _read(path)
    ids, labels = _cells(frame, "item"), _cells(frame, "label")
    finals = _cells(frame, "final") if "final" in frame.columns else pd.Series("", frame.index)
    empty = (ids == "") & (labels == "") & (finals == "")
    refuse_rows(path, "an item that is not in the items file", ~ids.isin(items.keys()) & ~empty)
    refuse_rows(path, "an item that another row has", ids.duplicated(keep=False) & ~empty)
    allowed = ", ".join(LABELS)
    refuse_rows(path, f"an unknown label (known: {allowed}, {SKIP})", ~labels.isin([*LABELS, SKIP, ""]))
    refuse_rows(path, f"an unknown final label (known: {allowed}, {SKIP})", ~finals.isin([*LABELS, SKIP, ""]))
    rows = list(zip(ids, labels, finals, strict=True))
    return FilledSheet(
        annotator=path.name.split(".")[0],
        labels={item: label for item, label, _ in rows if label},
        finals={item: final for item, _, final in rows if final},
    )


def _read(path: Path) -> pd.DataFrame:
    given = find_input(str(path))
    try:
        file_format = detect_format(given, None)
    except UsageError:
        raise InputError(
            f"the format of {path} is unknown", hint="save the sheet as CSV, under a name that ends with .csv"
        ) from None
    with open_rows(given, file_format) as opened:
        rows = [_require_read(path, row).values for row in opened.rows]
    if not rows:
        raise InputError(f"{path} has no rows")
    there = list(dict.fromkeys(name for row in rows for name in row))
    for column in ("item", "label"):
        if column not in there:
            raise InputError(f"{path} has no column {column!r}", hint=f"the columns are: {listed(there)}")
    wanted = [name for name in ("item", "label", "final") if name in there]
    return pd.DataFrame([{name: row.get(name) for name in wanted} for row in rows], dtype=object)


def _require_read(path: Path, row: Row | BadRow) -> Row:
    if isinstance(row, BadRow):
        raise InputError(f"{path}, {row.place}: {row.message}", hint="save the sheet as CSV again")
    return row


def _item(
    candidate: Candidate, part: Literal["uncertain", "random", "suspect"], stratum: str, chance: float | None
) -> Item:
    return Item(
        item=candidate.item,
        text=candidate.text,
        product=candidate.product,
        probabilities=candidate.probabilities,
        model_version=candidate.model_version,
        part=part,
        stratum=stratum,
        inclusion_probability=chance,
        event_id=candidate.event_id,
        position=candidate.position,
        given=candidate.given,
    )


def _cells(frame: pd.DataFrame, name: str) -> pd.Series:
    # A character that could not be read is part of no label.
    cells = frame[name].map(lambda cell: "" if cell is None else str(cell).encode("utf-8", "replace").decode())
    return cells.str.strip().str.lower()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
