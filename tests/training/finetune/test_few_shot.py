"""Training from few labels: a head on frozen features, in a checkpoint like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch.nn import functional

from sentiment.cli.main import run
from sentiment.events import LABELS
from sentiment.model.loading import load_model
from sentiment.model.manifest import load_manifest
from sentiment.model.tokenizer import TextTokenizer
from sentiment.statistics import macro_f1
from tests.training import tiny
from training.data.examples import read_examples
from training.evaluation.features import features_of, head_of
from training.evaluation.frozen_head import cross_validated, fit_head
from training.finetune.backbones import load_backbone
from training.finetune.encoded import text_tokenizer
from training.finetune.few_shot import FEW, are_few
from training.finetune.mean_layer import append_mean_layer, takes_mean

TEXTS = [row["text"] for row in tiny.rows(20, seed=3)] + ["slow " * 8, "", "thanks"]


def loaded(folder: Path, architecture: str):  # type: ignore[no-untyped-def]
    tiny.save_backbone(folder, architecture, std=0.3)
    tokenizer, network = load_backbone(str(folder))
    return text_tokenizer(tokenizer), network.eval()


def encoded(tokenizer: TextTokenizer, text: str, pad_id: int) -> torch.Tensor:
    return torch.tensor([[*tokenizer.prefix, *tokenizer.encode([text])[0], *tokenizer.suffix] or [pad_id]])


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_features_are_what_the_head_sees(architecture: str, tmp_path: Path) -> None:
    """In every architecture, the head of the features of a batch is the answer of the network to each text alone."""
    tokenizer, network = loaded(tmp_path, architecture)
    features = features_of(network, tokenizer, TEXTS, max_length=32)
    with torch.inference_mode():
        found = head_of(network)(torch.from_numpy(features)).numpy()
        alone = [network(encoded(tokenizer, text, network.config.pad_token_id)).logits[0].numpy() for text in TEXTS]
    np.testing.assert_allclose(found, np.stack(alone), atol=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_the_mean_layer_passes_on_the_mean_of_all_tokens(architecture: str, tmp_path: Path) -> None:
    """Normalised, as in a sentence transformer, and whatever the text is padded with."""
    tokenizer, network = loaded(tmp_path, architecture)
    expected = []
    with torch.inference_mode():
        for text in TEXTS:
            hidden = network.base_model(encoded(tokenizer, text, network.config.pad_token_id)).last_hidden_state[0]
            expected.append(functional.layer_norm(hidden.mean(dim=0), hidden.shape[1:]).numpy())
    assert takes_mean(network)
    append_mean_layer(network)
    features = features_of(network, tokenizer, TEXTS, max_length=32)
    for found, wanted in zip(features, expected, strict=True):
        assert np.corrcoef(found, wanted)[0, 1] > 0.999


def test_a_trained_classifier_keeps_its_own_features() -> None:
    """The shipped model's features were trained for its head."""
    from sentiment.model.loading import shipped_model_path

    _, network = load_backbone(str(shipped_model_path()))
    assert not takes_mean(network)


def test_the_head_is_logistic_regression_on_scaled_features() -> None:
    """Moving and scaling all features changes nothing; separable rows are separated; without a bias there is none."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], 20)
    features = (rng.normal(size=(60, 8)) + 4 * np.eye(8)[labels]).astype(np.float32)
    weights = np.ones(60)
    head = fit_head(features, labels, weights, seed=1)
    assert (head.logits(features).argmax(axis=1) == labels).mean() > 0.95
    moved = fit_head(features * 7 + 3, labels, weights, seed=1)
    np.testing.assert_allclose(moved.logits(features * 7 + 3), head.logits(features), atol=1e-2)
    assert not fit_head(features, labels, weights, bias=False, seed=1).bias.any()


def test_cross_validated_probabilities_do_not_know_the_label() -> None:
    """Labels that nothing tells are not told: on random ones the heads are right as often as chance."""
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(300, 16)).astype(np.float32), rng.integers(0, 3, 300)
    probabilities = cross_validated(features, labels, seed=1)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert abs((probabilities.argmax(axis=1) == labels).mean() - 1 / 3) < 0.1


def test_few_is_counted_by_the_rarest_label() -> None:
    """Many rows of two labels do not help the third."""
    rows = tiny.examples(900, seed=1)
    assert not are_few(rows)
    rare = [row for row in rows if row.label == 1]
    assert are_few([*(row for row in rows if row.label != 1), *rare[:FEW]])


@pytest.mark.slow
def test_few_labels_make_a_model_that_serves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the size of the data: the backbone's weights are untouched, and the manifest's figures are those served."""
    tiny.save_backbone(tmp_path / "backbone")
    for name, count, seed in (("train", 90, 1), ("dev", 90, 2)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, tiny.rows(count, seed))))
    command = ["train", str(tmp_path / "train.jsonl"), "--validation", str(tmp_path / "dev.jsonl")]
    command += ["--backbone", str(tmp_path / "backbone"), "--max-length", "32", "--output", str(tmp_path / "model")]
    assert run([*command, "--few-shot", "--epochs", "3"]) == 2
    assert "takes no --epochs" in capsys.readouterr().err
    assert run([*command, "--report", str(tmp_path / "report.html")]) == 0
    assert "training the head alone (see --few-shot)" in capsys.readouterr().err
    manifest = load_manifest(tmp_path / "model")
    assert manifest.training["recipe"]["method"] == manifest.training["run"]["method"] == "few-shot"
    assert "Only the head was trained" in (tmp_path / "report.html").read_text("utf-8")
    before, after = (
        load_file(tmp_path / "backbone" / "model.safetensors"),
        load_file(tmp_path / "model/model.safetensors"),
    )
    name = "encoder.layer.1.attention.self.query.weight"
    np.testing.assert_allclose(after[f"bert.{name}"].astype(np.float32), before[name], rtol=1e-3, atol=1e-4)
    examples = read_examples(tmp_path / "dev.jsonl")
    answered, _ = load_model(tmp_path / "model", threads=1).predict([example.text for example in examples])
    chosen = np.array([LABELS.index(answer.label) for answer in answered])
    served = macro_f1(np.array([example.label for example in examples]), chosen)
    assert served == pytest.approx(manifest.metrics["validation"]["int8"]["macro_f1"])
    assert served > 0.6  # the mean of random embeddings tells which words there are
