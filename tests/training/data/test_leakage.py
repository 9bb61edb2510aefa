"""Leaks between training and held-out rows, against comparing every pair."""

from __future__ import annotations

import random

import pytest

from training.data.examples import Example
from training.data.leakage import _jaccard, _shingles, find_leakage

WORDS = ["the", "app", "is", "slow", "again", "support", "never", "my", "order", "was", "late", "great", "fast", "team"]


def examples(texts: list[str]) -> list[Example]:
    return [Example(text=text, label=0, source="s", kind="human") for text in texts]


def copies(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Training texts, and held-out ones of which many are edited copies of them."""
    draw = random.Random(seed)
    train = [" ".join(draw.choices(WORDS, k=draw.randint(3, 14))) for _ in range(count)]
    held_out = []
    for text in draw.sample(train, count // 2):
        words = text.split()
        for _ in range(draw.randint(0, 3)):
            words[draw.randrange(len(words))] = draw.choice(WORDS)
        held_out.append(" ".join(words))
    return train, held_out


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_no_pair_is_missed_and_none_is_made_up(threshold: float) -> None:
    """The near leaks are those that a comparison of every training with every held-out text finds."""
    train, held_out = copies(300, seed=3)
    found = find_leakage(examples(train), examples(held_out), threshold=threshold)
    exact = {row for row, text in enumerate(train) if text in held_out}
    assert {leak.train_row for leak in found.exact} == exact
    expected = {}
    for row, text in enumerate(train):
        best = max((_jaccard(_shingles(text), _shingles(other)) if _shingles(text) else 0.0) for other in held_out)
        if row not in exact and best >= threshold:
            expected[row] = best
    assert {leak.train_row: leak.similarity for leak in found.near} == pytest.approx(expected)
    assert expected


def test_retweets_are_leaks_and_short_opinions_are_not() -> None:
    """Handles, links, case and an added word do not hide a copy; a few words in common make none."""
    held_out = examples(["Google to launch a major new social network called Circles http", "great app, thanks!"])
    texts = [
        "RT @user google to launch a major new social network called circles http",
        "bad app, thanks!",
        "Great app, thanks",
        "wow Google to launch a major new social network called Circles, possibly",
    ]
    found = find_leakage(examples(texts), held_out)
    assert [(leak.train_row, leak.held_out_row) for leak in found.exact] == [(2, 1)]
    assert [(leak.train_row, leak.held_out_row) for leak in found.near] == [(0, 0), (3, 0)]
    assert found.rows(near=False) == {2}
    assert found.rows(near=True) == {0, 2, 3}


def test_nothing_held_out_leaks_nothing() -> None:
    """Empty sides are no special case."""
    assert find_leakage(examples(["a text of five words"]), []).rows(near=True) == set()
    assert find_leakage([], examples(["a text of five words"])).rows(near=True) == set()
