"""Texts of which the model knows nothing get no opinion."""

from __future__ import annotations

import pytest

from sentiment.model.loading import load_model
from sentiment.scoring import score_texts
from sentiment.text import text_fault


@pytest.mark.parametrize(
    "text", ["\U0001f1e9\U0001f1ea", "\U0001f1e9\U0001f1ea \U0001fae8", "@anna https://example.com/x", "ዕዕ"]
)
def test_unknown_signs_and_links_are_no_evidence(text: str) -> None:
    """Flags, new emoji, unknown scripts, and nothing but handles and links: neutral, all labels equally likely."""
    (answer,), _ = score_texts(load_model(threads=1), [text])
    assert (answer.label, answer.no_evidence, answer.score) == ("neutral", True, 0.0)
    assert answer.probabilities.negative == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "text", ["great", "\U0001f621", "\U0001d41b\U0001d41a\U0001d41d", "@anna so slow", "\U0001f1e9\U0001f1ea great"]
)
def test_a_known_word_or_emoji_is_evidence(text: str) -> None:
    """Also a styled one, and beside unknown signs."""
    (answer,), _ = score_texts(load_model(threads=1), [text])
    assert not answer.no_evidence


@pytest.mark.parametrize("text", ["\u200b\u2060", "\ufeff \ufe0f", "\u2800", "\x00\x00", "\u3164"])
def test_what_nobody_sees_is_an_empty_text(text: str) -> None:
    """It is refused like one."""
    assert text_fault(text) == "the text is empty"
