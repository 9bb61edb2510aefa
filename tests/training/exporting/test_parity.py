"""`sentiment export`: forms, what serves them, and how far each is from fp32."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sentiment.cli.main import run
from sentiment.errors import InputError, ModelError
from sentiment.model.loading import load_model
from sentiment.model.manifest import hash_files, load_manifest
from tests.sentiment.model.models import save_classifier
from tests.training import tiny
from training.data.examples import RowLayout
from training.exporting import files
from training.exporting.graphs import Unconvertible
from training.exporting.parity import read_parity_rows

ROWS = tiny.rows(60, seed=9)


def test_labels_of_any_column_are_compared_too(tmp_path: Path) -> None:
    """Named and mapped as in every command; without labels there are texts alone, and a named column has to exist."""
    numbers = {"negative": 0, "neutral": 1, "positive": 2}
    foreign = [{"body": row["text"], "stars": numbers[row["label"]]} for row in ROWS]
    file = tmp_path / "foreign.jsonl"
    file.write_text("\n".join(map(json.dumps, foreign)))
    labels = {str(number): label for label, number in numbers.items()}
    texts, found = read_parity_rows(str(file), RowLayout("body", "stars", labels), 100)
    assert found == [numbers[row["label"]] for row in ROWS]
    assert read_parity_rows(str(file), RowLayout("body"), 100) == (texts, None)
    with pytest.raises(InputError, match="no column 'rating'"):
        read_parity_rows(str(file), RowLayout("body", "rating"), 100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    save_classifier(folder / "checkpoint")
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    return folder


def flags(folder: Path, output: str, *more: str) -> list[str]:
    rows = str(folder / "rows.jsonl")
    return ["export", str(folder / "checkpoint"), "--output", str(folder / output), "--calibration-file", rows, *more]


def test_every_form_is_written_measured_and_served(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three graphs, int8 the default; fp32 is torch to 1e-4 and bf16 near it; figures are those of the answers."""
    parity_file = str(folder / "rows.jsonl")
    assert run(flags(folder, "all", "--forms", "fp32,bf16,int8", "--parity-file", parity_file, "--json")) == 0
    parity = json.loads(capsys.readouterr().out)["metrics"]["parity"]
    manifest = load_manifest(folder / "all")
    assert manifest.files == hash_files(folder / "all")
    assert manifest.training["export"] == {"forms": ["fp32", "bf16", "int8"]}
    assert set(parity) == {"fp32", "bf16", "int8"}
    assert parity["fp32"]["max_difference"] < 1e-4
    assert parity["fp32"]["label_agreement"] == 1.0
    assert parity["bf16"]["max_difference"] < 0.05
    assert (folder / "all/openvino/bf16.bin").stat().st_size < 0.6 * (folder / "all/openvino/fp32.bin").stat().st_size

    texts = [row["text"] for row in ROWS]
    answers = {
        form: np.array([p.probabilities for p in load_model(folder / "all", form=form, threads=1).predict(texts)[0]])
        for form in ("fp32", "int8")
    }
    difference = np.abs(answers["fp32"] - answers["int8"])
    assert parity["int8"]["mean_difference"] == pytest.approx(difference.mean(), abs=1e-4)
    assert parity["int8"]["n_texts"] == len(ROWS)
    assert load_model(folder / "all", threads=1).backend == "openvino-int8"
    assert load_model(folder / "all", form="bf16", threads=1).backend in ("openvino-bf16", "openvino-fp32")
    with pytest.raises(ModelError, match="has no form int4; it has int8, bf16, fp32"):
        load_model(folder / "all", form="int4")


def test_what_cannot_be_converted_is_served_by_torch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The export has safetensors alone, says why, and is loaded by torch."""

    def refuse(*_: object) -> None:
        raise Unconvertible("OpenVINO cannot convert it (Probe)")

    monkeypatch.setattr(files, "to_graph", refuse)
    assert run(flags(folder, "torch-only")) == 0
    assert "no int8: OpenVINO cannot convert it (Probe); torch serves this model" in capsys.readouterr().out
    assert load_manifest(folder / "torch-only").training["export"]["forms"] == []
    assert load_model(folder / "torch-only", threads=1).backend.startswith("torch")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--forms", "int4"], "unknown form 'int4'"),
        (["--calibration-file", "none.jsonl"], "there is no file none.jsonl"),
    ],
)
def test_wrong_use_is_said(folder: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown form or a missing file is exit code 2, and nothing is written."""
    assert run(flags(folder, "wrong", *more)) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "wrong").exists()


def test_an_export_is_not_overwritten_unasked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing output needs --force."""
    assert run(flags(folder, "checkpoint")) == 2
    assert "--force" in capsys.readouterr().err
