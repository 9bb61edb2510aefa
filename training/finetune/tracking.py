"""Trackers for the curves of a training: TensorBoard or MLflow."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from transformers import TrainerCallback
from transformers.integrations import MLflowCallback, TensorBoardCallback

from sentiment.errors import ConfigurationError

TrackerName = Literal["tensorboard", "mlflow"]
_EXTRAS = {"tensorboard": "train", "mlflow": "mlflow"}


@dataclass(frozen=True, slots=True)
class Tracker:
    """`location` is a directory. For MLflow it can also be the address of a tracking server."""

    name: TrackerName
    location: str

    def require(self) -> None:
        """Raise ``ConfigurationError`` if the tracker is not installed. Nothing is written."""
        if importlib.util.find_spec(self.name) is None:
            raise ConfigurationError(
                f"the tracker {self.name} is not installed",
                hint=f"pip install 'sentiment-pipeline[{_EXTRAS[self.name]}]'",
            )

    def callback(self) -> TrainerCallback:
        """The callback for the trainer. Raises ``ConfigurationError`` if the tracker is not installed."""
        try:
            return _tensorboard(self.location) if self.name == "tensorboard" else _mlflow(self.location)
        except (ImportError, RuntimeError) as error:
            raise ConfigurationError(
                f"the tracker {self.name} cannot be used ({type(error).__name__}: {error})",
                hint=f"pip install 'sentiment-pipeline[{_EXTRAS[self.name]}]'",
            ) from error


def _tensorboard(location: str) -> TrainerCallback:
    from torch.utils.tensorboard import SummaryWriter

    return TensorBoardCallback(SummaryWriter(log_dir=location))


def _mlflow(location: str) -> TrainerCallback:
    import mlflow

    is_address = "://" in location
    if not is_address:
        # The slim client has no database driver, so a folder is the only local store. It must be allowed explicitly.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(location if is_address else Path(location).absolute().as_uri())
    return MLflowCallback()


def default_location(output: Path) -> str:
    """A directory beside the output, so that it outlives the work in progress."""
    return str(output.with_name(output.name + ".tracking"))
