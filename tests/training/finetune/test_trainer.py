"""Fine-tuning: which weights are kept, when it stops, adapters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers import TrainerControl, TrainerState

from sentiment.errors import InputError
from sentiment.model.loading import load_model
from sentiment.progress import Silent
from sentiment.statistics import macro_f1
from tests.training import tiny
from training.data.examples import Weighting
from training.finetune.callbacks import KeepBest
from training.finetune.recipe import Recipe
from training.finetune.running import Running, SaveByTime
from training.finetune.trainer import FineTuning, fine_tune
from training.finetune.work import RECORD_FILE

TRAIN, DEV = tiny.examples(64, seed=1), tiny.examples(40, seed=2)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("trainer") / "backbone"
    tiny.save_backbone(directory, std=0.2)
    return str(directory)


def log_of(output: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((output / "log.json").read_text())
    return [entry for entry in entries if "eval_macro_f1" in entry]


def test_the_best_weights_are_the_ones_that_are_saved(backbone: str, tmp_path: Path) -> None:
    """At a learning rate that ruins the end, the checkpoint has the macro-F1 of the best evaluation, the last too."""
    # In fp32, as it is served: in bf16 a text between two labels may fall on the other side.
    recipe = Recipe(max_steps=10, learning_rate=5e-2, batch_size=16, evaluations=5, max_length=32, precision="no")
    fine_tune(FineTuning(backbone, TRAIN, DEV, tmp_path, recipe, Weighting()))
    scores = [entry["eval_macro_f1"] for entry in log_of(tmp_path)]
    assert log_of(tmp_path)[-1]["step"] == 10
    predictions, _ = load_model(tmp_path, threads=1).predict([example.text for example in DEV])
    chosen = np.array([np.argmax(prediction.probabilities) for prediction in predictions])
    assert macro_f1(np.array([example.label for example in DEV]), chosen) == pytest.approx(max(scores))


def state_of(*scores: float) -> TrainerState:
    return TrainerState(log_history=[{"loss": 1.0}, *({"eval_macro_f1": score} for score in scores)])


@pytest.mark.parametrize(
    ("scores", "saved", "stops"),
    [
        ((0.5,), True, False),
        ((0.5, 0.6), True, False),
        ((0.6, 0.5), False, False),
        ((0.6, 0.5, 0.59), False, True),
        ((0.6, 0.6, 0.6), False, True),
        ((0.6, 0.5, 0.7), True, False),
    ],
)
def test_patience_counts_evaluations_without_a_better_one(
    tmp_path: Path, backbone: str, scores: tuple[float, ...], saved: bool, stops: bool
) -> None:
    """With a patience of two: decided from the restored log alone, so that a resumed run decides the same."""
    from training.finetune.backbones import load_backbone

    _, model = load_backbone(backbone)
    keeper = KeepBest(tmp_path / "best.safetensors", "macro_f1", patience=2)
    control = keeper.on_evaluate(None, state_of(*scores), TrainerControl(), model=model)  # type: ignore[arg-type]
    assert (tmp_path / "best.safetensors").is_file() == saved
    assert control.should_training_stop == stops


def test_bf16_trains_on_a_processor_too(backbone: str, tmp_path: Path) -> None:
    """Mixed precision needs no GPU: `auto` uses it if the processor is fast at it. The weights stay fp32."""
    recipe = Recipe(max_steps=2, batch_size=16, max_length=32, precision="bf16")
    fine_tune(FineTuning(backbone, TRAIN, DEV, tmp_path, recipe, Weighting()))
    weights = load_file(tmp_path / "model.safetensors").values()
    assert {str(weight.dtype) for weight in weights} == {"float32"}
    assert all(np.isfinite(weight).all() for weight in weights)


def test_accumulated_batches_make_the_loss_of_one(backbone: str, tmp_path: Path) -> None:
    """The gradient is the mean over all batches of a step, not their sum, and the manifest gets the effective batch."""
    losses = []
    for batch, accumulated in ((32, 1), (8, 4)):
        recipe = Recipe(max_steps=4, learning_rate=1e-9, batch_size=batch, gradient_accumulation=accumulated)
        output = tmp_path / str(batch)
        fine_tune(FineTuning(backbone, TRAIN, DEV, output, recipe, Weighting(), running=Running("cpu", 0.0, True)))
        record = json.loads((output / RECORD_FILE).read_text())
        assert record["effective_batch"] == 32
        losses.append([entry["loss"] for entry in record["training"]])
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.15)


def test_a_run_is_saved_by_time() -> None:
    """Steps may take any time: the first that ends when a save is due is saved."""
    now_s = [0.0]
    save, saved = SaveByTime(5.0, lambda: now_s[0]), []
    for now_s[0] in (100.0, 299.0, 301.0, 302.0, 600.0, 602.0):
        control = save.on_step_end(None, TrainerState(), TrainerControl())  # type: ignore[arg-type]
        if control.should_save:
            saved.append(now_s[0])
    assert saved == [301.0, 602.0]


def test_adapters_train_little_and_are_merged(backbone: str, tmp_path: Path) -> None:
    """With LoRA the checkpoint has the plain network's weights and names: linear layers moved, the rest as it was."""
    recipe = Recipe(max_steps=6, learning_rate=5e-2, batch_size=16, evaluations=2, max_length=32, lora_rank=2)
    fine_tune(FineTuning(backbone, TRAIN, DEV, tmp_path, recipe, Weighting()))
    before, after = load_file(Path(backbone) / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    assert set(after) == {*(f"bert.{name}" for name in before), "classifier.weight", "classifier.bias"}
    moved = {name for name in before if not np.array_equal(before[name], after[f"bert.{name}"])}
    assert "encoder.layer.0.attention.self.query.weight" in moved
    assert not {name for name in moved if "LayerNorm" in name or "embeddings" in name or name.endswith("bias")}
    change = after["bert.encoder.layer.1.output.dense.weight"] - before["encoder.layer.1.output.dense.weight"]
    assert np.linalg.matrix_rank(change, tol=1e-4) <= 2


def test_evaluations_count_in_the_progress(backbone: str, tmp_path: Path) -> None:
    """It never runs back, ends at its total, and knows of the measurements that follow."""
    seen: list[int] = []
    begun: list[tuple[str, int | None, int, int]] = []

    class Seen(Silent):
        def begin(self, what: str, total: int | None, done: int = 0, *, after: int = 0) -> None:
            begun.append((what, total, done, after))

        def at(self, done: int) -> None:
            seen.append(done)

    recipe = Recipe(max_steps=4, batch_size=16, evaluations=2, max_length=32)
    fine_tune(FineTuning(backbone, TRAIN, DEV, tmp_path, recipe, Weighting()), progress=Seen())
    third = len(DEV) // 3
    total = 4 * 16 + 2 * third
    assert begun == [("training", total, 0, 2 * third)]
    assert seen == sorted(seen)
    assert seen[-1] == total


def test_more_layers_than_there_are_cannot_be_kept(backbone: str, tmp_path: Path) -> None:
    """Too many layers are an error before anything is trained."""
    with pytest.raises(InputError, match="has 2 layers, fewer than the 5"):
        fine_tune(FineTuning(backbone, TRAIN, DEV, tmp_path, Recipe(keep_layers=5), Weighting()))
