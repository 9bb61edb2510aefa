"""Opens files and pipes. Unpacks what is packed, and turns every failure to read into an InputError."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, cast

from sentiment.errors import InputError, UsageError
from sentiment.packed import PACKED_SUFFIXES, open_packed
from sentiment.sources.encodings import in_utf8, utf16_without_mark
from sentiment.sources.options import DEFAULT_READING, ReadingOptions
from sentiment.sources.rows import SUFFIXES, FileFormat
from sentiment.streams import standard_input
from sentiment.zipped import ZIP_MAGICS, zipped_name

_SNIFF_BYTES = 8_192
_BUFFER_BYTES = 1 << 16
_TAR_AT = 257
_OFFICE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # before 2007; later ones are zips


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to read rows from, and how; None is standard input."""

    path: Path | None
    options: ReadingOptions = DEFAULT_READING

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "standard input" if self.path is None else str(self.path)

    @property
    def repeatable(self) -> bool:
        """Whether it can be read a second time. A pipe cannot."""
        return self.path is not None and stat.S_ISREG(self.path.stat().st_mode)


def find_input(argument: str, options: ReadingOptions = DEFAULT_READING) -> InputFile:
    """The input that an argument of the command line names, to be read with `options`; `-` is standard input.

    Raises:
        InputError: there is no such file, it is a directory, or standard input is closed.
    """
    if argument == "-":
        standard_input()
        return InputFile(None, options)
    path = Path(argument)
    with reading(argument):
        mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputError(f"{argument} is a directory", hint="name a CSV, JSONL or Parquet file")
    return InputFile(path, options)


def detect_format(given: InputFile, chosen: FileFormat | None = None) -> FileFormat:
    """Return `chosen`, or else the format in its options, or else that of its name, apart from `.gz` and the like.

    If a zip has a name without a format, the name of the file in it counts.

    Raises:
        UsageError: nothing is chosen, and the name does not tell.
        InputError: it is a zip that cannot be read.
    """
    chosen = chosen or given.options.file_format
    if chosen is not None:
        return chosen
    found = _format_of_name(given.path) if given.path is not None else None
    if found is None and given.path is not None and given.path.suffix.lower() == ".zip" and given.repeatable:
        with reading(given.name), _open_raw(given) as raw:
            if raw.peek(_SNIFF_BYTES).startswith(ZIP_MAGICS):
                found = _format_of_name(PurePath(zipped_name(raw, given.name)))
    if found is not None:
        return found
    raise UsageError(f"cannot tell the format of {given.name}", hint="add --format csv, jsonl or parquet")


def _format_of_name(path: PurePath) -> FileFormat | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED_SUFFIXES:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn every failure to open or read `name` into an InputError."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"there is no file {name}") from None
    except IsADirectoryError:
        raise InputError(f"{name} is a directory") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or type(error).__name__}") from None


@contextmanager
def open_text(given: InputFile) -> Iterator[io.BufferedReader[Any]]:
    """Open an input, unpacked and in UTF-8.

    Raises:
        InputError: the input cannot be read or unpacked (`open_packed`), or is not text; also while it is read.
    """
    with reading(given.name), _open_raw(given) as raw, open_packed(raw, given.name) as unpacked:
        text = in_utf8(unpacked, given.name, given.options.encoding)
        _refuse_binary(given.name, text.peek(_SNIFF_BYTES))
        yield text


@contextmanager
def _open_raw(given: InputFile) -> Iterator[io.BufferedReader[Any]]:
    if given.path is None:
        yield cast("io.BufferedReader[Any]", standard_input())
        return
    with given.path.open("rb", buffering=_BUFFER_BYTES) as file:
        yield cast("io.BufferedReader[Any]", file)


def _refuse_binary(name: str, head: bytes) -> None:
    if head.startswith(b"PAR1"):
        raise InputError(f"{name} is a Parquet file", hint="add --format parquet; neither packed nor from a pipe")
    if head.startswith(_OFFICE_MAGIC):
        raise InputError(f"{name} is an Excel workbook", hint="save the sheet as CSV (UTF-8)")
    if head[_TAR_AT:].startswith(b"ustar"):
        raise InputError(f"{name} is a tar archive", hint="extract the file that you need, and name it")
    if b"\x00" in head:
        if encoding := utf16_without_mark(head):
            raise InputError(f"{name} is UTF-16 without a byte-order mark", hint=f"add --encoding {encoding}")
        raise InputError(f"{name} is a binary file, not text", hint="CSV and JSON are text; --encoding says which")
