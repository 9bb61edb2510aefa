"""How sure must an exit be? The least threshold for which enough texts provably get the label of the whole network.

Learn then test (Angelopoulos et al. 2021): thresholds are tried from the strictest on, each with an exact binomial test
of "too many texts disagree", and the first that fails ends the search. Because the order is fixed beforehand, no
correction for the number of tests is needed. The guarantee is for texts like the rows, which the heads must not have
been trained on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from sentiment.calibration import apply_temperature
from sentiment.decision import MOST_LIKELY, Decision
from sentiment.errors import InputError
from sentiment.model.exits import certainty
from sentiment.model.manifest import Agreement, FormExits
from sentiment.model.pipeline import Stages
from training.exporting.temperatures import fit_temperature

CONFIDENCE = 0.95
# From "one in 10,000 disagrees" to "every second does", fixed beforehand.
_THRESHOLDS = 1.0 - np.geomspace(1e-4, 0.5, 120)
# With fewer rows that leave at an exit its temperature is fitted to all rows.
_MIN_LEAVING = 200


def rows_needed(target: float) -> int:
    """The fewest rows that can show an agreement of `target`, if none of them disagrees."""
    return math.ceil(math.log(1.0 - CONFIDENCE) / math.log(target))


def fit_exits(
    stages: Stages,
    labels: NDArray[np.int64],
    layers: Sequence[int],
    *,
    temperature: float,
    target: float,
    decision: Decision = MOST_LIKELY,
) -> FormExits | None:
    """The threshold and the temperatures of the exits of one form; None if nothing may leave early.

    `stages` is what the exits say about texts with `labels`, and `layers` are the layers of the stages, those of the
    whole network last. `temperature` is that of the whole network. `decision` makes labels of probabilities.

    Raises:
        InputError: the rows are too few for the `target`.
    """
    n = len(labels)
    if n < rows_needed(target):
        raise InputError(
            f"{n} rows cannot show that {target:.2%} of texts get the label of the whole network",
            hint=f"give at least {rows_needed(target)}, or a lower --agreement",
        )
    temperatures = (*[1.0] * (len(layers) - 1), temperature)
    passed = 0
    for threshold in _THRESHOLDS:
        if not _shown(disagreements(stages, threshold, temperatures, decision), n, target):
            break
        passed += 1
    # The temperatures of the exits can change a label if a text has several windows, or if there is a decision rule.
    # So they are tested again.
    for threshold in _THRESHOLDS[:passed][::-1].tolist():
        temperatures = (*_temperatures(stages, labels, threshold), temperature)
        wrong = disagreements(stages, threshold, temperatures, decision)
        if _shown(wrong, n, target):
            mean_layers = float(np.array(layers)[leaving_stages(stages, threshold)].mean())
            shown = Agreement(target=target, confidence=CONFIDENCE, n=n, disagreements=wrong, mean_layers=mean_layers)
            return FormExits(temperatures=temperatures[:-1], threshold=threshold, agreement=shown)
    return None


def disagreements(
    stages: Stages, threshold: float, temperatures: Sequence[float], decision: Decision = MOST_LIKELY
) -> int:
    """How many texts get another label if windows may leave at `threshold` than from the whole network."""
    last = len(stages.outputs) - 1
    whole = _labels(stages, np.full(len(stages.lengths), last), temperatures, decision)
    early = _labels(stages, leaving_stages(stages, threshold), temperatures, decision)
    return int((whole != early).sum())


def leaving_stages(stages: Stages, threshold: float) -> NDArray[np.int64]:
    """The stage (windows,) after which each window leaves."""
    left = np.full(len(stages.lengths), len(stages.outputs) - 1)
    for stage in reversed(range(len(stages.outputs) - 1)):
        left[certainty(stages.outputs[stage]) >= threshold] = stage
    return left


def _labels(
    stages: Stages, left: NDArray[np.int64], temperatures: Sequence[float], decision: Decision
) -> NDArray[np.int64]:
    """The label (texts,) if window i leaves after stage `left[i]`."""
    probabilities = np.empty((len(left), stages.outputs[-1].shape[1]))
    for stage, temperature in enumerate(temperatures):
        rows = left == stage
        if rows.any():
            probabilities[rows] = apply_temperature(stages.outputs[stage][rows], temperature)
    weighted = np.maximum(stages.lengths, 1)[:, None] * probabilities
    return decision.choose(np.add.reduceat(weighted, stages.first[:-1]))


def _temperatures(stages: Stages, labels: NDArray[np.int64], threshold: float) -> list[float]:
    """The temperature of each exit that fits the texts of one window that leave there."""
    short = np.flatnonzero(np.diff(stages.first) == 1)
    windows = stages.first[short]
    left = leaving_stages(stages, threshold)[windows]
    found = []
    for stage, outputs in enumerate(stages.outputs[:-1]):
        rows = left == stage
        chosen = rows if rows.sum() >= _MIN_LEAVING else np.ones_like(rows)
        found.append(fit_temperature(outputs[windows[chosen]], labels[short[chosen]]))
    return found


def _shown(wrong: int, n: int, target: float) -> bool:
    """Whether `wrong` of `n` are so few that a share of 1 − `target` or more is ruled out."""
    return bool(binom.cdf(wrong, n, 1.0 - target) <= 1.0 - CONFIDENCE)
