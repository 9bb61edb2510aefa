"""Pretrained networks of every supported architecture, as classifiers with three labels.

BERT (including MiniLM), RoBERTa, DistilBERT and MPNet classify from the first token. GPT-2 classifies from the last
token that is not padding, so it needs a padding token, which it does not have. T5 gets its own input, shifted, as
decoder input, and classifies from the closing token, of which every text must have exactly one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from sentiment.errors import InputError, ModelError
from sentiment.events import LABELS
from sentiment.model.directory import positions_of
from sentiment.model.hub import HUB_ID, hub_answers
from training.exporting.files import forget_export

_PAD_TOKEN = "[PAD]"  # noqa: S105 not a password
_BACKBONES = "give a directory with config.json, tokenizer.json and model.safetensors, or a reachable hub id"


def load_backbone(backbone: str, *, keep_layers: int = 0) -> tuple[Any, PreTrainedModel]:
    """The tokenizer and fp32 classifier of `backbone`, a local directory or a hub id. A missing head is random.

    `keep_layers` > 0 keeps that many of its layers, evenly spaced, including the first and the last.

    Raises:
        ModelError: it cannot be loaded, or is not a classifier that this project can serve.
        InputError: it has fewer layers than `keep_layers`.
    """
    labels = dict(enumerate(LABELS))
    with _found(backbone) as place:
        config = AutoConfig.from_pretrained(
            backbone, num_labels=len(LABELS), id2label=labels, label2id={v: k for k, v in labels.items()}, **place
        )
        tokenizer = AutoTokenizer.from_pretrained(backbone, **place)
        model = AutoModelForSequenceClassification.from_pretrained(
            backbone, config=config, dtype=torch.float32, **place
        )
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"the backbone {backbone!r} has no fast tokenizer, and serving needs tokenizer.json",
            hint="convert it with transformers: AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(…)",
        )
    forget_export(model)
    _give_padding(tokenizer, model)
    if keep_layers:
        truncate_layers(model, keep_layers)
    return tokenizer, model


def require_length(backbone: str, max_length: int) -> None:
    """Check that `backbone` reads texts of `max_length` tokens, from its configuration alone.

    Raises:
        ModelError: its configuration cannot be loaded.
        InputError: it ends earlier.
    """
    with _found(backbone) as place:
        config = AutoConfig.from_pretrained(backbone, **place).to_dict()
    positions = positions_of(config)
    if positions is not None and max_length > positions:
        raise InputError(
            f"--max-length {max_length} is more than the {positions} tokens that the backbone {backbone} reads",
            hint=f"use --max-length {positions} or less",
        )


@contextmanager
def _found(backbone: str) -> Iterator[dict[str, Any]]:
    """Where transformers is to look for `backbone`, as keywords; its errors become a ``ModelError``."""
    is_directory = os.path.isdir(backbone)  # noqa: PTH112 a hub id is not a path
    if not is_directory and "/" in backbone and not HUB_ID.fullmatch(backbone):
        raise ModelError(f"the backbone {backbone!r} is not a directory", hint=_BACKBONES)
    reachable = is_directory or hub_answers(backbone)
    try:
        yield {"local_files_only": is_directory or not reachable}
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        if not reachable:
            raise ModelError(
                f"the backbone {backbone!r} is not a directory, and the hub does not answer",
                hint="check the name and the network, or give a directory",
            ) from error
        raise ModelError(
            f"the backbone {backbone!r} cannot be loaded as a {'directory' if is_directory else 'hub id'} "
            f"({type(error).__name__})",
            hint=_BACKBONES,
        ) from error


def truncate_layers(model: PreTrainedModel, count: int) -> None:
    """Keep `count` layers of each stack (T5 has two), evenly spaced. Raises ``InputError`` if there are fewer."""
    stacks = layer_stacks(model)
    if not stacks or min(len(stack) for _, _, stack in stacks) < count:
        raise InputError(f"the backbone has {_layer_count(model)} layers, fewer than the {count} to keep")
    for parent, name, stack in stacks:
        kept = [stack[index] for index in np.linspace(0, len(stack) - 1, count).round().astype(int)]
        setattr(parent, name, torch.nn.ModuleList(kept))
        for position, layer in enumerate(kept):
            for part in layer.modules():
                if hasattr(part, "layer_idx"):
                    part.layer_idx = position
    model.config.num_hidden_layers = count
    if getattr(model.config, "num_decoder_layers", None) is not None:
        model.config.num_decoder_layers = count


def with_adapters(model: PreTrainedModel, *, rank: int, alpha: int, seed: int) -> Any:
    """`model` with low-rank adapters on every linear layer (LoRA, Hu et al. 2021). Only these and the head train."""
    import peft

    head = [name for name, part in model.named_children() if name != model.base_model_prefix and _has_weights(part)]
    torch.manual_seed(seed)
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            task_type=peft.TaskType.SEQ_CLS,
            r=rank,
            lora_alpha=alpha,
            target_modules="all-linear",
            exclude_modules=[name for name, _ in model.named_modules() if name.split(".")[0] in head],
            modules_to_save=head,
        ),
    )


def _give_padding(tokenizer: Any, model: PreTrainedModel) -> None:
    """Give tokenizers without a padding token the closing token as one, which no text contains."""
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is not None:
            tokenizer.pad_token = tokenizer.eos_token
        else:
            tokenizer.add_special_tokens({"pad_token": _PAD_TOKEN})
            model.resize_token_embeddings(len(tokenizer))
    model.config.pad_token_id = tokenizer.pad_token_id
    # With padding on the right, positions count from the start of the text in every architecture.
    tokenizer.padding_side = "right"


def layer_stacks(model: PreTrainedModel) -> list[tuple[torch.nn.Module, str, Any]]:
    """The lists of layers with their parents and names: one, or two in T5."""
    return list(_stacks(model, {_layer_count(model), getattr(model.config, "num_decoder_layers", None)}))


def _layer_count(model: PreTrainedModel) -> int:
    return int(model.config.num_hidden_layers)


def _stacks(module: torch.nn.Module, sizes: set[int | None]) -> Iterator[tuple[torch.nn.Module, str, Any]]:
    """The lists of layers, only the outermost: a T5 layer is itself a list of parts."""
    for name, child in module.named_children():
        if isinstance(child, torch.nn.ModuleList) and len(child) in sizes:
            yield module, name, child
        else:
            yield from _stacks(child, sizes)


def _has_weights(module: torch.nn.Module) -> bool:
    return next(module.parameters(), None) is not None
