"""Which labels of a data set are probably wrong: confident learning (Northcutt, Jiang & Chuang 2021).

It needs probabilities from a model that has not seen these labels. A label is suspected if the model is surer of
another class than it is, on average, for the members of that class. For each pair of classes, no more labels are
suspected than the counts suggest. It repeats the model's mistakes, so look at the suspects before you correct them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def confident_joint(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """(classes, classes) estimated counts: given labels in rows, true labels in columns. Rows sum to the label's count.

    `labels` (n,) index the columns of `probabilities` (n, classes). An example counts for the most probable of the
    classes whose probability reaches their average self-confidence. One that reaches none does not count, and the rows
    are scaled up to make up for it (equations 1 and 2 of the paper).
    """
    given, chances = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    classes = range(chances.shape[1])
    thresholds = np.array([chances[given == k, k].mean() if (given == k).any() else np.inf for k in classes])
    reached = np.where(chances >= thresholds, chances, -np.inf)
    likely = reached.argmax(axis=1)
    confident = np.isfinite(reached.max(axis=1))
    joint = np.zeros((len(classes), len(classes)))
    np.add.at(joint, (given[confident], likely[confident]), 1.0)
    for k in classes:
        if joint[k].sum() == 0:
            joint[k, k] = 1.0
    counts = np.bincount(given, minlength=len(classes))
    return np.asarray(joint / joint.sum(axis=1, keepdims=True) * counts[:, None], dtype=np.float64)


def suspects(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.int64]:
    """Indices of examples whose label is probably wrong, the most certain first.

    Pruning by noise rate: if k of the examples labelled i are estimated to be j, the k with the largest margin
    p(j) − p(i) are taken, provided that the model predicts another label.
    """
    given, chances = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    joint = confident_joint(given, chances)
    own = chances[np.arange(len(given)), given]
    found: set[int] = set()
    for i, j in zip(*np.nonzero(~np.eye(chances.shape[1], dtype=bool)), strict=True):
        members = np.flatnonzero((given == i) & (chances.argmax(axis=1) != i))
        margins = chances[members, j] - own[members]
        n_wrong = round(float(joint[i, j]))
        found.update(members[np.argsort(-margins, kind="stable")[:n_wrong]].tolist())
    chosen = np.array(sorted(found), dtype=np.int64)
    return chosen[np.argsort(own[chosen] - chances[chosen].max(axis=1), kind="stable")]
