"""Temperature scaling: probabilities that match frequencies.

Guo et al. 2017, "On Calibration of Modern Neural Networks": one positive number T divides all logits. It never changes
a label, only the confidence. T > 1 softens an overconfident model. `training.exporting.temperatures` fits T.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def apply_temperature(logits: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Softmax of `logits` (n, classes) divided by `temperature` > 0: probabilities (n, classes) that sum to 1."""
    if not (temperature > 0.0 and math.isfinite(temperature)):
        raise ValueError(f"the temperature must be a positive number, not {temperature}")
    scaled = np.asarray(logits, dtype=np.float64)
    if scaled.ndim != 2 or 0 in scaled.shape:
        raise ValueError(f"expected at least one row of (n, classes), got shape {scaled.shape}")
    scaled = scaled / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled
