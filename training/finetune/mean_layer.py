"""A layer that makes the mean of all tokens the first one, from the parts of a BERT: for networks that were trained to
say what a text means by that mean, as sentence transformers are, and classify from the first token all the same.

Its attention looks at all tokens alike, so what it adds to the first token is their mean, which outweighs it. The
normalisation that follows makes of it what a sentence transformer calls the embedding, and the rest changes nothing.
So the network stays one that every runtime knows, and serving takes one layer more.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from transformers import PreTrainedModel

MEAN_OVER_FIRST = 100.0
"""How much the mean outweighs the first token."""

_SMALL = 0.02
"""Features times this are in the part of tanh, which follows, that is a line."""


def takes_mean(network: PreTrainedModel) -> bool:
    """Whether `network` is a BERT or RoBERTa without a head of its own that was trained with it."""
    trained = any(name.endswith("ForSequenceClassification") for name in network.config.architectures or ())
    return network.config.model_type in {"bert", "roberta"} and not trained


def append_mean_layer(network: PreTrainedModel) -> None:
    """Add the layer to a BERT or RoBERTa, and let what lies between it and the head pass on what comes."""
    layers = network.base_model.encoder.layer
    layer: Any = copy.deepcopy(layers[-1])
    inner = layer.attention.self
    inner.layer_idx = len(layers)
    with torch.no_grad():
        for part in (inner.query, inner.key, layer.intermediate.dense, layer.output.dense):
            part.weight.zero_()
        for part in layer.modules():
            if isinstance(part, torch.nn.Linear):
                part.bias.zero_()
            if isinstance(part, torch.nn.LayerNorm):
                part.weight.fill_(1.0)
                part.bias.zero_()
        inner.value.weight.copy_(torch.eye(inner.value.out_features))
        layer.attention.output.dense.weight.copy_(MEAN_OVER_FIRST * torch.eye(inner.value.out_features))
        between = (
            network.classifier.dense if network.config.model_type == "roberta" else network.base_model.pooler.dense
        )
        between.weight.copy_(_SMALL * torch.eye(between.out_features))
        between.bias.zero_()
    layers.append(layer)
    network.config.num_hidden_layers = len(layers)
