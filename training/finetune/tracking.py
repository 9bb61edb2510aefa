"""What a training tells a tracker, MLflow or TensorBoard: its parameters, its curves, and the model that came of it.

The parameters are our own. Those of transformers' trainer would mislead: weights and label smoothing are in our loss,
so the trainer has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import rewrite_logs

from sentiment.model.manifest import Manifest
from sentiment.progress import Progress
from training.cards.nested import Scalar
from training.finetune.tracker import Tracker

_RUN_FILE = "tracked-run"


class TrackedRun(Protocol):
    """One training, as a tracker sees it. Names have parts divided by dots or slashes."""

    @property
    def id(self) -> str:
        """What a resumed training finds its run by."""
        ...

    def parameters(self, values: Mapping[str, Scalar]) -> None:
        """What the training was asked to do. To say it again does no harm."""
        ...

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Points of curves."""
        ...

    def model(self, directory: Path, manifest: Manifest, results: Mapping[str, float]) -> None:
        """The model directory, and what it reaches."""
        ...

    def end(self, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Nothing more comes, until somebody resumes the training."""
        ...


@contextmanager
def tracked(tracker: Tracker | None, work: Path, name: str, progress: Progress) -> Iterator[TrackedRun]:
    """Open a run called `name`, or the one whose id is in `work`, which a resumed training goes on with.

    Raises ``ConfigurationError`` if the tracker cannot be used.
    """
    if tracker is None:
        yield _Untracked()
        return
    known = work / _RUN_FILE
    before = known.read_text("utf-8") if known.is_file() else None
    run = _open(tracker, name, before, progress)
    known.write_text(run.id, "utf-8")
    try:
        yield run
    except BaseException as error:
        run.end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    run.end("FINISHED")


def _open(tracker: Tracker, name: str, known: str | None, progress: Progress) -> TrackedRun:
    if tracker.name == "tensorboard":
        from training.finetune.tensorboard_run import TensorBoardRun

        return TensorBoardRun(Path(tracker.location) / tracker.experiment, name, known)
    from training.finetune.mlflow_run import MlflowRun

    return MlflowRun(tracker, name, known, progress)


class LogCurves(TrainerCallback):  # type: ignore[misc]
    """Passes on what the trainer logs: the loss and the learning rate, and the figures of evaluations."""

    def __init__(self, run: TrackedRun) -> None:
        self._run = run

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Pass on the numbers."""
        numbers = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
        self._run.metrics(rewrite_logs(numbers), state.global_step)


class _Untracked:
    """Nobody wants to know."""

    id = ""

    def parameters(self, values: Mapping[str, Scalar]) -> None:
        """Nothing."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Nothing."""

    def model(self, directory: Path, manifest: Manifest, results: Mapping[str, float]) -> None:
        """Nothing."""

    def end(self, status: str) -> None:
        """Nothing."""
