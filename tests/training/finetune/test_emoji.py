"""Emoji become tokens of a checkpoint that did not have them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sentiment.errors import ModelError
from sentiment.model.tokenizer import TextTokenizer
from tests.training.tiny import save_backbone
from training.finetune.backbones import load_backbone
from training.finetune.emoji import add_emoji, emoji_tokens


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("before")
    save_backbone(directory)
    model = AutoModelForSequenceClassification.from_pretrained(directory, num_labels=3)
    model.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def after(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("emoji")
    tokenizer, model = load_backbone(str(before))
    add_emoji(tokenizer, model).save_pretrained(directory)
    model.save_pretrained(directory)
    return directory


def tokens(directory: Path, text: str) -> list[int]:
    return TextTokenizer.from_file(directory / "tokenizer.json").encode([text])[0]


def test_emoji_are_told_apart(before: Path, after: Path) -> None:
    """Two emoji that were one unknown token are now two tokens."""
    assert tokens(before, "😍") == tokens(before, "😡")
    assert tokens(after, "😍") != tokens(after, "😡")


def test_a_word_survives_the_emoji_that_touches_it(before: Path, after: Path) -> None:
    """An emoji, known or not, no longer makes the word before it unknown."""
    assert tokens(after, "great😍")[:-1] == tokens(before, "great")
    assert tokens(after, "great🛸")[:-1] == tokens(before, "great")


@pytest.mark.parametrize("variant", ["👍🏻", "👍🏿", "👍\ufe0f"])
def test_looks_do_not_matter(after: Path, variant: str) -> None:
    """Skin tones and variation selectors read as the plain sign."""
    assert tokens(after, variant) == tokens(after, "👍")


def test_other_texts_read_as_before(before: Path, after: Path) -> None:
    """A text without emoji has the same tokens, and the network predicts the same."""
    text = "it was great, the app crash again :)"
    assert tokens(after, text) == tokens(before, text)
    ids = torch.tensor([tokens(after, text)])
    old, new = (AutoModelForSequenceClassification.from_pretrained(place).eval() for place in (before, after))
    with torch.inference_mode():
        assert torch.equal(old(input_ids=ids).logits, new(input_ids=ids).logits)


def test_transformers_reads_the_directory_alike(after: Path) -> None:
    """Training tokenises with transformers, serving without it: to the same ids."""
    tokenizer = AutoTokenizer.from_pretrained(after)
    for text in ("love it😍😍", "👍🏻 thanks ❤️", "app🛸 crash", "😭"):
        assert tokenizer(text)["input_ids"][1:-1] == tokens(after, text)


def test_an_embedding_starts_as_its_name(before: Path, after: Path) -> None:
    """The embedding of FIRE starts at the mean of the pieces of "fire"."""
    weights = [
        AutoModelForSequenceClassification.from_pretrained(place).get_input_embeddings().weight
        for place in (before, after)
    ]
    (fire,) = tokens(after, "🔥")
    torch.testing.assert_close(weights[1][fire], weights[0][tokens(before, "fire")].mean(dim=0))


def test_a_second_time_is_refused(after: Path) -> None:
    """A vocabulary that has emoji already is an error."""
    with pytest.raises(ModelError, match="already"):
        add_emoji(*load_backbone(str(after)))


def test_every_token_is_one_character_with_a_name() -> None:
    """Every sign has a Unicode name, from which its embedding starts."""
    assert all(len(token) == 1 and unicodedata.name(token) for token in emoji_tokens())
    assert len(set(emoji_tokens())) == len(emoji_tokens())
