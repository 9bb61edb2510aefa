"""The words of a text and the tokens that spell them: people read words, models read pieces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# A word with apostrophes, hyphens and inner points ("don't", "e-mail", "4.5", "@user"), or one other sign.
_WORD = re.compile(r"@?\w+(?:['.\-]\w+)*|[^\w\s]\ufe0f?")


@dataclass(frozen=True, slots=True)
class Word:
    """A word: characters ``[start, end)`` of a text, and the positions of the tokens that spell it."""

    text: str
    start: int
    end: int
    tokens: tuple[int, ...]


def align(text: str, offsets: Sequence[tuple[int, int]]) -> list[Word]:
    """The words of `text` in order. `offsets[i]` are the characters that token i covers.

    Every token belongs to exactly one word. Words that share a token are merged. A token of white space belongs to the
    next word, or at the end to the last word. A word that the tokenizer dropped is left out.
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
        # A token that spans the gap joins the two words.
        if merged and any(left < merged[-1][1] and right > start for left, right in offsets):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _place(spans: Sequence[tuple[int, int]], start: int, end: int) -> int:
    """The index of the span that overlaps ``[start, end)``, otherwise of the next one, otherwise of the last."""
    for place, (left, right) in enumerate(spans):
        if start < right and end > left:
            return place
    return next((place for place, (left, _) in enumerate(spans) if left >= start), len(spans) - 1)
