"""The features of texts: what the last linear layer of a classifier, its head, gets of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from sentiment.events import LABELS
from sentiment.model.tokenizer import TextTokenizer
from sentiment.progress import Progress, Silent

Features = NDArray[np.float32]
_TEXTS_AT_ONCE = 64


class _Seen(Exception):
    """What follows the head need not be computed."""


def head_of(network: PreTrainedModel) -> torch.nn.Linear:
    """The last linear layer, which has an output for each label."""
    heads = [
        part for part in network.modules() if isinstance(part, torch.nn.Linear) and part.out_features == len(LABELS)
    ]
    return heads[-1]


def features_of(
    network: PreTrainedModel,
    tokenizer: TextTokenizer,
    texts: Sequence[str],
    *,
    max_length: int,
    progress: Progress | None = None,
    phase: str = "reading features",
) -> Features:
    """(n, size) features of normalised `texts`, cut to `max_length` tokens. `progress` shows `phase` meanwhile."""
    shown = progress or Silent()
    shown.begin(phase, len(texts))
    network.eval()
    pad_id = int(network.config.pad_token_id)
    capacity = max_length - len(tokenizer.prefix) - len(tokenizer.suffix)
    ids = [[*tokenizer.prefix, *each[:capacity], *tokenizer.suffix] or [pad_id] for each in tokenizer.encode(texts)]
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    found: list[Features] = []
    for start in range(0, len(order), _TEXTS_AT_ONCE):
        found.append(_features(network, [ids[row] for row in order[start : start + _TEXTS_AT_ONCE]], pad_id))
        shown.at(min(start + _TEXTS_AT_ONCE, len(order)))
    features = np.concatenate(found)
    unsorted = np.empty_like(features)
    unsorted[order] = features
    return unsorted


def _features(network: PreTrainedModel, ids: Sequence[Sequence[int]], pad_id: int) -> Features:
    width = max(map(len, ids))
    padded = torch.tensor([[*each, *[pad_id] * (width - len(each))] for each in ids], device=network.device)
    mask = torch.tensor([[1] * len(each) + [0] * (width - len(each)) for each in ids], device=network.device)
    seen: list[torch.Tensor] = []

    def keep(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen.append(inputs[0])
        raise _Seen

    hook = head_of(network).register_forward_pre_hook(keep)
    try:
        with torch.inference_mode():
            network(input_ids=padded, attention_mask=mask)
    except _Seen:
        pass
    finally:
        hook.remove()
    (inputs,) = seen
    if inputs.ndim == 3:  # GPT-2 gives every token an answer, and takes that of the last one
        inputs = inputs[torch.arange(len(ids), device=inputs.device), mask.sum(dim=1) - 1]
    features: Features = inputs.float().cpu().numpy()
    return features
