"""From a checkpoint to the directory that is served."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors import safe_open

from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.loading import load_model
from sentiment.model.manifest import Calibration, hash_files, load_manifest
from tests.sentiment.model.models import save_classifier
from tests.training import tiny
from training.exporting.export import ExportPlan, Provenance, export_model
from training.exporting.temperatures import fit_temperature, set_calibration

ROWS = tiny.examples(80, seed=6)
TEXTS, TRUTH = [row.text for row in ROWS], [row.label for row in ROWS]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("export") / "checkpoint")


@pytest.fixture(scope="module")
def exported(checkpoint: Path) -> Path:
    directory = checkpoint.parent / "exported"
    export_model(
        checkpoint,
        directory,
        ExportPlan(TEXTS[:30], max_length=32, temperature_rows=ROWS),
        Provenance("tiny", "tiny-backbone", training={"epochs": 1}),
    )
    return directory


def test_the_directory_is_complete_and_proved(exported: Path) -> None:
    """Exactly the documented files, each with its hash; nothing of the work in progress is left."""
    files = ["config.json", "model.safetensors", "openvino/model.bin", "openvino/model.xml", "tokenizer.json"]
    manifest = load_manifest(exported)
    assert sorted(manifest.files) == [*files, "tokenizer_config.json"]
    assert hash_files(exported) == manifest.files
    assert (manifest.name, manifest.backbone, manifest.max_length) == ("tiny", "tiny-backbone", 32)
    assert manifest.architecture == "BertForSequenceClassification"
    assert manifest.training == {"epochs": 1, "export": {"forms": ["int8"]}}
    assert sorted(path.name for path in exported.parent.iterdir()) == ["checkpoint", "exported"]


def test_weights_are_half_precision_and_quantised(exported: Path, checkpoint: Path) -> None:
    """The safetensors are fp16, the graph holds int8, and no path of the machine that trained is inside."""
    with safe_open(exported / "model.safetensors", framework="np") as tensors:
        assert {str(tensors.get_tensor(name).dtype) for name in tensors.keys()} == {"float16"}  # noqa: SIM118 no mapping
    assert 'element_type="i8"' in (exported / "openvino" / "model.xml").read_text()
    for file in ("config.json", "manifest.json", "tokenizer_config.json", "openvino/model.xml"):
        assert str(checkpoint.parent) not in (exported / file).read_text()


def test_files_are_readable_for_who_serves(exported: Path) -> None:
    """Every file has mode 0644 and every directory 0755, whoever wrote it."""
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in (exported, *exported.rglob("*"))}
    assert modes == {(True, 0o755), (False, 0o644)}


def test_both_forms_answer_like_the_checkpoint(exported: Path, checkpoint: Path) -> None:
    """fp16 on torch and int8 on OpenVINO stay near the fp32 logits, each within its precision."""

    def logits(directory: Path, choice: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        classifier = load_model(directory, backend=choice, threads=1)  # type: ignore[arg-type]
        return classifier.logits(TEXTS)

    original = logits(checkpoint, "torch")
    scale = original.std()
    assert np.abs(logits(exported, "torch") - original).max() < 0.02 * scale
    assert np.sqrt(np.mean((logits(exported, "openvino") - original) ** 2)) < 0.25 * scale


def test_each_form_gets_its_own_temperature(exported: Path) -> None:
    """The manifest's temperatures are those that fit the logits as they are served."""
    calibration = load_manifest(exported).calibration
    for choice, expected in (("torch", calibration.temperature_fp32), ("openvino", calibration.temperature_int8)):
        classifier = load_model(exported, backend=choice, threads=1)  # type: ignore[arg-type]
        assert fit_temperature(classifier.logits(TEXTS), TRUTH) == pytest.approx(expected, rel=1e-3)


def test_another_temperature_is_another_version(exported: Path, tmp_path: Path) -> None:
    """Answers change with the calibration, so the identity of results does too."""
    manifest = load_manifest(exported)
    changed = set_calibration(tmp_path, manifest, Calibration(temperature_int8=1.5))
    assert changed.version != manifest.version
    assert load_manifest(tmp_path) == changed
    assert set_calibration(tmp_path, changed, manifest.calibration) == manifest


def test_labels_in_another_order_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    """A checkpoint whose outputs are not in the order of the contract is not exported, and nothing is written."""
    config = json.loads((checkpoint / "config.json").read_text())
    config["id2label"] = dict(enumerate(reversed(LABELS)))
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_bytes(msgspec.json.encode(config))
    with pytest.raises(InputError, match="id2label must be negative, neutral, positive"):
        export_model(tmp_path, tmp_path / "out", ExportPlan(TEXTS), Provenance("x", "y"))
    assert not list(tmp_path.glob("out*"))


def test_an_export_without_texts_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """Scales cannot be fixed without calibration texts."""
    with pytest.raises(InputError, match="needs calibration texts"):
        export_model(checkpoint, tmp_path / "out", ExportPlan([]), Provenance("x", "y"))


def test_a_served_export_is_the_default_backend(exported: Path) -> None:
    """What was written is what `load_model` takes, in int8."""
    assert load_model(exported, threads=1).backend == "openvino-int8"
