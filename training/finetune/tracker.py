"""Which tracker a training tells, and where that keeps its data."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from sentiment.errors import ConfigurationError

TrackerName = Literal["tensorboard", "mlflow"]
_EXTRAS = {"tensorboard": "train", "mlflow": "mlflow"}
_ANSWER_WITHIN_S = 5.0


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


def default_location(output: Path) -> str:
    """A directory beside the output, so that it outlives the work in progress."""
    return str(output.with_name(output.name + ".tracking"))
