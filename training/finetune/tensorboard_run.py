"""A training in TensorBoard: a folder of event files for each run, EXPERIMENT/NAME."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from torch.utils.tensorboard import SummaryWriter

from sentiment.model.manifest import Manifest
from training.cards.nested import Scalar

_HERE = "."  # beside the curves, not in a folder that TensorBoard would show as another run


class TensorBoardRun:
    """Writes to `experiment`/`name`, or to NAME-2 and so on if another run has the name. `known` is the id of this run,
    if it was begun before.
    """

    def __init__(self, experiment: Path, name: str, known: str | None) -> None:
        self.id = known or _free_name(experiment, name)
        self._writer = SummaryWriter(log_dir=str(experiment / self.id))
        self._parameters: dict[str, Scalar] = {}

    def parameters(self, values: Mapping[str, Scalar]) -> None:
        """Show them as text now, and beside the results once there are any."""
        self._parameters |= values
        rows = "\n".join(f"| {name} | {value} |" for name, value in values.items())
        self._writer.add_text("parameters", f"| parameter | value |\n|---|---|\n{rows}")
        self._writer.flush()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Points of curves."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def model(self, directory: Path, manifest: Manifest, results: Mapping[str, float]) -> None:
        """The results beside the parameters, for the tab HPARAMS. TensorBoard keeps no files: it gets the manifest."""
        self._writer.add_hparams(self._parameters, dict(results), run_name=_HERE)
        content = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2).decode()
        indented = "\n".join(f"    {line}" for line in content.splitlines())
        self._writer.add_text("model", f"{directory.absolute()}\n\n{indented}")

    def end(self, status: str) -> None:
        """Close the file."""
        self._writer.close()


def _free_name(experiment: Path, name: str) -> str:
    number, free = 1, name
    while (experiment / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free
