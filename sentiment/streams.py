"""Standard streams as a command needs them, whatever the caller has made of them."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from sentiment.errors import InputError


def repair_streams() -> None:
    """Make standard output and error safe to write to. Call it once, before anything else is opened.

    A stream that the caller has closed (`>&-`) goes to the null device: its number would otherwise be given to the next
    connection, and what a library prints would end there. Characters that the encoding of a stream lacks are escaped.
    """
    for number in range(3):
        _occupy(number)
    sys.stdout = _usable(sys.stdout)
    sys.stderr = _usable(sys.stderr)


def standard_input() -> BinaryIO:
    """Standard input. Raises ``InputError`` if it is closed (`<&-`)."""
    if sys.stdin is None or getattr(sys.stdin, "closed", False):
        raise InputError("standard input is closed", hint="name a file, or pipe the rows into the command")
    return sys.stdin.buffer


def flush_quietly() -> None:
    """Write what is left in standard output. If its reader has gone, that is no error."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _occupy(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


def _usable(stream: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")  # for the life of the process
    if isinstance(stream, TextIOWrapper) and stream.errors in {"strict", "surrogateescape"}:
        stream.reconfigure(errors="backslashreplace")
    return stream
