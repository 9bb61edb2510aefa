"""The rejects file: which rows were not published, and why, but not what they say."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import msgspec

from consumers.ingest.fields import Reject
from sentiment.durable import put_in_place
from sentiment.errors import InputError
from sentiment.sources import InputFile


class RejectsFile:
    """Collects rejects. The file appears, complete, when it is closed; without rejects there is none.

    The file of an earlier run on the same input is replaced, or removed if nothing is rejected any more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.first: Reject | None = None
        self._file: TextIO | None = None
        self._temporary = path

    def add(self, reject: Reject) -> None:
        """Write one line. Raises InputError if the file cannot be created."""
        if self._file is None:
            self._file = self._create()
            self.first = reject
        self._file.write(msgspec.json.encode(reject).decode() + "\n")
        self.count += 1

    def close(self) -> None:
        """Put the file in place."""
        if self._file is None:
            with suppress(FileNotFoundError):
                self.path.unlink()
            return
        self._file.close()
        put_in_place(self._temporary, self.path)

    def discard(self) -> None:
        """Leave everything as it was before."""
        if self._file is not None:
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def _create(self) -> TextIO:
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from None
        self._temporary = Path(name)
        return os.fdopen(handle, "w", encoding="utf-8")


def rejects_path(given: InputFile) -> Path:
    """`FILE.rejects.jsonl`, or for a pipe `stdin.rejects.jsonl` in the working directory."""
    if given.path is None or not given.repeatable:
        return Path("stdin.rejects.jsonl")
    return given.path.with_name(given.path.name + ".rejects.jsonl")


@contextmanager
def collecting(path: Path) -> Iterator[RejectsFile]:
    """A rejects file that is put in place at the end and after an interruption, but not after an error."""
    rejects = RejectsFile(path)
    try:
        yield rejects
    except KeyboardInterrupt:
        rejects.close()
        raise
    except BaseException:
        rejects.discard()
        raise
    rejects.close()
