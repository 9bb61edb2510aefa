"""Which features of a result are watched, and the bins in which they are counted.

With fixed bins a window takes the same memory however many results it has, and any two windows can be compared.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_LENGTHS = (10, 20, 40, 80, 160, 320, 640, 1_280, 2_560)
_UNKNOWN = (0.02, 0.05, 0.1, 0.2, 0.4)
_PIECES = (1.05, 1.15, 1.25, 1.4, 1.6, 2.0, 3.0)
_CONFIDENCES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)

FEATURES = ("text_length", "unknown_tokens", "pieces_per_word", "language", "label", "confidence")
"""In the order of the reports. The first three need the text, which the configuration may leave out of results."""


@dataclass(frozen=True, slots=True)
class DriftObservation:
    """The features of one result.

    `at_ms` is the event time (Unix milliseconds). `confidence` is the probability of the predicted `label`, in
    [1/3, 1]. `n_chars` counts characters of the redacted text. `unknown_share` in [0, 1] is the share of tokens that
    the model's vocabulary lacks. A byte-level vocabulary lacks none, so `pieces_per_word` (≥ 0), which rises with
    unfamiliar words, is watched too. None means unknown, because the result carries no text.
    """

    at_ms: int
    segment: str
    model_version: str
    label: str
    confidence: float
    language: str | None
    n_chars: int | None
    unknown_share: float | None
    pieces_per_word: float | None


def bins_of(seen: DriftObservation) -> dict[str, str]:
    """Feature → name of the bin of this observation, without the features that are unknown."""
    bins = {
        "language": seen.language or "none",
        "label": seen.label,
        "confidence": _bin(seen.confidence, _CONFIDENCES),
    }
    if seen.n_chars is not None:
        bins["text_length"] = _bin(seen.n_chars, _LENGTHS)
    if seen.unknown_share is not None:
        bins["unknown_tokens"] = "0" if seen.unknown_share == 0 else _bin(seen.unknown_share, _UNKNOWN)
    if seen.pieces_per_word is not None:
        bins["pieces_per_word"] = _bin(seen.pieces_per_word, _PIECES)
    return bins


def bin_order(name: str) -> tuple[int, float, str]:
    """The key to sort the names of bins by: those of numbers by their size, then all others by name."""
    if name.startswith("<"):
        return 1, float(name[1:]), name
    if name.startswith("≥"):
        return 3, float(name[1:]), name
    start, dash, _ = name.partition("–")
    if dash:
        return 2, float(start), name
    return (0, 0.0, name) if name == "0" else (4, 0.0, name)


def _bin(value: float, edges: Sequence[float]) -> str:
    place = bisect_right(edges, value)
    if place == 0:
        return f"<{edges[0]:g}"
    if place == len(edges):
        return f"≥{edges[-1]:g}"
    return f"{edges[place - 1]:g}–{edges[place]:g}"
