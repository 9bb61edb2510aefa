"""Early exits: a model is cut, its exits learn, and texts leave where they would leave alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification

from sentiment.cli.main import run
from sentiment.errors import ModelError
from sentiment.events import LABELS
from sentiment.model.classifier import Prediction
from sentiment.model.exits import certainty
from sentiment.model.loading import load_model
from sentiment.model.manifest import Agreement, Exits, FormExits, load_manifest, verify_files, write_manifest
from tests.sentiment.model.models import TEXTS
from tests.training import tiny
from training.exporting.export import ExportPlan, Provenance, export_model
from training.exporting.files import Form
from training.exporting.temperatures import set_calibration

ROWS = tiny.rows(400, seed=6)
SOME = [*TEXTS, *(row["text"] for row in ROWS[:20])]
LAYERS = "1,3"


def save_model(folder: Path, architecture: str, forms: tuple[Form, ...] = ("int8", "fp32")) -> Path:
    """A network of four layers with large random weights, exported: folder/model."""
    tiny.save_backbone(folder / "backbone", architecture, layers=4, std=0.3)
    labels = {"id2label": dict(enumerate(LABELS)), "label2id": {name: index for index, name in enumerate(LABELS)}}
    network = AutoModelForSequenceClassification.from_pretrained(folder / "backbone", num_labels=3, **labels)
    shutil.copytree(folder / "backbone", folder / "checkpoint")
    network.save_pretrained(folder / "checkpoint")
    plan = ExportPlan([row["text"] for row in ROWS[:30]], forms=forms, max_length=32)
    export_model(folder / "checkpoint", folder / "model", plan, Provenance(architecture, architecture))
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    return folder / "model"


def exits_call(model: Path, output: Path, layers: str = LAYERS) -> list[str]:
    texts = str(model.parent / "rows.jsonl")
    return ["exits", str(model), "--layers", layers, "--texts", texts, "--output", str(output), "--threads", "1"]


@pytest.fixture(scope="module", params=["bert", "roberta", "distilbert", "mpnet"])
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model without exits; beside it, in early/, is the same with exits that some texts leave at."""
    model = save_model(tmp_path_factory.mktemp(request.param), request.param)
    early = model.parent / "early"
    assert run(exits_call(model, early)) == 0
    let_half_leave(early)
    return model


def let_half_leave(directory: Path) -> None:
    """Set a threshold by hand, so that about half of the windows leave at the first exit."""
    sure = np.median(certainty(load_model(directory).stages(SOME).outputs[0]))
    shown = Agreement(target=0.9, confidence=0.95, n=100, disagreements=0, mean_layers=2.0)
    form = FormExits(temperatures=(1.3, 0.9), threshold=float(sure), agreement=shown)
    manifest = load_manifest(directory)
    exits = Exits(layers=(1, 3), n_layers=4, forms={"int8": form, "fp32": form})
    set_calibration(directory, msgspec.structs.replace(manifest, exits=exits), manifest.calibration)


def predict(directory: Path, texts: Sequence[str] = SOME, **options: object) -> list[Prediction]:
    return load_model(directory, threads=1, **options).predict(texts)[0]  # type: ignore[arg-type]


def probabilities(predictions: Sequence[Prediction]) -> np.ndarray:
    return np.array([prediction.probabilities for prediction in predictions])


def test_without_exits_the_model_is_the_old_one(plain: Path) -> None:
    """With exits off every answer is what it was before the cut, bit for bit, in each form and with torch."""
    early = plain.parent / "early"
    assert load_manifest(early).version != load_manifest(plain).version
    assert predict(early, exits=False) == predict(plain)
    assert predict(early, backend="torch", exits=False) == predict(plain, backend="torch")
    assert np.allclose(
        probabilities(predict(early, form="fp32", exits=False)), probabilities(predict(plain, form="fp32")), atol=1e-6
    )


def test_torch_and_openvino_leave_at_the_same_exits(plain: Path) -> None:
    """Stage by stage, torch computes what the pieces of the fp32 graph compute; so texts leave at the same exits."""
    early = plain.parent / "early"
    pieces, torch = load_model(early, form="fp32"), load_model(early, backend="torch")
    for ours, theirs in zip(pieces.stages(SOME).outputs, torch.stages(SOME).outputs, strict=True):
        assert np.allclose(ours, theirs, rtol=0.02, atol=0.05)  # torch's weights are in half precision
    with_torch, with_pieces = predict(early, backend="torch"), predict(early, form="fp32")
    same = [one.exit_layer == other.exit_layer for one, other in zip(with_torch, with_pieces, strict=True)]
    assert np.mean(same) >= 0.95  # one at the very threshold may fall on either side


def test_a_text_is_answered_the_same_in_any_company(plain: Path) -> None:
    """Alone, in batches of three, in the whole, and in another order: the same answer and the same exit."""
    early = plain.parent / "early"
    together = predict(early)
    assert {1, None} <= {prediction.exit_layer for prediction in together}
    assert any(prediction.n_chunks > 1 for prediction in together)
    alone = load_model(early, threads=1)
    assert [alone.predict([text])[0][0] for text in SOME] == together
    assert predict(early, max_batch_items=3) == together
    order = np.random.default_rng(0).permutation(len(SOME))
    shuffled = predict(early, [SOME[index] for index in order])
    assert [shuffled[place] for place in np.argsort(order)] == together


def test_no_weight_is_stored_twice(plain: Path) -> None:
    """The pieces together are as large as the graph that they replace, up to a few numbers."""
    early = plain.parent / "early"
    for before, after in (("model", "model.?"), ("fp32", "fp32.?")):
        whole = (plain / "openvino" / f"{before}.bin").stat().st_size
        pieces = sum(path.stat().st_size for path in (early / "openvino").glob(f"{after}.bin"))
        assert pieces == pytest.approx(whole, rel=0.02)
        assert not (early / "openvino" / f"{before}.bin").exists()
    verify_files(early, load_manifest(early), load_manifest(early).files)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for a BERT only, as `sentiment exits` writes it: not calibrated."""
    model = save_model(tmp_path_factory.mktemp("one"), "bert")
    assert run(exits_call(model, model.parent / "early")) == 0
    return model


def test_calibration_lets_texts_leave_and_evaluation_checks_it(
    bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing leaves before; then the guarantee is printed and stored, another version serves, and it is checked."""
    early, rows, output = bert.parent / "early", str(bert.parent / "rows.jsonl"), tmp_path / "calibrated"
    assert {prediction.exit_layer for prediction in predict(early)} == {None}
    call = ["calibrate", rows, "--model", str(early), "--form", "int8", "--output", str(output), "--threads", "1"]
    assert run([*call, "--agreement", "0.7"]) == 0
    assert "agree with the whole network on ≥ 70.00% of texts, at 95% confidence" in capsys.readouterr().out
    manifest = load_manifest(output)
    assert manifest.exits is not None
    fitted = manifest.exits.forms["int8"]
    assert (fitted.agreement.target, fitted.agreement.n) == (0.7, len(ROWS))
    assert manifest.version != load_manifest(early).version
    served = predict(output, [row["text"] for row in ROWS])
    whole = predict(output, [row["text"] for row in ROWS], exits=False)
    assert any(prediction.exit_layer for prediction in served)
    apart = sum(one.label != other.label for one, other in zip(served, whole, strict=True))
    assert apart == fitted.agreement.disagreements
    assert run(["evaluate", rows, "--model", str(output), "--threads", "1", "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)["exits"]
    assert checked["agreement"] == pytest.approx(1 - apart / len(ROWS))
    assert checked["mean_layers"] == pytest.approx(fitted.agreement.mean_layers)
    assert checked["holds"]
    assert run(["evaluate", rows, "--model", str(output), "--threads", "1", "--no-exits", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exits"] is None


def test_rows_that_cannot_show_it_are_too_few(bert: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """400 rows show nothing about 99.9 %."""
    call = ["calibrate", str(bert.parent / "rows.jsonl"), "--model", str(bert.parent / "early"), "--form", "int8"]
    assert run([*call, "--agreement", "0.999"]) == 2
    assert "give at least 2995" in capsys.readouterr().err


def test_wrong_use_is_said(bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Layers that are not there, exits twice, and the model as its own output are exit code 2; nothing is left."""
    early = bert.parent / "early"
    for call, said in (
        (exits_call(bert, tmp_path / "new", "1,4"), "rising numbers from 1 to 3"),
        (exits_call(bert, tmp_path / "new", "2,1"), "rising numbers"),
        (exits_call(bert, tmp_path / "new", "one"), "not numbers of layers"),
        (exits_call(early, tmp_path / "new"), "has exits already"),
        (exits_call(bert, bert / "inside"), "--output is the model directory"),
        (exits_call(bert, early), "exists"),
    ):
        assert run(call) == 2
        assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_other_networks_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A network without layers like BERT's gets no exits, and is told why."""
    model = save_model(tmp_path, "gpt2", forms=("fp32",))
    assert run(exits_call(model, tmp_path / "early")) == 2
    assert "cannot have exits" in capsys.readouterr().err
    assert not list(tmp_path.glob("early*"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: (path / "exits.npz").unlink(), "exits.npz is missing"),
        (lambda path: (path / "exits.npz").write_bytes(b"PK"), "SHA-256 differs"),
        (lambda path: (path / "openvino" / "model.2.bin").unlink(), "model.2.bin is missing"),
        (lambda path: unlist(path, "exits.npz"), "does not list exits.npz"),
        (lambda path: unlist(path, "openvino/model.2.xml"), "does not list openvino/model.2.xml"),
        (lambda path: (path / "manifest.json").unlink(), "manifest.json is missing"),
    ],
)
def test_damage_is_said(bert: Path, tmp_path: Path, damage: object, said: str) -> None:
    """A missing or changed file, or one that is not listed, is a clear error."""
    copied = Path(shutil.copytree(bert.parent / "early", tmp_path / "copy"))
    damage(copied)  # type: ignore[operator]
    with pytest.raises(ModelError, match=said.replace(".", r"\.")):
        load_model(copied)


def unlist(directory: Path, name: str) -> None:
    manifest = load_manifest(directory)
    files = {file: digest for file, digest in manifest.files.items() if file != name}
    write_manifest(directory, msgspec.structs.replace(manifest, files=files))
