"""Tiny classifiers of every architecture on disk, and a linear model whose attributions are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.training.tiny import save_backbone
from training.explanation.network import EncodedText
from training.explanation.words import align
from training.finetune.backbones import load_backbone

_WIDE = 0.2


def save_classifier(directory: Path, architecture: str) -> Path:
    """A randomly initialised classifier of three labels, in the layout of the hub, at `directory`.

    Its weights are enlarged: the answers of a random network hardly differ from text to text otherwise, and anything
    would be complete.
    """
    save_backbone(directory / "backbone", architecture)
    torch.manual_seed(1)
    tokenizer, network = load_backbone(str(directory / "backbone"))
    for name, parameter in network.named_parameters():
        # T5 begins with weights that are wide enough, but for its head; the others have 0.02 everywhere.
        if parameter.ndim > 1 and (architecture != "t5" or name.startswith("classification_head")):
            torch.nn.init.normal_(parameter, std=_WIDE)
    network.save_pretrained(directory / "model")
    tokenizer.save_pretrained(directory / "model")
    return directory / "model"


def encoded(text: str, *, pieces: int = 1) -> EncodedText:
    """`text` with one token for every `pieces` characters of a word, numbered from 10, between the ids 1 and 2."""
    offsets = [
        (place, min(place + pieces, start + len(word)))
        for start, word in _positions(text)
        for place in range(start, start + len(word), pieces)
    ]
    ids = tuple(range(10, 10 + len(offsets)))
    return EncodedText(text, (1,), ids, (2,), tuple(align(text, offsets)), truncated=False)


class LinearModel:
    """The score is a constant plus a weight for each token id that is there: no token changes what another does."""

    def __init__(self, weights: dict[int, float]) -> None:
        self.weights = weights

    def scores(self, sequences: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """See ``ScoreOfIds``."""
        return np.array([0.1 + sum(self.weights.get(token, 0.0) for token in ids) for ids in sequences])


def _positions(text: str) -> list[tuple[int, str]]:
    positions, start = [], 0
    for word in text.split(" "):
        positions.append((start, word))
        start += len(word) + 1
    return positions
