"""A training in MLflow, in a folder or on a tracking server."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.exceptions import MlflowException

from sentiment.errors import ConfigurationError
from sentiment.model.manifest import Manifest
from sentiment.progress import Progress
from training.cards.nested import Scalar
from training.finetune.tracker import Tracker

_ARTIFACT = "model"
_AT_ONCE = 100  # parameters that one request may have
_LONGEST_VALUE = 500
_FOREIGN = re.compile(r"[^\w\-. :/]")


class MlflowRun:
    """Writes to the run with the id `known`, or to a new one called `name` in the tracker's experiment.

    A tracker that fails later does not end the training: `progress` is told once, and nothing more is sent.
    """

    def __init__(self, tracker: Tracker, name: str, known: str | None, progress: Progress) -> None:
        if not tracker.is_address:
            # The slim client has no database driver, so a folder is the only local store. It must be allowed.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        place = tracker.location if tracker.is_address else Path(tracker.location).absolute().as_uri()
        self._progress = progress
        self._failed = False
        try:
            self._client = MlflowClient(place)
            run = self._client.get_run(known) if known else self._new_run(tracker.experiment, name)
            self.id: str = run.info.run_id
            self._told = set(run.data.params)
            self._client.update_run(self.id, status="RUNNING")
        except MlflowException as error:
            raise ConfigurationError(
                f"MLflow cannot be used: {_first_line(error)}", hint="check --tracking-dir and --experiment"
            ) from None

    def parameters(self, values: Mapping[str, Scalar]) -> None:
        """What was told before stays: MLflow refuses another value, such as the version of a library since."""
        named = {_allowed(name): str(value)[:_LONGEST_VALUE] for name, value in values.items()}
        made = [Param(name, value) for name, value in named.items() if name not in self._told]
        for start in range(0, len(made), _AT_ONCE):
            self._send(self._client.log_batch, params=made[start : start + _AT_ONCE])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Points of curves."""
        now_ms = round(time.time() * 1000)
        self._send(
            self._client.log_batch,
            metrics=[Metric(_allowed(name), value, now_ms, step) for name, value in values.items()],
        )

    def model(self, directory: Path, manifest: Manifest, results: Mapping[str, float]) -> None:
        """The results, the version as a tag, and all files of the model."""
        self.metrics(results, 0)
        self._send(self._client.set_tag, "model_version", manifest.version)
        self._send(self._client.log_artifacts, str(directory), _ARTIFACT)

    def end(self, status: str) -> None:
        """Say how the run ended."""
        self._send(self._client.set_terminated, status)

    def _new_run(self, experiment: str, name: str) -> Run:
        found = self._client.get_experiment_by_name(experiment)
        place = self._client.create_experiment(experiment) if found is None else found.experiment_id
        return self._client.create_run(place, run_name=name)

    def _send(self, call: Callable[..., Any], *values: Any, **named: Any) -> None:
        if self._failed:
            return
        try:
            call(self.id, *values, **named)
        except (MlflowException, OSError) as error:
            self._failed = True
            self._progress.say(f"warning: MLflow takes no more, and its run stays as it is: {_first_line(error)}")


def _allowed(name: str) -> str:
    return _FOREIGN.sub("_", name)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
