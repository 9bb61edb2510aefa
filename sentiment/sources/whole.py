"""Rows for which nothing may be missing: one that cannot be read refuses the file, with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sentiment.errors import InputError
from sentiment.sources.encodings import NOT_DECODED
from sentiment.sources.rows import BadRow, Row


def whole_rows(rows: Iterable[Row | BadRow], name: str, *, hint: str) -> Iterator[Row]:
    """The rows of the file `name`, all of them readable and in Unicode; `hint` says why all have to be.

    Raises:
        InputError: a row is not. The message has its line.
    """
    for row in rows:
        if isinstance(row, BadRow):
            raise InputError(f"{name}, {row.place}: {row.message}", hint=hint)
        if not is_unicode(list(row.values.values())):
            if row.line is None:
                raise InputError(f"{name}, {row.place}: not UTF-8", hint="mend the row's strings")
            raise InputError(f"{name}, {row.place}: {NOT_DECODED}")
        yield row


def is_unicode(value: object) -> bool:
    """Whether no string in it has half a surrogate pair, as the readers give it for bytes that are no characters."""
    try:
        _encode(value)
    except UnicodeEncodeError:
        return False
    return True


def _encode(value: object) -> None:
    match value:
        case str():
            value.encode()
        case list() | tuple():
            for each in value:
                _encode(each)
        case dict():
            for each in value.values():
                _encode(each)
