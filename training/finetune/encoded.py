"""Labelled and unlabelled texts as the inputs of a training step.

Tokenising is that of serving. So a special token that is spelt out in a text is text in both, and a long text keeps its
closing token (T5 classifies from it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentiment.model.tokenizer import TextTokenizer
from training.data.examples import Example, Weighting
from training.finetune.loss import NO_LABEL

_NO_DATA_SET = -1


@dataclass(frozen=True, slots=True)
class SoftTargets:
    """A teacher's log-probabilities (n, 3): for the training examples, then for the `unlabelled` texts, in order."""

    log_probabilities: NDArray[np.float32]
    unlabelled: tuple[str, ...] = ()
    temperature: float = 2.0
    hard_share: float = 0.3


class EncodedTexts(torch.utils.data.Dataset[dict[str, Any]]):
    """Token ids, label, weight, data set and, with a teacher, its log-probabilities, by index."""

    def __init__(
        self,
        tokenizer: TextTokenizer,
        examples: Sequence[Example],
        weighting: Weighting,
        max_length: int,
        *,
        empty_id: int,
        soft: SoftTargets | None = None,
    ) -> None:
        unlabelled = soft.unlabelled if soft is not None else ()
        capacity = max_length - len(tokenizer.prefix) - len(tokenizer.suffix)
        texts = [*(example.text for example in examples), *unlabelled]
        # A text without tokens is read as one padding token, as in serving.
        self._ids = [
            [*tokenizer.prefix, *ids[:capacity], *tokenizer.suffix] or [empty_id] for ids in tokenizer.encode(texts)
        ]
        self.sources = sorted({example.source for example in examples})
        index = {source: position for position, source in enumerate(self.sources)}
        self._labels = [*(example.label for example in examples), *(NO_LABEL for _ in unlabelled)]
        self._weights = [*(weighting.of(example) for example in examples), *(1.0 for _ in unlabelled)]
        self._sources = [*(index[example.source] for example in examples), *(_NO_DATA_SET for _ in unlabelled)]
        self._teacher = None if soft is None else soft.log_probabilities
        if self._teacher is not None and len(self._teacher) != len(texts):
            raise ValueError(f"{len(self._teacher)} soft targets for {len(texts)} texts")

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item: dict[str, Any] = {
            "input_ids": self._ids[index],
            "labels": self._labels[index],
            "weight": self._weights[index],
            "source": self._sources[index],
        }
        return item if self._teacher is None else {**item, "teacher": self._teacher[index]}


@dataclass(frozen=True, slots=True)
class Padding:
    """Collates items into tensors: ids padded on the right to the longest of them, with their mask."""

    pad_id: int

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """(n, width) ids and mask; (n,) labels, weights and data sets; (n, 3) log-probabilities of a teacher."""
        lengths = np.array([len(item["input_ids"]) for item in items])
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, self.pad_id, dtype=np.int64)
        ids[mask] = np.concatenate([item["input_ids"] for item in items])
        batch = {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)),
            "labels": torch.tensor([item["labels"] for item in items]),
            "weight": torch.tensor([item["weight"] for item in items], dtype=torch.float32),
            "source": torch.tensor([item["source"] for item in items]),
        }
        if "teacher" in items[0]:
            batch["teacher"] = torch.from_numpy(np.stack([item["teacher"] for item in items]).astype(np.float32))
        return batch


def text_tokenizer(tokenizer: Any) -> TextTokenizer:
    """A fast tokenizer of transformers as serving uses it. The original is not changed."""
    return TextTokenizer(Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()))
