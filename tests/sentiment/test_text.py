"""The normalisation that training and serving share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.privacy import redact
from sentiment.text import normalise


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


def test_a_placeholder_and_its_original_read_alike() -> None:
    """A model sees the same text whether a handle was redacted before or not."""
    text = "@support where is my parcel?"
    assert normalise(redact(text).text) == normalise(text)
