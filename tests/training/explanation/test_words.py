"""Words and the tokens that spell them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.explanation.words import align


@pytest.mark.parametrize(
    ("text", "offsets", "expected"),
    [
        ("unhappy app", [(0, 2), (2, 7), (8, 11)], [("unhappy", (0, 1)), ("app", (2,))]),
        # A byte-level tokenizer writes the space into the token that follows it.
        ("so slow", [(0, 2), (2, 7)], [("so", (0,)), ("slow", (1,))]),
        # A sentence-piece tokenizer may write it as a token of its own.
        ("so slow", [(0, 2), (2, 3), (3, 7)], [("so", (0,)), ("slow", (1, 2))]),
        ("don't go!", [(0, 3), (3, 4), (4, 5), (6, 8), (8, 9)], [("don't", (0, 1, 2)), ("go", (3,)), ("!", (4,))]),
        ("@user 4.5", [(0, 1), (1, 5), (6, 7), (7, 8), (8, 9)], [("@user", (0, 1)), ("4.5", (2, 3, 4))]),
        # Several tokens for the bytes of one sign, and one token for two signs.
        ("ok 😡", [(0, 2), (3, 4), (3, 4)], [("ok", (0,)), ("😡", (1, 2))]),
        ("ok :(", [(0, 2), (3, 5)], [("ok", (0,)), (":(", (1,))]),
        ("trailing ", [(0, 8), (8, 9)], [("trailing", (0, 1))]),
        ("lost kept", [(5, 9)], [("kept", (0,))]),
        ("", [], []),
    ],
)
def test_tokens_belong_to_words(
    text: str, offsets: list[tuple[int, int]], expected: list[tuple[str, tuple[int, ...]]]
) -> None:
    """Pieces are merged into words, spaces go with the word that follows, signs in one token are one word."""
    assert [(word.text, word.tokens) for word in align(text, offsets)] == expected


@given(st.text(alphabet="ab' .!😡", max_size=20), st.lists(st.integers(0, 20), max_size=8))
def test_every_token_has_exactly_one_word(text: str, cuts: list[int]) -> None:
    """However a text is cut into tokens, each is in one word, and words are slices of the text in order."""
    ends = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    offsets = list(pairwise(ends))
    words = align(text, offsets)
    assert sorted(token for word in words for token in word.tokens) == list(range(len(offsets)))
    assert all(text[word.start : word.end] == word.text for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)
