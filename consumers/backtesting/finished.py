"""Finished work of a backtest that was interrupted: the folder `FILE.partial/` beside its output.

A piece of work that took long is stored under the digest of everything that it depends on. So the same command goes
on, and whatever has changed since is computed anew.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sentiment import __version__
from sentiment.durable import replace_file
from sentiment.errors import InputError
from sentiment.outputs import Output

T = TypeVar("T")

WORTH_S = 1.0
"""Work that took less is done again: the disk would take as long."""


class Finished:
    """Remembers work in a folder. An output that cannot be read back (a pipe, stdout) remembers nothing."""

    def __init__(self, output: Output, *, worth_s: float = WORTH_S) -> None:
        self._worth_s = worth_s
        beside = output.path if output.regular else None
        self._folder: Path | None = None if beside is None else beside.with_name(f"{beside.name}.partial")

    def get(self, kind: type[T], depends_on: Any, compute: Callable[[], T]) -> T:
        """What `compute` returns, or returned for the same `depends_on` before an interruption.

        Raises:
            InputError: the folder cannot be written.
        """
        if self._folder is None:
            return compute()
        content = msgspec.json.encode((__version__, str(kind), depends_on))
        path = self._folder / f"{sha256(content).hexdigest()}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError):
            pass
        started = time.monotonic()
        made = compute()
        if time.monotonic() - started < self._worth_s:
            return made
        try:
            self._folder.mkdir(exist_ok=True)
            replace_file(path, msgspec.json.encode(made))
        except OSError as error:
            raise InputError(f"{self._folder} cannot be written: {error.strerror}") from None
        return made

    def clear(self) -> None:
        """Remove what is remembered: the output is complete."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
