"""Teach the heads of early exits the answers of the whole network, whose weights stay as they are.

So exits can be added to any trained model in minutes: the network runs once over the texts, and only the heads learn.
"""

from __future__ import annotations

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sentiment.model.exits import ExitHead
from training.exporting.temperatures import fit_temperature

UNITS = 256
_BATCH = 256
_EPOCHS = 30
_PATIENCE = 4
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 0.01
_DROPOUT = 0.1
_HELD_OUT = 0.1
_SMALLEST_SPREAD = 1e-3
# Half of the loss is for the label of the network, half for how sure it is.
_LABEL_SHARE = 0.5


class HeadQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One exit on the `n` windows held out from the training of its head: the share with the label of the network."""

    layer: int
    n: int
    agreement: float
    epochs: int


def train_head(
    features: NDArray[np.float16], answers: NDArray[np.float32], layer: int, *, seed: int
) -> tuple[ExitHead, HeadQuality]:
    """A head that gives `answers`, the logits (windows, 3) of the network, for `features` (windows, 3 × size).

    A tenth of the windows is held out. Those decide when training ends, and how the logits are scaled: the largest
    probability is how often the head agrees with the network.
    """
    torch.manual_seed(seed)
    order = np.random.default_rng(seed).permutation(len(features))
    n_held_out = max(1, int(_HELD_OUT * len(order)))
    held_out, kept = order[:n_held_out], order[n_held_out:]
    mean = features[kept].astype(np.float32).mean(axis=0)
    spread = np.maximum(features[kept].astype(np.float32).std(axis=0), _SMALLEST_SPREAD)
    inputs = torch.from_numpy((features.astype(np.float32) - mean) / spread)
    teacher = torch.from_numpy(answers)
    network, epochs = _train(inputs, teacher, kept, held_out, seed)
    with torch.inference_mode():
        logits = network(inputs[held_out]).numpy()
    chosen = answers[held_out].argmax(axis=1)
    head = _head(network, mean, spread, fit_temperature(logits, chosen))
    agreement = float((logits.argmax(axis=1) == chosen).mean())
    return head, HeadQuality(layer=layer, n=n_held_out, agreement=agreement, epochs=epochs)


def _train(
    inputs: torch.Tensor, teacher: torch.Tensor, kept: NDArray[np.int64], held_out: NDArray[np.int64], seed: int
) -> tuple[torch.nn.Sequential, int]:
    """The network of the best epoch, and the number of epochs."""
    network = torch.nn.Sequential(
        torch.nn.Linear(inputs.shape[1], UNITS),
        torch.nn.GELU(approximate="tanh"),
        torch.nn.Dropout(_DROPOUT),
        torch.nn.Linear(UNITS, teacher.shape[1]),
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    draw = np.random.default_rng(seed)
    best, best_loss, best_epoch = _copy(network), float("inf"), 0
    for epoch in range(1, _EPOCHS + 1):
        network.train()
        for batch in np.array_split(draw.permutation(kept), max(1, len(kept) // _BATCH)):
            optimizer.zero_grad()
            _loss(network(inputs[batch]), teacher[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        network.eval()
        with torch.inference_mode():
            loss = float(_loss(network(inputs[held_out]), teacher[held_out]))
        if loss < best_loss:
            best, best_loss, best_epoch = _copy(network), loss, epoch
        elif epoch - best_epoch >= _PATIENCE:
            break
    network.load_state_dict(best)
    network.eval()
    return network, best_epoch


def _loss(logits: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    label = functional.cross_entropy(logits, teacher.argmax(dim=1))
    sureness = functional.cross_entropy(logits, teacher.softmax(dim=1))
    return _LABEL_SHARE * label + (1.0 - _LABEL_SHARE) * sureness


def _copy(network: torch.nn.Sequential) -> dict[str, torch.Tensor]:
    return {name: values.detach().clone() for name, values in network.state_dict().items()}


def _head(
    network: torch.nn.Sequential, mean: NDArray[np.float32], spread: NDArray[np.float32], temperature: float
) -> ExitHead:
    """The head for features as they come: scaling and temperature are part of its weights."""
    hidden, hidden_bias, output, output_bias = (
        values.detach().numpy().astype(np.float64) for values in network.parameters()
    )
    weights = hidden.T / spread[:, None]
    return ExitHead(
        hidden_weights=weights,
        hidden_bias=hidden_bias - mean @ weights,
        output_weights=output.T / temperature,
        output_bias=output_bias / temperature,
    )
