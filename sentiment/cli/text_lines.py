"""Texts of a file to score, one by one. What holds no usable text becomes a reason and raises nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from sentiment.bounded import MAX_LINE_BYTES, bounded_lines, in_mib
from sentiment.errors import InputError, UsageError
from sentiment.packed import PACKED_SUFFIXES
from sentiment.sources import BadRow, FileFormat, InputFile, Row, detect_format, open_rows
from sentiment.sources.encodings import NOT_DECODED
from sentiment.sources.headers import find_column
from sentiment.sources.inputs import open_text
from sentiment.sources.names import listed
from sentiment.sources.whole import is_unicode
from sentiment.text import text_fault

_TEXT_SUFFIXES = frozenset({"", ".txt", ".text"})
_AS_IT_STANDS = "--format text scores it as it stands"


@dataclass(frozen=True, slots=True)
class Line:
    """A text, or the reason why there is none, which never quotes the line. Exactly one of the two is set."""

    text: str | None = None
    error: str | None = None


def line_of(text: str) -> Line:
    """`text`, if the pipeline scores it (`text_fault`)."""
    fault = text_fault(text)
    return Line(text=text) if fault is None else Line(error=fault)


def read_lines(given: InputFile, text_field: str = "text", *, as_text: bool = False) -> Iterator[Line]:
    """One ``Line`` for each row of a table, or for each line of a text file. Reads lazily.

    The name tells which it is, or the format in the input's options. A file without an ending and standard input are
    text, with one text in each line. A JSON object in it is refused unless `as_text` says that it is meant so.

    Raises:
        UsageError: the ending is unknown, or an option has no meaning in this format.
        InputError: it cannot be read, or has no column `text_field`.
    """
    if as_text or _is_text(given):
        given.options.check("jsonl")  # as little as JSON does text have delimiters
        yield from _lines(given, as_text=as_text)
    else:
        yield from _rows(given, detect_format(given), text_field)


def _is_text(given: InputFile) -> bool:
    if given.options.file_format is not None:
        return False
    suffixes = [suffix.lower() for suffix in given.path.suffixes] if given.path is not None else []
    if suffixes and suffixes[-1] in PACKED_SUFFIXES:
        suffixes.pop()
    if (suffixes[-1] if suffixes else "") in _TEXT_SUFFIXES:
        return True
    try:
        detect_format(given)
    except UsageError as error:
        raise UsageError(
            error.message, hint="add --format text for one text in each line, or csv, jsonl or parquet"
        ) from None
    return False


def _lines(given: InputFile, *, as_text: bool) -> Iterator[Line]:
    with open_text(given) as stream:
        for number, raw in enumerate(bounded_lines(stream), start=1):
            if raw is None:
                yield Line(error=f"the line is longer than {in_mib(MAX_LINE_BYTES)}")
                continue
            content = raw.rstrip(b"\r\n")
            if as_text or not _is_object(content):
                yield _from_text(content)
            elif number == 1:
                raise InputError(f"{given.name} begins with a JSON object", hint=f"add --format jsonl; {_AS_IT_STANDS}")
            else:
                yield Line(error=f"the line is a JSON object; {_AS_IT_STANDS}")


def _is_object(content: bytes) -> bool:
    if not content.lstrip().startswith(b"{"):
        return False
    try:
        return isinstance(msgspec.json.decode(content), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _from_text(content: bytes) -> Line:
    try:
        return line_of(content.decode("utf-8"))
    except UnicodeDecodeError:
        return Line(error="the line is not UTF-8")


def _rows(given: InputFile, file_format: FileFormat, text_field: str) -> Iterator[Line]:
    with open_rows(given, file_format, _needed(text_field)) as opened:
        column: str | None = text_field
        if opened.columns is not None:
            column = find_column(text_field, opened.columns, given.name)
        if column is None:
            raise InputError(
                f"{given.name} has no column {text_field!r}",
                hint=f"name the column of the text with --text-field; the columns are: {listed(opened.columns or ())}",
            )
        for row in opened.rows:
            yield _from_row(row, column)


def _needed(text_field: str) -> list[str] | None:
    """The columns to read: all if the text's is named by its number."""
    return None if text_field.startswith("#") else [text_field]


def _from_row(row: Row | BadRow, text_field: str) -> Line:
    if isinstance(row, BadRow):
        return Line(error=f"{row.place}: {row.message}")
    text = row.values.get(text_field)
    if not is_unicode(text):
        return Line(error=f"{row.place}: {NOT_DECODED}")
    found = line_of(text) if isinstance(text, str) else Line(error=f"no string in {text_field!r}")
    return found if found.error is None else Line(error=f"{row.place}: {found.error}")
