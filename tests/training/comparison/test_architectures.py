"""Small untrained models of four architectures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sentiment.model.loading import load_model
from tests.training.tiny import rows
from training.comparison.architectures import ARCHITECTURES, Architecture, save_untrained
from training.evaluation.predicting import probabilities_of

TEXTS = [row["text"] for row in rows(60, seed=1)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_is_served_and_answers_alone_as_in_a_batch(
    tmp_path: Path, architecture: Architecture
) -> None:
    """A text's answer depends neither on padding nor on its neighbours, whatever the network reads it with."""
    n_parameters = save_untrained(architecture, tmp_path, TEXTS, vocabulary_size=400, max_length=32, seed=1)
    model = load_model(tmp_path, backend="torch", threads=1)
    texts = ["the app was slow", "great", "my order was broken again and again, what a day it was"]
    together = probabilities_of(model, texts)
    alone = np.vstack([probabilities_of(model, [text]) for text in texts])
    assert 3_000_000 < n_parameters < 4_000_000
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_seed_decides_the_weights(tmp_path: Path) -> None:
    """The same seed and texts give the same files, another seed another network."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        save_untrained("gpt2", tmp_path / name, TEXTS, vocabulary_size=400, max_length=32, seed=seed)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"]
    tokenizers = [(tmp_path / name / "tokenizer.json").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]
    assert tokenizers[0] == tokenizers[1] == tokenizers[2]
