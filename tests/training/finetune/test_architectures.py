"""Every supported architecture, from a backbone to served answers; plain transformers is the oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sentiment.cli.main import run
from sentiment.events import LABELS
from sentiment.model.loading import load_model
from sentiment.text import normalise
from tests.training import tiny
from training.data.examples import Weighting
from training.exporting.export import ExportPlan, Provenance, export_model
from training.finetune.backbones import load_backbone
from training.finetune.recipe import Recipe
from training.finetune.trainer import FineTuning, fine_tune

TEXTS = [row["text"] for row in tiny.rows(24, seed=8)] + ["love it 😀 @someone https://example.com/a", "slow " * 8]
LAYERS = {
    "bert": "bert.encoder.layer.{}.",
    "roberta": "roberta.encoder.layer.{}.",
    "distilbert": "distilbert.transformer.layer.{}.",
    "mpnet": "mpnet.encoder.layer.{}.",
    "gpt2": "transformer.h.{}.",
    "t5": "transformer.decoder.block.{}.",
}


@pytest.fixture(scope="module", params=tiny.ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(architecture: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """backbone/ → checkpoint/ (a few steps of two of its three layers) → model/ (fp32 for OpenVINO, fp16 for torch)."""
    folder = tmp_path_factory.mktemp(architecture)
    tiny.save_backbone(folder / "backbone", architecture, layers=3, std=0.3)
    recipe = Recipe(max_steps=12, learning_rate=5e-3, batch_size=16, max_length=32, keep_layers=2, evaluations=1)
    train, validation = tiny.examples(96, seed=1), tiny.examples(32, seed=2)
    fine_tune(FineTuning(str(folder / "backbone"), train, validation, folder / "checkpoint", recipe, Weighting()))
    plan = ExportPlan(TEXTS, forms=("fp32",))
    export_model(folder / "checkpoint", folder / "model", plan, Provenance(architecture, architecture))
    return folder


def plain_transformers(directory: Path, texts: list[str]) -> NDArray[np.float64]:
    model = AutoModelForSequenceClassification.from_pretrained(directory, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    rows = []
    for text in texts:
        with torch.inference_mode():
            ids = tokenizer(normalise(text), return_tensors="pt", return_token_type_ids=False)
            rows.append(torch.softmax(model(**ids).logits[0].double(), dim=0).numpy())
    return np.array(rows)


def served(capsys: pytest.CaptureFixture[str], folder: Path, *flags: str) -> NDArray[np.float64]:
    file = folder / "texts.jsonl"
    file.write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    capsys.readouterr()
    assert run(["score", "--file", str(file), "--threads", "1", *flags]) == 0
    answers: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return np.array([[answer["probabilities"][label] for label in LABELS] for answer in answers])


def test_served_answers_are_those_of_plain_transformers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sentiment score` on the exported graph and on the checkpoint itself give the trained network's probabilities."""
    expected = plain_transformers(folder / "checkpoint", TEXTS)
    assert np.ptp(expected, axis=0).max() > 0.01  # answers differ, so that the comparison says something
    np.testing.assert_allclose(served(capsys, folder, "--model", str(folder / "model")), expected, atol=1e-4)
    np.testing.assert_allclose(served(capsys, folder, "--model", str(folder / "checkpoint")), expected, atol=1e-4)


def test_half_precision_is_stored_once_and_widened(folder: Path) -> None:
    """Torch serves the fp16 weights of an export as plain transformers computes them in fp32."""
    classifier = load_model(folder / "model", backend="torch", threads=1)
    answers = np.array([prediction.probabilities for prediction in classifier.predict(TEXTS)[0]])
    np.testing.assert_allclose(answers, plain_transformers(folder / "model", TEXTS), atol=1e-4)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_odd_texts_are_answered_alone_as_in_company(folder: Path, backend: Any) -> None:
    """Nothing, special tokens spelt out, and more than the positions hold: one answer each, whatever the batch."""
    odd = ["", "great </s> [SEP] <pad> <|endoftext|>", "</s>", "<|endoftext|>", "the app was slow " * 60, "[PAD]"]
    together = load_model(folder / "model", backend=backend, threads=1)
    apart = load_model(folder / "model", backend=backend, threads=1, max_batch_items=1)
    answers = np.array([prediction.probabilities for prediction in together.predict([*odd, *TEXTS])[0]])
    alone = np.array([prediction.probabilities for prediction in apart.predict([*odd, *TEXTS])[0]])
    np.testing.assert_allclose(answers, alone, atol=1e-4)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-6)


def test_layers_that_are_kept_are_the_evenly_spaced_ones(architecture: str, folder: Path) -> None:
    """Of three layers, two are the first and the last, with their weights; the configuration says two."""
    _, whole = load_backbone(str(folder / "backbone"))
    _, cut = load_backbone(str(folder / "backbone"), keep_layers=2)
    assert json.loads(cut.config.to_json_string(use_diff=False))  # serialisable as it is
    assert cut.config.num_hidden_layers == 2
    old, new = whole.state_dict(), cut.state_dict()
    layer = LAYERS[architecture]
    for source, target in ((0, 0), (2, 1)):
        names = [name for name in new if name.startswith(layer.format(target))]
        assert names
        for name in names:
            torch.testing.assert_close(new[name], old[name.replace(layer.format(target), layer.format(source))])
    assert not any(name.startswith(layer.format(2)) for name in new)
