"""The rejects file: which rows were not published, and why, but not what they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from consumers.ingest.fields import Reject
from sentiment.outputs import Output, find_output
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
        self._output: Output | None = None
        self._temporary = path

    def add(self, reject: Reject) -> None:
        """Write one line. Raises InputError if the file cannot be written."""
        if self._file is None:
            # Found only now, since an input without rejects may lie where nothing can be written.
            self._output = find_output(self.path)
            self._temporary = self._output.begin()
            self._file = self._temporary.open("w", encoding="utf-8")
            self.first = reject
        self._file.write(msgspec.json.encode(reject).decode() + "\n")
        self.count += 1

    def close(self) -> None:
        """Put the file in place. Raises InputError if that is not possible."""
        if self._file is not None and self._output is not None:
            self._file.close()
            self._output.put(self._temporary)
        elif self.path.is_file():
            find_output(self.path).clear()

    def discard(self) -> None:
        """Leave everything as it was before."""
        if self._file is not None:
            self._file.close()
            self._temporary.unlink(missing_ok=True)


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
