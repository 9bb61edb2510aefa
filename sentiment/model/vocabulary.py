"""How well a model's vocabulary covers a text. This needs the tokenizer only, not the weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from sentiment.errors import ModelError
from sentiment.text import normalise

_MAX_CHARS = 2_000
"""How much of a text is read: enough to judge its words, and a bound on the cost of one result."""


def token_facts(tokenizer_file: Path) -> Callable[[str], tuple[float, float]]:
    """A function of a redacted text: (share of unknown tokens, tokens per word), both 0 without tokens.

    A byte-level tokenizer has no unknown token, so its share is 0. Raises ``ModelError`` if the file is no tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    except Exception as error:  # tokenizers raises bare Exception for every fault in the file
        raise ModelError(f"{tokenizer_file} is not a tokenizer: {str(error).splitlines()[0]}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    unknown = _unknown_id(tokenizer)

    def facts(text: str) -> tuple[float, float]:
        # The tokenizer would refuse half a surrogate pair.
        prepared = normalise(text[:_MAX_CHARS]).encode("utf-8", "replace").decode("utf-8")
        ids = tokenizer.encode(prepared, add_special_tokens=False).ids
        n_words = len(prepared.split())
        if not ids or not n_words:
            return 0.0, 0.0
        return (0 if unknown is None else ids.count(unknown)) / len(ids), len(ids) / n_words

    return facts


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    model = json.loads(tokenizer.to_str())["model"]
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    token = model.get("unk_token")
    return None if token is None else tokenizer.token_to_id(token)
