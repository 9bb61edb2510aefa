"""The work that is done so far, beside the output: `FILE.partial/`, with its description, its parts, and a lock."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sentiment.durable import put_in_place, replace_file
from sentiment.errors import InputError, SentimentError


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """All that the output depends on. Work can be resumed only by a job that is equal."""

    input_sha256: str
    input_format: str
    text_field: str
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
    """How far it is: `n_parts` written, with `n_rows` rows, `n_unscored` of them without a result."""

    n_parts: int = 0
    n_rows: int = 0
    n_unscored: int = 0


class PartialWork:
    """A folder of parts. A part counts once the checkpoint that includes it is on the disk."""

    def __init__(self, output: Path) -> None:
        self.folder = output.with_name(output.name + ".partial")
        self._job = self.folder / "job.json"
        self._progress = self.folder / "progress.json"

    def exists(self) -> bool:
        """Whether there is anything to go on from."""
        return self._job.exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out of the folder, which is made where it is missing.

        Raises:
            SentimentError: another process is at work on the same output.
            InputError: the folder cannot be made.
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
                    f"another process is at work in {self.folder}", hint="let it finish, or name another output"
                ) from None
            yield
        finally:
            os.close(handle)

    def begin(self, job: Job) -> Checkpoint:
        """Forget what is there, and start."""
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()
        replace_file(self._job, msgspec.json.encode(job))
        return Checkpoint()

    def resume(self, job: Job) -> Checkpoint:
        """How far the same job came before.

        Raises:
            InputError: the work that is there was for another input, model or setting.
        """
        try:
            before = msgspec.json.decode(self._job.read_bytes(), type=Job)
            progress = Checkpoint()
            if self._progress.exists():
                progress = msgspec.json.decode(self._progress.read_bytes(), type=Checkpoint)
        except msgspec.MsgspecError:
            raise InputError(f"{self.folder} holds nothing that can be resumed", hint="--force starts again") from None
        changed = [name for name in Job.__struct_fields__ if getattr(before, name) != getattr(job, name)]
        if changed:
            raise InputError(
                f"{self.folder} is from another job: {', '.join(changed)} changed since",
                hint="--force starts again; the same command as before resumes",
            )
        return progress

    def add(self, progress: Checkpoint, write: Callable[[Path], object]) -> None:
        """Add the part number `progress.n_parts`, written by `write`; from here on `progress` is true."""
        written = self.folder / "part.new"
        write(written)
        put_in_place(written, self._part(progress.n_parts - 1))
        replace_file(self._progress, msgspec.json.encode(progress))

    def finish(self, progress: Checkpoint, output: Path, join: Callable[[list[Path], Path], object]) -> None:
        """Put the parts together as `output`, which appears whole, and remove the folder."""
        parts = [self._part(number) for number in range(progress.n_parts)]
        whole = self.folder / "whole"
        join(parts, whole)
        put_in_place(whole, output)
        # First, so that a folder that is only half removed is not taken for work to resume.
        self._job.unlink()
        shutil.rmtree(self.folder)

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:06}"
