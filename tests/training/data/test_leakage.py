"""Leaks between training and held-out rows, against comparing every pair."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from training.data.examples import Example
from training.data.leakage import find_leakage

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


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of the words and neighbouring pairs; 0 for texts of fewer than five words."""
    sets = []
    for text in (one, other):
        words = text.split()
        sets.append({*words, *pairwise(words)} if len(words) >= 5 else set())
    return len(sets[0] & sets[1]) / max(1, len(sets[0] | sets[1]))


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_no_pair_is_missed_and_none_is_made_up(threshold: float) -> None:
    """The near leaks are those that comparing every training text with every held-out text finds."""
    train, held_out = copies(300, seed=3)
    found = find_leakage(examples(train), examples(held_out), threshold=threshold)
    exact = [row for row, text in enumerate(train) if text in held_out]
    near = [
        row
        for row, text in enumerate(train)
        if row not in exact and any(similarity(text, other) >= threshold for other in held_out)
    ]
    assert list(found.exact) == exact
    assert list(found.near) == near != []


def test_retweets_are_leaks_and_short_opinions_are_not() -> None:
    """Handles, links, case and an added word do not hide a copy; a few words in common are not a leak."""
    held_out = examples(["Google to launch a major new social network called Circles http", "great app, thanks!"])
    texts = [
        "RT @user google to launch a major new social network called circles http",
        "bad app, thanks!",
        "Great app, thanks",
        "wow Google to launch a major new social network called Circles, possibly",
    ]
    found = find_leakage(examples(texts), held_out)
    assert (found.exact, found.near) == ((2,), (0, 3))
    assert found.rows(near=False) == {2}
    assert found.rows(near=True) == {0, 2, 3}


def test_nothing_held_out_leaks_nothing() -> None:
    """Empty sides are no special case."""
    assert find_leakage(examples(["a text of five words"]), []).rows(near=True) == set()
    assert find_leakage([], examples(["a text of five words"])).rows(near=True) == set()
