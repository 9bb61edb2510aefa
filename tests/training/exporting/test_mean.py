"""The mean of the weights of several runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sentiment.cli.main import run
from sentiment.errors import InputError
from sentiment.model.directory import open_directory
from sentiment.model.loading import load_model
from tests.sentiment.model.models import save_classifier
from tests.training import tiny
from training.exporting.export import ExportPlan, Provenance, export_model
from training.exporting.mean import average_models
from training.finetune.backbones import load_backbone


def other(folder: Path, of: Path) -> Path:
    """The same network with other weights."""
    made = save_classifier(folder)
    weights = {name: weight * 3 + 0.01 for name, weight in load_file(of / "model.safetensors").items()}
    save_file(weights, made / "model.safetensors", metadata={"format": "pt"})
    return made


def test_the_mean_is_that_of_every_weight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of checkpoints and of exports, which hold fp16; the result is served, and can be exported again."""
    one = save_classifier(tmp_path / "one")
    two = other(tmp_path / "two", one)
    export_model(two, tmp_path / "exported", ExportPlan(["a text"], forms=(), max_length=32), Provenance("x", "x"))
    assert run(["average", str(one), str(tmp_path / "exported"), "--output", str(tmp_path / "mean")]) == 0
    mean = load_file(tmp_path / "mean" / "model.safetensors")
    first = load_file(one / "model.safetensors")
    second = load_file(tmp_path / "exported" / "model.safetensors")
    assert mean.keys() == first.keys()
    for name, weight in mean.items():
        assert weight.dtype == torch.float32
        assert torch.allclose(weight, (first[name] + second[name].float()) / 2, atol=1e-6)
    load_model(tmp_path / "mean", threads=1).predict(["great"])
    plan = ExportPlan(["a text"], forms=(), max_length=32)
    export_model(tmp_path / "mean", tmp_path / "again", plan, Provenance("again", "x"))
    assert load_model(tmp_path / "again", threads=1).predict(["great"])[0][0].label
    capsys.readouterr()
    assert run(["average", str(one), str(two), "--output", str(tmp_path / "mean")]) == 2
    assert "exists" in capsys.readouterr().err


def test_a_training_can_begin_with_an_export(tmp_path: Path) -> None:
    """What is saved from it is a checkpoint that opens, not an export whose manifest got lost."""
    save_classifier(tmp_path / "one")
    plan = ExportPlan(["a text"], forms=(), max_length=32)
    export_model(tmp_path / "one", tmp_path / "exported", plan, Provenance("x", "x"))
    tokenizer, model = load_backbone(str(tmp_path / "exported"))
    model.save_pretrained(tmp_path / "trained")
    tokenizer.save_pretrained(tmp_path / "trained")
    assert open_directory(tmp_path / "trained").safetensors


def test_weights_with_two_names_are_averaged_once(tmp_path: Path) -> None:
    """T5 uses one embedding in two places: the mean of a network with itself is the network."""
    from transformers import AutoModelForSequenceClassification

    tiny.save_backbone(tmp_path / "t5", "t5")
    labels = {0: "negative", 1: "neutral", 2: "positive"}
    model = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "t5", num_labels=3, id2label=labels, label2id={name: index for index, name in labels.items()}
    )
    model.save_pretrained(tmp_path / "t5")
    average_models([str(tmp_path / "t5")] * 3, tmp_path / "mean")
    before, after = load_file(tmp_path / "t5" / "model.safetensors"), load_file(tmp_path / "mean" / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """One model alone, another tokenizer and other layers have no mean."""
    one = save_classifier(tmp_path / "one")
    with pytest.raises(InputError, match="two models or more"):
        average_models([str(one)], tmp_path / "mean")
    tokens = save_classifier(tmp_path / "tokens")
    (tokens / "tokenizer.json").write_text((tokens / "tokenizer.json").read_text().replace("great", "grand"))
    with pytest.raises(InputError, match="different tokens or labels"):
        average_models([str(one), str(tokens)], tmp_path / "mean")
    roberta = save_classifier(tmp_path / "roberta", "roberta")
    with pytest.raises(InputError, match="different networks"):
        average_models([str(one), str(roberta)], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
