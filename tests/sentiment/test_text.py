"""The normalisation that training and serving share."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.privacy import KINDS, PLACEHOLDER, UNCHECKED, placeholder, redact
from sentiment.text import normalise
from tests.sentiment.privacy import samples


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@jane_doe look http://x.io/a?b=c now", "@user look http now"),
        ("[HANDLE] wrote to [EMAIL], see [URL]", "@user wrote to email, see http"),
        ("soooooooo   good\n\n\tthanks", "sooo good thanks"),
        ("it&amp;#39;s &quot;fine&quot;", 'it\'s "fine"'),
        ("don\u2019t \u201cwait\u201d", 'don\'t "wait"'),
        ("Tehran\\u002c Oct 30", "Tehran, Oct 30"),
        ("cafe\u0301", "caf\u00e9"),
        ("zero\u200bwidth", "zerowidth"),
        ("h\x00i\x00 \u2800\u3164", "hi"),
        (
            "\U0001d41b\U0001d428\U0001d425\U0001d41d \uff57\uff49\uff44\uff45 \u24e1\u24de \u1d1b\u1d0f \U0001f171",
            "bold wide ro to B",
        ),
        ("<p>fine</p>", "fine"),
        ("", ""),
    ],
)
def test_one_spelling(text: str, expected: str) -> None:
    """Each variant has one spelling."""
    assert normalise(text) == expected


@given(st.text())
def test_output_is_one_trimmed_line(text: str) -> None:
    """Any text becomes one line without doubled or outer white space."""
    out = normalise(text)
    assert out == " ".join(out.split())


_OTHER_SAMPLES = {"url": "https://user:pw@host.com/x", "handle": "@SpotifyCares"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_that_redaction_emits_is_normalised(kind: str) -> None:
    """Whatever a value of any kind is replaced by, the model reads a plain word and no placeholder."""
    value = _OTHER_SAMPLES[kind] if kind in _OTHER_SAMPLES else samples.KINDS[kind](random.Random(7))
    redacted = redact(f"call me at {value}")
    assert (redacted.text, redacted.counts) == (f"call me at {placeholder(kind)}", {kind: 1})
    read = normalise(redacted.text)
    assert PLACEHOLDER.search(read) is None
    assert "[" not in read


def test_what_was_not_checked_is_normalised() -> None:
    """A text that redaction masked as a whole reads as a plain word too."""
    assert normalise(placeholder(UNCHECKED)) == "unchecked"


def test_a_placeholder_and_its_original_read_alike() -> None:
    """A model sees the same text whether a handle was redacted before or not."""
    text = "@support where is my parcel?"
    assert normalise(redact(text).text) == normalise(text)


def test_half_a_surrogate_pair_is_replaced() -> None:
    """JSON can contain one, and no tokenizer takes it; whole pairs and other characters stay."""
    assert normalise("great \ud800 \U0001f600 é") == "great ? \U0001f600 é"
