"""The recipe that trains from scratch under equal budgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.loading import load_model
from tests.training.tiny import rows
from training.comparison.scratch import Budget, run, split, train_from_scratch
from training.data.examples import Example
from training.evaluation.predicting import probabilities_of

EXAMPLES = [
    Example(text=row["text"], label=LABELS.index(row["label"]), source=row["source"], kind=row["kind"])
    for row in rows(120, seed=5)
]  # fmt: skip
BUDGET = Budget(steps=6, batch_size=8, max_length=32, vocabulary_size=400, held_out=30)


def test_the_seed_draws_what_is_seen_and_what_is_held_out() -> None:
    """Both are drawn without overlap, the same for every architecture, and no more than the steps can see."""
    train, held_out = split(EXAMPLES, BUDGET)
    assert (len(train), len(held_out)) == (48, 30)
    assert not {row.text for row in train} & {row.text for row in held_out}
    assert split(EXAMPLES, BUDGET) == (train, held_out)


def test_too_few_rows_are_refused() -> None:
    """If all rows would be held out, nothing is left to learn from."""
    with pytest.raises(InputError, match="held out"):
        split(EXAMPLES[:30], BUDGET)


def test_bad_calls_end_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file and a missing option are a line on standard error, no traceback."""
    assert run([str(tmp_path / "gone.jsonl"), "--output", str(tmp_path / "out")]) == 2
    assert "error: there is no file" in capsys.readouterr().err
    assert run([str(tmp_path / "gone.jsonl")]) == 2
    assert "--output" in capsys.readouterr().err


@pytest.mark.slow
def test_what_comes_out_is_servable_and_says_how_it_was_made(tmp_path: Path) -> None:
    """The directory has a manifest with the budget and a fitted temperature, and nothing of the work is left."""
    train, held_out = split(EXAMPLES, BUDGET)
    manifest = train_from_scratch("t5", train, held_out, tmp_path / "t5", BUDGET)
    assert manifest.training["budget"]["steps"] == 6
    assert manifest.calibration.temperature_fp32 != 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["t5"]
    model = load_model(tmp_path / "t5")
    assert model.model == manifest.ref()
    assert probabilities_of(model, ["great app"]).shape == (1, 3)
