"""The loss against its formula, written out in numpy."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from training.finetune.loss import NO_LABEL, MixedLoss

DRAW = np.random.default_rng(7)
LOGITS = DRAW.normal(size=(6, 3)) * 2
TEACHER = log_softmax(DRAW.normal(size=(6, 3)) * 2, axis=1)
LABELS = np.array([0, 1, 2, NO_LABEL, 1, NO_LABEL])
WEIGHTS = np.array([1.0, 0.5, 2.0, 1.0, 0.0, 1.0])


def loss_of(loss: MixedLoss, teacher: NDArray[np.float64] | None, rows: slice = slice(None)) -> float:
    return float(
        loss(
            torch.tensor(LOGITS[rows]),
            torch.tensor(LABELS[rows]),
            torch.tensor(WEIGHTS[rows]),
            None if teacher is None else torch.tensor(teacher[rows]),
        )
    )


def cross_entropy(row: int, smoothing: float) -> float:
    target = np.full(3, smoothing / 3)
    target[LABELS[row]] += 1.0 - smoothing
    return float(-(target * log_softmax(LOGITS[row])).sum())


def test_without_a_teacher_it_is_weighted_smoothed_cross_entropy() -> None:
    """The mean of the labelled rows' cross-entropies by their weights, targets smoothed."""
    rows = slice(0, 3)
    expected = np.average([cross_entropy(row, 0.1) for row in range(3)], weights=WEIGHTS[rows])
    np.testing.assert_allclose(loss_of(MixedLoss(label_smoothing=0.1), None, rows), expected, rtol=1e-6)


def test_with_a_teacher_it_is_hintons_mixture() -> None:
    """share · CE + (1 − share) · T² · KL(teacher ‖ student) at T; a row without a label has the second part alone."""
    t, share = 2.5, 0.3
    expected = []
    for row, label in enumerate(LABELS):
        theirs, ours = log_softmax(TEACHER[row] / t), log_softmax(LOGITS[row] / t)
        soft = t**2 * (np.exp(theirs) * (theirs - ours)).sum()
        expected.append(soft if label == NO_LABEL else share * cross_entropy(row, 0.0) + (1 - share) * soft)
    mixed = loss_of(MixedLoss(temperature=t, hard_share=share), TEACHER)
    np.testing.assert_allclose(mixed, np.average(expected, weights=WEIGHTS), rtol=1e-6)


def test_a_student_that_agrees_has_nothing_to_learn_from_its_teacher() -> None:
    """Where both distributions are the same, the soft part is zero."""
    own = log_softmax(LOGITS, axis=1)
    np.testing.assert_allclose(loss_of(MixedLoss(temperature=3.0, hard_share=0.0), own), 0.0, atol=1e-6)
