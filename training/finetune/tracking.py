"""What a training tells a tracker, MLflow or TensorBoard: its parameters, its curves, and the model that came of it.

The parameters are our own. Those of transformers' trainer would mislead: weights and label smoothing are in our loss,
so the trainer has none.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import httpx
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import rewrite_logs

from sentiment.errors import ConfigurationError
from sentiment.model.manifest import Manifest
from sentiment.progress import Progress
from training.cards.nested import Scalar

TrackerName = Literal["tensorboard", "mlflow"]
_EXTRAS = {"tensorboard": "train", "mlflow": "mlflow"}
_ANSWER_WITHIN_S = 5.0
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


@dataclass(frozen=True, slots=True)
class Tracker:
    """`location` is a directory. For MLflow it can also be the address of a tracking server.

    Runs of one `experiment` stand side by side.
    """

    name: TrackerName
    location: str
    experiment: str = "sentiment"

    @property
    def is_address(self) -> bool:
        """Whether `location` is an address."""
        return "://" in self.location

    def require(self) -> None:
        """Raise ``ConfigurationError`` if the tracker is not installed, or its server does not answer.

        Nothing is written.
        """
        if importlib.util.find_spec(self.name) is None:
            raise ConfigurationError(
                f"the tracker {self.name} is not installed",
                hint=f"pip install 'sentiment-pipeline[{_EXTRAS[self.name]}]'",
            )
        if self.name == "tensorboard" and self.is_address:
            raise ConfigurationError("TensorBoard keeps its data in a directory", hint="give one as --tracking-dir")
        if self.location.startswith(("http://", "https://")):
            try:
                httpx.head(self.location, timeout=_ANSWER_WITHIN_S)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise ConfigurationError(
                    f"the tracking server does not answer ({type(error).__name__})",
                    hint="check --tracking-dir, or train without --tracker",
                ) from None


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


def default_location(output: Path) -> str:
    """A directory beside the output, so that it outlives the work in progress."""
    return str(output.with_name(output.name + ".tracking"))


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
