"""Reads a zip that holds one file, in bounded memory."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Protocol, cast

from sentiment.errors import InputError

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
"""The first bytes of a zip; the second of one without files."""

_BLOCK_BYTES = 64 * 1024
_MAX_DIRECTORY_BYTES = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the others of zipfile have no limit on what a block becomes
_ENCRYPTED = 0x1
_END = b"PK\x05\x06"
_END_BYTES = 22
_UNZIP = "unzip it, and name the file"
_AGAIN = "get the file again"


class SeekableSource(Protocol):
    """Packed bytes of a file."""

    def seekable(self) -> bool:
        """Whether `seek` works. It does not in a pipe."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Go to a position."""

    def tell(self) -> int:
        """The position."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""


def zip_blocks(packed: SeekableSource, name: str) -> Iterator[bytes]:
    """The content of the only file of a zip.

    Raises:
        InputError: it is cut off, damaged or encrypted, comes from a pipe, or has no file or several.
    """
    with _opened(packed, name) as archive, archive.open(_only_file(archive, name)) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def zipped_name(packed: SeekableSource, name: str) -> str:
    """The name of the only file of a zip. Raises like `zip_blocks`."""
    with _opened(packed, name) as archive:
        return _only_file(archive, name).filename


@contextmanager
def _opened(packed: SeekableSource, name: str) -> Iterator[zipfile.ZipFile]:
    if not packed.seekable():
        raise InputError(f"{name} is a zip, which cannot be read from a pipe", hint="name the file, or use unzip -p")
    try:
        with zipfile.ZipFile(cast("IO[bytes]", _InPieces(packed, name))) as archive:
            _require_nothing_else(packed, archive, name)
            yield archive
    except NotImplementedError:
        raise _unread(name) from None
    except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, struct.error, zlib.error):
        raise InputError(f"{name} is cut off or damaged: its zip cannot be unpacked", hint=_AGAIN) from None


class _InPieces:
    """Refuses to read the directory of a zip of many files at once, which may be as large as the file."""

    def __init__(self, packed: SeekableSource, name: str) -> None:
        self._packed = packed
        self._name = name
        self.seekable, self.seek, self.tell = packed.seekable, packed.seek, packed.tell

    def read(self, size: int = -1) -> bytes:
        if size > _MAX_DIRECTORY_BYTES:
            raise _several(self._name)
        return self._packed.read(size if size >= 0 else _MAX_DIRECTORY_BYTES)


def _only_file(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The one file, apart from what macOS puts beside it."""
    files = [each for each in archive.infolist() if not each.is_dir() and not _is_of_macos(each.filename)]
    if not files:
        raise InputError(f"{name} is a zip without a file", hint=_AGAIN)
    if any(file.filename == "[Content_Types].xml" for file in files):
        raise InputError(f"{name} is an Excel workbook", hint="save the sheet as CSV (UTF-8)")
    if len(files) > 1:
        raise _several(name)
    if files[0].flag_bits & _ENCRYPTED:
        raise InputError(f"{name} is encrypted", hint="unzip it with its password, and name the file")
    if files[0].compress_type not in _METHODS:
        raise _unread(name)
    return files[0]


def _is_of_macos(filename: str) -> bool:
    return filename.startswith("__MACOSX/") or filename.rsplit("/", 1)[-1] == ".DS_Store"


def _require_nothing_else(packed: SeekableSource, archive: zipfile.ZipFile, name: str) -> None:
    """Raise unless the archive is the whole file. Of two zips, one behind the other, only the last would be read."""
    first = min((each.header_offset for each in archive.infolist()), default=0)
    packed.seek(-_END_BYTES - len(archive.comment), os.SEEK_END)
    if first != 0 or packed.read(len(_END)) != _END:
        raise InputError(f"{name} holds something before or after its zip", hint=f"{_AGAIN}, or {_UNZIP}")


def _several(name: str) -> InputError:
    return InputError(f"{name} is a zip of several files", hint="unzip it, and name one of them")


def _unread(name: str) -> InputError:
    return InputError(f"{name} is a zip with a method that is not read", hint=f"{_UNZIP}, or zip it with deflate")
