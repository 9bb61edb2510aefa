"""Text to token ids, with the same normalisation and tokenizer in training and serving; needs no transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from sentiment.errors import ModelError
from sentiment.model.files import has_file
from sentiment.text import NormalisedText, normalise

_PROBE = "a"


class TextTokenizer:
    """Encodes texts with a `tokenizer.json`.

    `prefix` and `suffix` are the special tokens around a text, such as [CLS] and [SEP] of a BERT.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        # Tokenizers of sentence-embedding models truncate and pad by themselves. Here windows and batches do that.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # A "[SEP]" that somebody typed is text, not its end.
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self.prefix, self.suffix = _special_tokens(tokenizer)
        self._around = frozenset(self.prefix + self.suffix)
        self._silent = _silent_tokens(tokenizer)

    @classmethod
    def from_file(cls, path: Path) -> TextTokenizer:
        """Read a `tokenizer.json`. Raises ``ModelError`` if it is missing or malformed."""
        return cls(read_tokenizer(path))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, whole and without special tokens; normalises those that are not."""
        prepared = [text if isinstance(text, NormalisedText) else normalise(text) for text in texts]
        encodings = self._tokenizer.encode_batch_fast(prepared, add_special_tokens=False)
        return [self._without_ends(encoding.ids) for encoding in encodings]

    def says_something(self, ids: Sequence[int]) -> bool:
        """Whether some token of a text is known, and is more than a handle or a link."""
        return not self._silent.issuperset(ids)

    def _without_ends(self, ids: list[int]) -> list[int]:
        """Unigram tokenizers recognise a typed "</s>" in spite of the setting, and T5 refuses a second end."""
        return ids if self._around.isdisjoint(ids) else [token for token in ids if token not in self._around]


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`. Raises ``ModelError`` if it is missing or malformed."""
    if not has_file(path):
        raise ModelError(
            f"{path} is missing: the model has no fast tokenizer",
            hint="write one with transformers: AutoTokenizer.from_pretrained(model).save_pretrained(directory)",
        )
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception for every fault in the file
        raise ModelError(f"{path} is not a tokenizer: {str(error).splitlines()[0]}") from error


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """The id of the token for unknown words; None if there is none, as in a byte-level tokenizer."""
    model = json.loads(tokenizer.to_str())["model"]
    if isinstance(model.get("unk_id"), int):  # Unigram
        return int(model["unk_id"])
    token = model.get("unk_token")
    return None if token is None else tokenizer.token_to_id(token)


def _silent_tokens(tokenizer: Tokenizer) -> frozenset[int]:
    """The unknown token, and what every handle and link becomes."""
    unknown = unknown_id(tokenizer)
    handles = tokenizer.encode("@user http", add_special_tokens=False).ids
    return frozenset(handles if unknown is None else [unknown, *handles])


def _special_tokens(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    bare = tokenizer.encode(_PROBE, add_special_tokens=False).ids
    full = tokenizer.encode(_PROBE, add_special_tokens=True).ids
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return tuple(full[:start]), tuple(full[start + len(bare) :])
    raise ModelError("the tokenizer changes a text when it adds special tokens, which is not supported")
