"""The mean of the weights, learning rates by layer, and layers that do not learn."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerControl, TrainerState

from sentiment.errors import InputError
from tests.training import tiny
from training.data.examples import Weighting
from training.finetune.averaging import AverageWeights
from training.finetune.backbones import load_backbone
from training.finetune.layers import depths, freeze_layers, parameter_groups
from training.finetune.recipe import Recipe
from training.finetune.trainer import FineTuning, fine_tune


def walk(average: AverageWeights, model: torch.nn.Module, steps: range, of: int) -> None:
    """Weights that equal the step number, as an optimiser would leave them."""
    for step in steps:
        with torch.no_grad():
            for weight in model.parameters():
                weight.fill_(float(step))
        state = TrainerState(global_step=step, max_steps=of)
        average.on_step_end(None, state, TrainerControl(), model=model)  # type: ignore[arg-type]


def test_the_mean_is_that_of_the_last_steps_also_when_it_was_interrupted(tmp_path: Path) -> None:
    """After 100 steps it is the mean of steps 60, 65, … 100, whether or not it was saved and read at step 73."""
    whole, model = AverageWeights(0.6, tmp_path, every=5), torch.nn.Linear(2, 2)
    walk(whole, model, range(1, 101), 100)
    whole.apply(model)
    expected = torch.arange(60.0, 101.0, 5.0).mean()
    assert all(torch.allclose(weight, expected.expand_as(weight)) for weight in model.parameters())

    first = AverageWeights(0.6, tmp_path, every=5)
    walk(first, model, range(1, 74), 100)
    (tmp_path / "checkpoint-73").mkdir()
    first.on_save(None, TrainerState(global_step=73), TrainerControl())  # type: ignore[arg-type]
    second = AverageWeights(0.6, tmp_path, every=5, checkpoint=tmp_path / "checkpoint-73")
    walk(second, model, range(74, 101), 100)
    second.apply(model)
    assert second.count == whole.count
    assert all(torch.allclose(weight, expected.expand_as(weight)) for weight in model.parameters())


def test_the_mean_is_kept_only_if_it_beats_every_step(tmp_path: Path) -> None:
    """It is evaluated like a step, after the last one, and the saved network is the best of all."""
    train, dev = tiny.examples(64, seed=1), tiny.examples(40, seed=2)
    tiny.save_backbone(tmp_path / "backbone", std=0.2)
    recipe = Recipe(max_steps=12, learning_rate=5e-2, batch_size=16, evaluations=3, max_length=32, average_from=0.5)
    fine_tune(FineTuning(str(tmp_path / "backbone"), train, dev, tmp_path / "out", recipe, Weighting()))
    log: list[dict[str, Any]] = json.loads((tmp_path / "out" / "log.json").read_text())
    assert [entry["step"] for entry in log if "eval_macro_f1" in entry] == [4, 8, 12, 12]


def test_lower_layers_learn_more_slowly(tmp_path: Path) -> None:
    """Embeddings have the lowest rate, the head the full one, and every trained weight is in exactly one group."""
    tiny.save_backbone(tmp_path / "backbone")
    _, model = load_backbone(str(tmp_path / "backbone"))
    depth = depths(model)
    assert depth["bert.embeddings.word_embeddings.weight"] == 0
    assert depth["bert.encoder.layer.1.output.dense.weight"] == 2
    assert depth["classifier.weight"] == depth["bert.pooler.dense.weight"] == 3
    groups = parameter_groups(
        model, learning_rate=1e-3, layer_decay=0.5, weight_decay=0.01, decayed={"classifier.weight"}
    )
    assert sorted({group["lr"] for group in groups}) == pytest.approx([1.25e-4, 2.5e-4, 5e-4, 1e-3])
    ids = [id(weight) for group in groups for weight in group["params"]]
    assert sorted(ids) == sorted(id(weight) for weight in model.parameters())
    (head,) = [group for group in groups if group["weight_decay"]]
    assert head["params"] == [model.classifier.weight]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_frozen_layers_get_no_gradient_and_all_above_do(tmp_path: Path, architecture: str) -> None:
    """In every architecture: embeddings and the lowest layer of each stack stand still, the rest of them learns."""
    tiny.save_backbone(tmp_path / "backbone", architecture, layers=3)
    tokenizer, model = load_backbone(str(tmp_path / "backbone"))
    freeze_layers(model, 1)
    ids = torch.tensor([tokenizer("the app was great again")["input_ids"]])
    model(input_ids=ids, labels=torch.tensor([2])).loss.backward()
    frozen = {name for name, weight in model.named_parameters() if weight.grad is None}
    embeddings = ("shared", "wte", "wpe", "embeddings", "relative_attention_bias")
    for name, _ in model.named_parameters():
        layer = re.search(r"\.(\d+)\.", name)  # a T5 layer has numbered parts
        lowest = layer is not None and layer[1] == "0"
        assert (name in frozen) == (lowest or any(part in name for part in embeddings)), name
    with pytest.raises(InputError, match="has 3 layers, fewer than the 4"):
        freeze_layers(model, 4)


def test_a_training_leaves_frozen_weights_as_they_were(tmp_path: Path) -> None:
    """Also with rates by layer, a mean of weights, and another schedule: the file has the backbone's own numbers."""
    tiny.save_backbone(tmp_path / "backbone", std=0.2)
    recipe = Recipe(
        max_steps=6,
        learning_rate=5e-2,
        batch_size=16,
        evaluations=1,
        max_length=32,
        average_from=0.5,
        layer_decay=0.9,
        freeze_layers=1,
        schedule="cosine",
    )
    train, dev = tiny.examples(64, seed=1), tiny.examples(40, seed=2)
    fine_tune(FineTuning(str(tmp_path / "backbone"), train, dev, tmp_path / "out", recipe, Weighting()))
    before = load_file(tmp_path / "backbone" / "model.safetensors")
    after = load_file(tmp_path / "out" / "model.safetensors")
    same = {name for name in before if torch.equal(before[name], after[f"bert.{name}"])}
    assert same == {name for name in before if name.startswith(("embeddings.", "encoder.layer.0."))}
    log: list[dict[str, Any]] = json.loads((tmp_path / "out" / "log.json").read_text())
    rates = [entry["learning_rate"] for entry in log if "learning_rate" in entry]
    # The log has the rate of the lowest layer that learns, one below the head.
    half_a_cosine = [0.9 * 5e-2 * (1 + math.cos(math.pi * step / 5)) / 2 for step in range(5)]
    assert rates[1:] == pytest.approx(half_a_cosine, abs=1e-4)
