"""Unfinished work next to the output: the folder `FILE.partial/` with a description, parts and a lock.

If the output is a pipe, a device or stdout, the folder is a temporary one, which goes with the process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sentiment.durable import put_in_place, replace_file
from sentiment.errors import InputError, SentimentError
from sentiment.outputs import Output


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the output depends on. Only an equal job can resume the work."""

    input_sha256: str
    input_format: str
    text_field: str
    delimiter: str | None
    encoding: str | None
    skip_rows: int
    kind: str
    names: str
    columns: list[str]
    output_format: str
    part_rows: int
    model_name: str
    model_version: str
    backend: str
    max_batch_tokens: int
    max_batch_items: int
    procedure: int = 1


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Progress: `n_parts` are written, with `n_rows` rows, of which `n_unscored` have no result."""

    n_parts: int = 0
    n_rows: int = 0
    n_unscored: int = 0


class PartialWork:
    """A folder of parts. A part counts once a checkpoint that includes it is on the disk."""

    def __init__(self, output: Output) -> None:
        self._output = output
        if output.regular and output.path is not None:
            self.folder = output.path.with_name(output.path.name + ".partial")
        else:
            self._temporary = tempfile.TemporaryDirectory(prefix="sentiment-", ignore_cleanup_errors=True)
            self.folder = Path(self._temporary.name)
        self._job = self.folder / "job.json"
        self._progress = self.folder / "progress.json"

    def exists(self) -> bool:
        """Whether there is work to resume."""
        return self._job.exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes; it is created if it is missing.

        Raises:
            SentimentError: another process is working on the same output.
            InputError: the folder cannot be created.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            handle = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise InputError(f"{self.folder} cannot be used: {error.strerror}") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SentimentError(
                    f"another process is working in {self.folder}", hint="let it finish, or name another output"
                ) from None
            yield
        finally:
            os.close(handle)

    def begin(self, job: Job) -> Checkpoint:
        """Remove earlier work, and start."""
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()
        replace_file(self._job, msgspec.json.encode(job))
        return Checkpoint()

    def resume(self, job: Job) -> Checkpoint:
        """The checkpoint of an interrupted run of the same job.

        Raises:
            InputError: the earlier work was for another input, model or setting.
        """
        try:
            before = msgspec.json.decode(self._job.read_bytes(), type=Job)
            progress = Checkpoint()
            if self._progress.exists():
                progress = msgspec.json.decode(self._progress.read_bytes(), type=Checkpoint)
        except msgspec.MsgspecError:
            raise InputError(f"the work in {self.folder} cannot be resumed", hint="--force starts again") from None
        changed = [name for name in Job.__struct_fields__ if getattr(before, name) != getattr(job, name)]
        if changed:
            raise InputError(
                f"{self.folder} is from another job: {', '.join(changed)} changed",
                hint="--force starts again; the same command as before resumes",
            )
        return progress

    def add(self, progress: Checkpoint, write: Callable[[Path], object]) -> None:
        """Add part number `progress.n_parts`, which `write` writes, and make `progress` the checkpoint."""
        written = self.folder / "part.new"
        write(written)
        put_in_place(written, self._part(progress.n_parts - 1))
        replace_file(self._progress, msgspec.json.encode(progress))

    def finish(self, progress: Checkpoint, join: Callable[[list[Path], Path], object]) -> None:
        """Join the parts to the output, which appears complete, and remove the folder. Raises InputError."""
        parts = [self._part(number) for number in range(progress.n_parts)]
        whole = self.folder / "whole"
        join(parts, whole)
        self._output.put(whole)
        # This goes first, so that a half-removed folder does not look like work to resume.
        self._job.unlink()
        shutil.rmtree(self.folder)

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:06}"
