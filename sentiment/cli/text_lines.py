"""Lines of a file as texts to score. A line without a usable text becomes a reason and raises nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from sentiment.bounded import MAX_LINE_BYTES, bounded_lines, in_mib
from sentiment.errors import InputError
from sentiment.packed import open_packed
from sentiment.streams import standard_input
from sentiment.text import text_fault

_STDIN = Path("-")
_JSONL_SUFFIXES = frozenset({".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class Line:
    """A text, or the reason why there is none, which never quotes the line. Exactly one of the two is set."""

    text: str | None = None
    error: str | None = None


def line_of(text: str) -> Line:
    """`text`, if the pipeline scores it (`text_fault`)."""
    fault = text_fault(text)
    return Line(text=text) if fault is None else Line(error=fault)


def read_lines(path: Path) -> Iterator[Line]:
    """One ``Line`` for each line of `path` (``-`` is stdin), read lazily; a packed file is unpacked.

    The file is JSONL if its name says so or its first line is a JSON object. Otherwise every line is a text. Raises
    ``InputError`` if it cannot be read.
    """
    named_jsonl = path.suffix in _JSONL_SUFFIXES or path.with_suffix("").suffix in _JSONL_SUFFIXES
    as_jsonl: bool | None = True if named_jsonl else None
    try:
        with _open(path) as stream:
            for raw in bounded_lines(stream):
                if raw is None:
                    yield Line(error=f"the line is longer than {in_mib(MAX_LINE_BYTES)}")
                    continue
                content = raw.rstrip(b"\r\n")
                if as_jsonl is None:
                    as_jsonl = _is_object(content)
                yield _from_json(content) if as_jsonl else _from_text(content)
    except OSError as error:
        reason = error.strerror or "it is damaged"
        raise InputError(
            f"{path} cannot be read: {reason}", hint="name a file with one text or JSON object per line"
        ) from error


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    if path == _STDIN:
        yield standard_input()
        return
    with path.open("rb") as raw, open_packed(raw, str(path)) as stream:
        yield stream


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(content), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _from_json(content: bytes) -> Line:
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Line(error="the line is not JSON")
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str):
        return Line(error="the line has no string at $.text")
    return line_of(text)


def _from_text(content: bytes) -> Line:
    try:
        return line_of(content.decode("utf-8"))
    except UnicodeDecodeError:
        return Line(error="the line is not UTF-8")
