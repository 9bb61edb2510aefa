"""Early exits: heads after some layers of a network, where texts leave that are easy enough.

A head reads the hidden states of its layer, pooled over the tokens of a window: those of the first token, their mean
and their maximum, side by side. One layer of GELU units and three logits follow. It was taught the answers of the whole
network, and is so scaled that its largest probability says how often it agrees with them. A window leaves if that is
at least the threshold, which `sentiment calibrate` sets (Schuster et al. 2021, "Consistent Accelerated Inference via
Confident Adaptive Transformers").

Heads are computed in float64 with numpy. So a window's answer does not depend on the other windows in its batch.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment.calibration import apply_temperature
from sentiment.errors import ModelError
from sentiment.events import LABELS
from sentiment.model.files import has_file

Hidden = NDArray[np.float32]
"""Hidden states of windows: (windows, width, size)."""

Head = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Pooled states (windows, 3 × size) to logits (windows, outputs)."""

_GELU = 0.7978845608028654  # √(2/π)
_PARTS = ("hidden_weights", "hidden_bias", "output_weights", "output_bias")


@dataclass(frozen=True, slots=True)
class Exit:
    """A head after layer `layer`, counted from 1. It divides its logits by `temperature` for the probabilities.

    A window whose largest probability, before the temperature, is at least `threshold` leaves here.
    """

    layer: int
    head: Head
    temperature: float = 1.0
    threshold: float = float("inf")


@dataclass(frozen=True, slots=True)
class EarlyExits:
    """The exits of a network of `n_layers` layers, in the order of their layers; none for most networks."""

    exits: tuple[Exit, ...] = ()
    n_layers: int = 0


@dataclass(frozen=True, slots=True)
class ExitHead:
    """Weights in float64: (3 × size, units), (units,), (units, 3), (3,)."""

    hidden_weights: NDArray[np.float64]
    hidden_bias: NDArray[np.float64]
    output_weights: NDArray[np.float64]
    output_bias: NDArray[np.float64]

    def __call__(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pooled states (windows, 3 × size) to logits (windows, 3)."""
        inner = pooled.astype(np.float64) @ self.hidden_weights + self.hidden_bias
        # The tanh form of GELU (Hendrycks and Gimpel 2016), as in training: numpy has no error function.
        inner *= 0.5 * (1.0 + np.tanh(_GELU * (inner + 0.044715 * inner**3)))
        logits: NDArray[np.float32] = (inner @ self.output_weights + self.output_bias).astype(np.float32)
        return logits


def pool(hidden: Hidden, mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """Hidden states (n, width, size), with `mask` (n, width), to (n, 3 × size): first token, mean, maximum.

    Tokens are added one after the other, so padding changes nothing, bit for bit.
    """
    real = mask[:, :, None] != 0
    mean = np.where(real, hidden, np.float32(0)).sum(axis=1) / mask.sum(axis=1, dtype=np.float32)[:, None]
    return np.concatenate([hidden[:, 0], mean, np.where(real, hidden, np.float32(-np.inf)).max(axis=1)], axis=1)


def certainty(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """The largest probability of each row of `logits` (n, classes): (n,)."""
    largest: NDArray[np.float64] = apply_temperature(logits, 1.0).max(axis=1)
    return largest


def write_heads(path: Path, heads: Sequence[ExitHead]) -> None:
    """Write the heads to an .npz file in half precision, as the weights of the network are."""
    arrays = {f"{number}.{part}": getattr(head, part) for number, head in enumerate(heads) for part in _PARTS}
    np.savez(path, allow_pickle=False, **{name: values.astype(np.float16) for name, values in arrays.items()})


def read_heads(path: Path, count: int) -> tuple[ExitHead, ...]:
    """Read `count` heads. Raises ``ModelError`` if the file is missing, damaged, or has others."""
    if not has_file(path):
        raise ModelError(f"{path} is missing", hint="the model directory is incomplete: copy it again")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            heads = [[arrays[f"{number}.{part}"].astype(np.float64) for part in _PARTS] for number in range(count)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path} does not hold the heads of {count} exits", hint="copy the model again, or make its exits again"
        ) from error
    for hidden, hidden_bias, output, output_bias in heads:
        fits = hidden.ndim == 2 and hidden.shape[1:] == hidden_bias.shape and output.shape == (*hidden_bias.shape, 3)
        if not fits or output_bias.shape != (len(LABELS),):
            raise ModelError(f"{path} holds heads whose parts do not fit", hint="make the exits again")
    return tuple(ExitHead(*parts) for parts in heads)
