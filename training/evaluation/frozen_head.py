"""Logistic regression on frozen features: what little data can teach, in seconds.

How strongly it is held back is chosen by cross-validation, since a few labels are soon learnt by heart.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from sentiment.events import LABELS
from sentiment.statistics import Floats, Ints
from training.evaluation.features import Features

FOLDS = 5
_STRENGTHS = tuple(10.0**power for power in np.arange(-4.0, 1.5, 0.5))
_WITHOUT_FOLDS = 0.01


@dataclass(frozen=True, slots=True)
class FrozenHead:
    """`weight` (3, size) and `bias` (3,) of the linear layer; `strength` is the inverse of the regularisation."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    strength: float

    def logits(self, features: Features) -> Floats:
        """(n, size) features to (n, 3) logits."""
        return np.asarray(features @ self.weight.T + self.bias, dtype=np.float64)


def fit_head(
    features: Features,
    labels: Ints,
    weights: Floats,
    *,
    bias: bool = True,
    strength: float | None = None,
    seed: int,
) -> FrozenHead:
    """The head that fits (n, size) features best, with `weights` (n,) of the rows. Every label must occur.

    Cross-validation chooses the `strength` if it is not given. Without `bias` the plane goes through 0, for a network
    whose head has none.
    """
    centre = features.mean(axis=0) if bias else np.zeros(features.shape[1])
    scale = float(np.sqrt(((features - centre) ** 2).mean())) or 1.0
    inputs = (features - centre) / scale
    if strength is None:
        strength = _strength(inputs, labels, weights, bias=bias, seed=seed)
    fitted = _fit(inputs, labels, weights, strength, bias=bias)
    weight = fitted.coef_ / scale
    return FrozenHead(weight, fitted.intercept_ - weight @ centre, strength)


def cross_validated(features: Features, labels: Ints, *, folds: int = FOLDS, seed: int) -> Floats:
    """(n, 3) probabilities of rows by heads that have not seen them, in at most `folds` parts.

    Every label must occur at least twice. All heads have the strength that suits all rows, which tells them next to
    nothing of any one.
    """
    strength = fit_head(features, labels, np.ones(len(labels)), seed=seed).strength
    parts = min(folds, int(np.bincount(labels, minlength=len(LABELS)).min()))
    probabilities = np.empty((len(labels), len(LABELS)))
    splits = StratifiedKFold(parts, shuffle=True, random_state=seed)
    for kept, left_out in splits.split(features, labels):
        head = fit_head(features[kept], labels[kept], np.ones(len(kept)), strength=strength, seed=seed)
        logits = head.logits(features[left_out])
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities[left_out] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def _strength(inputs: Floats, labels: Ints, weights: Floats, *, bias: bool, seed: int) -> float:
    parts = min(FOLDS, int(np.bincount(labels, minlength=len(LABELS)).min()))
    if parts < 2:
        return _WITHOUT_FOLDS
    search = GridSearchCV(
        LogisticRegression(max_iter=1_000, fit_intercept=bias),
        {"C": _STRENGTHS},
        scoring="neg_log_loss",
        cv=StratifiedKFold(parts, shuffle=True, random_state=seed),
        refit=False,
    )
    with _quietly():
        search.fit(inputs, labels, sample_weight=weights)
    return float(search.best_params_["C"])


def _fit(inputs: Floats, labels: Ints, weights: Floats, strength: float, *, bias: bool) -> LogisticRegression:
    with _quietly():
        return LogisticRegression(C=strength, max_iter=1_000, fit_intercept=bias).fit(inputs, labels, weights)


def _quietly() -> warnings.catch_warnings[None]:
    """A weakly held head may not have settled after its steps; cross-validation judges it as it is."""
    return warnings.catch_warnings(action="ignore", category=ConvergenceWarning)
