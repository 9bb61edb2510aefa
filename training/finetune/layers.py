"""Learning rates that fall from the head to the embeddings, and layers that do not learn at all.

Lower layers hold what is true of all texts, so they should change least (Howard and Ruder 2018, "Universal Language
Model Fine-tuning for Text Classification"; Clark et al. 2020 use 0.8 for a small ELECTRA).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from transformers import PreTrainedModel

from sentiment.errors import InputError
from training.finetune.backbones import layer_stacks


def depths(model: PreTrainedModel) -> dict[str, int]:
    """For every parameter 0 (embeddings), 1 … L (its layer), or L + 1 (what comes after the layers, and the head)."""
    stacks = layer_stacks(model)
    top = 1 + max(len(stack) for _, _, stack in stacks)
    of_layer = {
        id(weight): index + 1
        for _, _, stack in stacks
        for index, part in enumerate(stack)
        for weight in part.parameters()
    }
    # MPNet keeps the embeddings of relative positions, which all layers use, behind the layers.
    embeddings = {
        id(weight) for part in model.modules() if isinstance(part, torch.nn.Embedding) for weight in part.parameters()
    }
    found: dict[str, int] = {}
    above = False
    for name, weight in model.named_parameters():
        above = above or id(weight) in of_layer
        found[name] = of_layer.get(id(weight), top if above and id(weight) not in embeddings else 0)
    return found


def freeze_layers(model: PreTrainedModel, count: int) -> None:
    """Stop the gradients of the embeddings and of the `count` ≥ 1 lowest layers of each stack.

    Raises:
        InputError: the network has fewer layers.
    """
    present = min(len(stack) for _, _, stack in layer_stacks(model))
    if count > present:
        raise InputError(f"the network has {present} layers, fewer than the {count} to freeze")
    depth = depths(model)
    for name, weight in model.named_parameters():
        if depth[name] <= count:
            weight.requires_grad_(False)


def parameter_groups(
    model: PreTrainedModel, *, learning_rate: float, layer_decay: float, weight_decay: float, decayed: Collection[str]
) -> list[dict[str, Any]]:
    """Groups for an optimiser: the rate of a parameter is `learning_rate` × `layer_decay` ^ (layers above it).

    Only the parameters named in `decayed` get `weight_decay`.
    """
    depth = depths(model)
    top = max(depth.values())
    groups: dict[tuple[int, bool], list[torch.nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            groups.setdefault((depth[name], name in decayed), []).append(weight)
    return [
        {
            "params": weights,
            "lr": learning_rate * layer_decay ** (top - level),
            "weight_decay": weight_decay if decays else 0.0,
        }
        for (level, decays), weights in sorted(groups.items(), key=lambda item: item[0])
    ]
