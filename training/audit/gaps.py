"""How differently a model scores the two texts of counterfactual pairs, with intervals over scenes.

The score is p(positive) − p(negative), in [−1, 1]. The bootstrap resamples scenes, not pairs: the pairs of a scene
share its words, and treating them as independent would make the intervals too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentiment.statistics import DEFAULT_RESAMPLES, Interval, percentile_interval
from training.audit.pairs import PairSet


class GroupOffset(msgspec.Struct, frozen=True, kw_only=True):
    """How far the scores of `group` are from the reference in the same scenes, on average over `n` scenes.

    The reference is the mean of all groups, and the standard for dialects. `interval` is a 95 % bootstrap interval.
    """

    group: str
    n: int
    mean_offset: float
    interval: Interval


class AttributeGaps(msgspec.Struct, frozen=True, kw_only=True):
    """The gaps over all pairs of one attribute.

    `mean_abs_gap` and `max_abs_gap` are of the absolute difference of two scores, in [0, 2]; `interval` is the 95 %
    interval of the mean. `flip_rate` is the share of pairs with two labels. `group_gap` averages the scores of a
    group's terms within a scene before it compares two groups, as the authors of the Equity Evaluation Corpus do. It
    misses a model that treats single names at random; `mean_abs_gap` does not. `wording` is as in ``PairSet``.
    """

    attribute: str
    n_pairs: int
    n_scenes: int
    mean_abs_gap: float
    interval: Interval
    max_abs_gap: float
    group_gap: float
    flip_rate: float
    flip_interval: Interval
    worst: tuple[str, str]
    groups: list[GroupOffset]
    wording: bool = False


def measure_gaps(
    pair_set: PairSet, scores: NDArray[np.float64], labels: NDArray[np.int64], *, seed: int
) -> AttributeGaps:
    """The gaps of `pair_set`, whose variants have `scores` (n,) and `labels` (n,)."""
    pairs = np.array(pair_set.pairs, dtype=np.int64)
    scenes = np.array([variant.scene for variant in pair_set.variants], dtype=np.int64)
    gaps = np.abs(scores[pairs[:, 0]] - scores[pairs[:, 1]])
    flips = (labels[pairs[:, 0]] != labels[pairs[:, 1]]).astype(np.float64)
    pair_scenes = scenes[pairs[:, 0]]
    worst = int(gaps.argmax())
    names, means = _group_means(pair_set, scores, scenes)
    return AttributeGaps(
        attribute=pair_set.attribute,
        n_pairs=len(pairs),
        n_scenes=len(np.unique(pair_scenes)),
        mean_abs_gap=float(gaps.mean()),
        interval=_interval_of_mean(gaps, pair_scenes, seed),
        max_abs_gap=float(gaps[worst]),
        group_gap=_group_gap(means, pair_set.wording),
        flip_rate=float(flips.mean()),
        flip_interval=_interval_of_mean(flips, pair_scenes, seed),
        worst=(pair_set.variants[pairs[worst, 0]].text, pair_set.variants[pairs[worst, 1]].text),
        groups=_offsets(names, means, pair_set.wording, seed),
        wording=pair_set.wording,
    )


def _group_means(
    pair_set: PairSet, scores: NDArray[np.float64], scenes: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.float64]]:
    """The groups, and (scenes, groups) mean scores. NaN: the scene has no text about the group."""
    names = list(dict.fromkeys(variant.group for variant in pair_set.variants))
    column_of = np.array([names.index(variant.group) for variant in pair_set.variants], dtype=np.int64)
    numbers, row_of = np.unique(scenes, return_inverse=True)
    sums = np.zeros((len(numbers), len(names)))
    counts = np.zeros_like(sums)
    np.add.at(sums, (row_of, column_of), scores)
    np.add.at(counts, (row_of, column_of), 1.0)
    return names, np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _group_gap(means: NDArray[np.float64], wording: bool) -> float:
    columns = list(combinations(range(means.shape[1]), 2))
    # Dialects are compared with the standard (the first column), not with each other.
    chosen = columns[: means.shape[1] - 1] if wording else columns
    return float(np.nanmean([np.abs(means[:, left] - means[:, right]) for left, right in chosen]))


def _offsets(names: Sequence[str], means: NDArray[np.float64], wording: bool, seed: int) -> list[GroupOffset]:
    # The first group of a dialect's rows is the standard, which every scene has.
    offsets = means - (means[:, :1] if wording else np.nanmean(means, axis=1, keepdims=True))
    answers = []
    for column, name in enumerate(names):
        there = offsets[~np.isnan(offsets[:, column]), column]
        interval = _interval_of_mean(there, np.arange(len(there)), seed)
        answers.append(GroupOffset(group=name, n=len(there), mean_offset=float(there.mean()), interval=interval))
    return answers


def _interval_of_mean(values: NDArray[np.float64], scenes: NDArray[np.int64], seed: int) -> Interval:
    """The bootstrap interval of the mean of `values` (n,). Values of one scene are drawn together."""
    _, row_of = np.unique(scenes, return_inverse=True)
    sums, counts = np.bincount(row_of, weights=values), np.bincount(row_of)
    # All resamples at once, because an audit has a hundred intervals.
    drawn = np.random.default_rng(seed).integers(0, len(sums), size=(DEFAULT_RESAMPLES, len(sums)))
    return percentile_interval(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
