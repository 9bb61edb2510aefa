"""Labelled rows with made-up predictions of known quality, so that no model is needed."""

from __future__ import annotations

from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray

from training.data.examples import Example

TEXTS = (
    "Fine.",
    "The update made the app much faster, thank you!",
    "I have waited for an answer since Monday and nobody calls back, which is not what I pay for every month.",
    "Das Programm stürzt jedes Mal ab, wenn ich eine neue Rechnung anlegen möchte, und niemand hilft mir.",
)


def examples(
    n: int, *, seed: int, sources: tuple[str, ...] = ("mail", "mail", "chat"), product: str = ""
) -> list[Example]:
    """`n` rows with labels in uneven shares, over a few texts and data sets in turn."""
    labels = np.random.default_rng(seed).choice(3, size=n, p=[0.25, 0.35, 0.4])
    texts, origins = islice(cycle(TEXTS), n), islice(cycle(sources), n)
    return [
        Example(text=text, label=int(label), source=source, kind="human", product=product)
        for text, label, source in zip(texts, labels, origins, strict=True)
    ]


def answers(rows: list[Example], *, seed: int, sharpness: float = 2.0) -> NDArray[np.float64]:
    """(n, 3) probabilities that favour the labels. The sharper, the more they do."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=(len(rows), 3))
    logits[np.arange(len(rows)), [row.label for row in rows]] += sharpness
    exponentials = np.exp(logits)
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
