"""Words of a text and the tokens that spell them: people read words, models read pieces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# A word with its apostrophes, hyphens and inner points ("don't", "e-mail", "4.5", "@user"), or one other sign.
_WORD = re.compile(r"@?\w+(?:['.\-]\w+)*|[^\w\s]\ufe0f?")


@dataclass(frozen=True, slots=True)
class Word:
    """Characters ``[start, end)`` of a text, and the positions of the tokens that spell them."""

    text: str
    start: int
    end: int
    tokens: tuple[int, ...]


def align(text: str, offsets: Sequence[tuple[int, int]]) -> list[Word]:
    """The words of `text` in order; `offsets[i]` are the characters that token i covers.

    Every token belongs to exactly one word. Words that a token spans together are one, and a token that covers white
    space only (some tokenizers write the space as a token) belongs to the word that follows, the last one to the word
    before. A word without tokens, which the tokenizer dropped, is left out.
    """
    spans = _merged([match.span() for match in _WORD.finditer(text)], offsets)
    if not spans:
        return [Word(text, 0, len(text), tuple(range(len(offsets))))] if offsets else []
    tokens: list[list[int]] = [[] for _ in spans]
    for position, (start, end) in enumerate(offsets):
        tokens[_place(spans, start, end)].append(position)
    return [
        Word(text[start:end], start, end, tuple(members))
        for (start, end), members in zip(spans, tokens, strict=True)
        if members
    ]


def _merged(spans: Sequence[tuple[int, int]], offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        # A token that reaches over the gap holds the two words together.
        if merged and any(left < merged[-1][1] and right > start for left, right in offsets):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _place(spans: Sequence[tuple[int, int]], start: int, end: int) -> int:
    """The span that shares characters with ``[start, end)``, else the one that follows, else the last."""
    for place, (left, right) in enumerate(spans):
        if start < right and end > left:
            return place
    return next((place for place, (left, _) in enumerate(spans) if left >= start), len(spans) - 1)
