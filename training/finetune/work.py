"""`OUTPUT.training`, where a training keeps its work until it is complete. It stays only if there is work to resume."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentiment.errors import InputError

TEACHER_FOLDER = "teacher"
STEPS_FOLDER = "steps"
TRAINED_FILE = "model.safetensors"
RECORD_FILE = "run-record.json"


def work_folder(output: Path) -> Path:
    """The folder of work in progress for `output`."""
    return output.with_name(output.name + ".training")


def require_work(output: Path, *, resume: bool) -> Path:
    """The work folder for a run; it need not exist yet. Raises ``InputError`` if `resume` does not fit what is there.

    A folder with nothing to resume, as a killed process leaves it, is no obstacle.
    """
    work = work_folder(output)
    if output.exists():
        raise InputError(f"{output} exists", hint="remove it or name another --output")
    if (begun := saved(work)) and not resume:
        raise InputError(f"{work} holds an unfinished run: {begun}", hint="continue it with --resume, or remove it")
    if resume and not work.exists():
        raise InputError(f"there is nothing to resume: {work} does not exist", hint="run without --resume")
    return work


def saved(work: Path) -> str | None:
    """What a resumed run goes on from; None if it would begin at the beginning."""
    if (work / TRAINED_FILE).is_file():
        return "the trained weights, which are not exported yet"
    steps = [int(path.name.rpartition("-")[2]) for path in (work / STEPS_FOLDER).glob("checkpoint-*")]
    if steps:
        return f"step {max(steps):,}"
    if next((work / TEACHER_FOLDER).glob("*/[0-9]*.npy"), None) is not None:
        return "the answers of the teachers so far"
    return None


@contextmanager
def kept_if_resumable(work: Path) -> Iterator[None]:
    """Remove the folder `work` if the block fails, or is interrupted, before there is something to resume."""
    try:
        yield
    except BaseException:
        if saved(work) is None:
            shutil.rmtree(work, ignore_errors=True)
        raise
