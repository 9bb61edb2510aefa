"""How well a model's vocabulary covers a text. This needs the tokenizer only, not the weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sentiment.model.tokenizer import read_tokenizer, unknown_id
from sentiment.text import normalise

_MAX_CHARS = 2_000
"""How much of a text is read: enough to judge its words, and a bound on the cost of one result."""


def token_facts(tokenizer_file: Path) -> Callable[[str], tuple[float, float]]:
    """A function of a redacted text: (share of unknown tokens, tokens per word), both 0 without tokens.

    A byte-level tokenizer has no unknown token, so its share is 0. Raises ``ModelError`` if it cannot be read.
    """
    tokenizer = read_tokenizer(tokenizer_file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    unknown = unknown_id(tokenizer)

    def facts(text: str) -> tuple[float, float]:
        prepared = normalise(text[:_MAX_CHARS])
        ids = tokenizer.encode(prepared, add_special_tokens=False).ids
        n_words = len(prepared.split())
        if not ids or not n_words:
            return 0.0, 0.0
        return (0 if unknown is None else ids.count(unknown)) / len(ids), len(ids) / n_words

    return facts
