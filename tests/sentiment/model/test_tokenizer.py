"""Text to ids: the same as transformers gives for the normalised text, but never truncated."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from sentiment.model.tokenizer import TextTokenizer
from sentiment.text import NormalisedText, normalise
from tests.sentiment.model.models import TEXTS


def test_ids_are_those_of_transformers(checkpoint: Path) -> None:
    """Prefix, ids and suffix are what AutoTokenizer gives for the normalised text."""
    oracle = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer = TextTokenizer.from_file(checkpoint / "tokenizer.json")
    for text, ids in zip(TEXTS, tokenizer.encode(TEXTS), strict=True):
        assert [*tokenizer.prefix, *ids, *tokenizer.suffix] == oracle(normalise(text))["input_ids"]


def test_a_tokenizer_that_cuts_and_pads_by_itself_does_not(checkpoint: Path, tmp_path: Path) -> None:
    """Truncation and padding stored in tokenizer.json are switched off: long texts stay whole."""
    stored = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    stored.enable_truncation(8)
    stored.enable_padding(length=8)
    stored.save(str(tmp_path / "tokenizer.json"))
    plain = TextTokenizer.from_file(checkpoint / "tokenizer.json").encode(TEXTS)
    assert TextTokenizer.from_file(tmp_path / "tokenizer.json").encode(TEXTS) == plain


def test_half_a_surrogate_pair_harms_nobody(checkpoint: Path) -> None:
    """The rest of a string that is not Unicode is tokenised, and its neighbours are not affected."""
    tokenizer = TextTokenizer.from_file(checkpoint / "tokenizer.json")
    broken, neighbour = tokenizer.encode(["great \ud800", "great"])
    assert broken[: len(neighbour)] == neighbour


def test_a_normalised_text_is_not_normalised_again(checkpoint: Path) -> None:
    """Text escaped four times is unescaped twice, whoever normalises it."""
    tokenizer = TextTokenizer.from_file(checkpoint / "tokenizer.json")
    text = "great &amp;amp;amp;lt;app&amp;amp;amp;gt;"
    assert normalise(normalise(text)) != normalise(text)
    assert tokenizer.encode([NormalisedText.of(text)]) == tokenizer.encode([text])
    assert tokenizer.encode([normalise(normalise(text))]) != tokenizer.encode([text])
