"""The temperature of each form of the weights in a model directory: fitting it, and writing it to the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sentiment.calibration import fit_temperature
from sentiment.model.directory import open_directory
from sentiment.model.loading import load_model
from sentiment.model.manifest import Calibration, Manifest, version_of, write_manifest
from training.data.examples import Example


def fit_calibration(directory: Path, rows: Sequence[Example]) -> Calibration:
    """The temperature of each form in `directory` that fits its logits, as served, to the labels of `rows`."""
    texts, labels = [row.text for row in rows], [row.label for row in rows]
    graphs = open_directory(directory).openvino_files

    def fit(form: str) -> float:
        return fit_temperature(load_model(directory, backend="openvino", form=form).logits(texts), labels)

    fitted = {f"temperature_{form}": fit(form) for form in graphs if form != "fp32"}
    fp32 = fit_temperature(load_model(directory, backend="torch").logits(texts), labels)
    return Calibration(temperature_fp32=fp32, **fitted)


def set_calibration(directory: Path, manifest: Manifest, calibration: Calibration) -> Manifest:
    """Write `calibration` to the manifest of `directory`. The version changes too, because the answers do."""
    temperatures = {key: str(value) for key, value in msgspec.to_builtins(calibration).items()}
    updated = msgspec.structs.replace(
        manifest, calibration=calibration, version=version_of({**manifest.files, **temperatures})
    )
    write_manifest(directory, updated)
    return updated
