"""Which labels of a data set are probably wrong: confident learning (Northcutt, Jiang & Chuang 2021).

Needs probabilities from a model that has not seen these labels. A label is suspected where the model is surer of
another class than it is on average of that class's own members, and no more labels are suspected of each kind of mix-up
than the counts say there are. It errs where the model does: suspects are to be looked at, not corrected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def confident_joint(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """(classes, classes) estimated counts: given label in rows, true one in columns; rows sum to the label's count.

    `labels` (n,) index the columns of `probabilities` (n, classes). An example counts for the most probable of the
    classes whose probability reaches their own average self-confidence; one that reaches none does not count, and the
    rows are scaled up for it (equations 1 and 2 of the paper).
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
    """Indices of examples whose label is probably wrong, the surest first.

    Pruning by noise rate: of the examples labelled i, as many as are estimated to be j in truth, those with the largest
    margin p(j) − p(i); only where the model would choose another label.
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
