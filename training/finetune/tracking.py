"""Where a training's curves go besides the log: TensorBoard or MLflow, by option."""

from __future__ import annotations

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
    """`location` is a directory; for MLflow it may be the address of a tracking server instead."""

    name: TrackerName
    location: str

    def callback(self) -> TrainerCallback:
        """What the trainer is to tell. Raises ``ConfigurationError`` where the tracker is not installed."""
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
        # The slim client has no database driver, so a folder is the only local store; it wants to be told so.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(location if is_address else Path(location).absolute().as_uri())
    return MLflowCallback()


def default_location(output: Path) -> str:
    """Beside the model that is made, so that it outlives the work in progress."""
    return str(output.with_name(output.name + ".tracking"))
