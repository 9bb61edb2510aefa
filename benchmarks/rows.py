"""Texts to measure with: feedback as it comes, and made-up texts of every length."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from sentiment.sources import Row, detect_format, find_input, open_rows

LONGEST_WORDS = 110
"""Words of the longest made-up text: about the 128 tokens that the shipped model reads at once."""

LONGEST_CHARACTERS = 32_000


def feedback(data: Path | None, n: int, seed: int = 13) -> list[str]:
    """`n` texts of the column `text` of `data`, in random order; of the demo's stream if it is None.

    They are repeated if there are fewer.
    """
    if data is None:
        with resources.as_file(resources.files("sentiment.assets.demo") / "feedback.jsonl") as bundled:
            texts = _read(bundled)
    else:
        texts = _read(data)
    random.Random(seed).shuffle(texts)
    return list(itertools.islice(itertools.cycle(texts), n))


def every_length(n: int, seed: int = 13) -> Iterator[str]:
    """`n` texts of 1 to `LONGEST_WORDS` words: short ones are frequent, as in feedback, and every length occurs."""
    words = " ".join(feedback(None, 500, seed)).split()
    rng = random.Random(seed)
    for _ in range(n):
        length = round(LONGEST_WORDS ** rng.random())
        start = rng.randrange(len(words) - length)
        yield " ".join(words[start : start + length])


def longest(seed: int = 13) -> str:
    """One text of `LONGEST_CHARACTERS` characters."""
    return " ".join(every_length(2_000, seed))[:LONGEST_CHARACTERS]


def _read(path: Path) -> list[str]:
    given = find_input(str(path))
    with open_rows(given, detect_format(given, None)) as source:
        found = [row.values.get("text") for row in source.rows if isinstance(row, Row)]
    return [text for text in found if isinstance(text, str) and text.strip()]
