"""Personal data with characters inside that a reader does not see, or reads as others."""

from __future__ import annotations

import random

import pytest

from sentiment.privacy import placeholder, redact
from tests.sentiment.privacy import samples

BETWEEN = {
    "NUL": "\x00",
    "control": "\x1b",
    "C1 control": "\x90",
    "soft hyphen": "\u00ad",
    "zero width": "\u200b",
    "joiner": "\u2060",
    "variation selector": "\ufe0f",
    "more variation selectors": "\U000e0101",
    "tag": "\U000e0041",
    "filler": "\u3164",
    "combining line": "\u0332",
    "enclosing key": "\u20e3",
}
FULL_WIDTH = {code: code - 0x21 + 0xFF01 for code in range(0x21, 0x7F)}
DIGITS = {
    "Arabic": {48 + digit: 0x660 + digit for digit in range(10)},
    "Devanagari": {48 + digit: 0x966 + digit for digit in range(10)},
    "full width": FULL_WIDTH,
    "bold": {48 + digit: 0x1D7CE + digit for digit in range(10)},
}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("kind", ["email", "card", "iban", "phone"])
def test_invisible_characters_hide_nothing(kind: str, between: str) -> None:
    """One after every character of the value."""
    value = samples.KINDS[kind](random.Random(5))
    redacted = redact(f"my {kind}: {between.join(value)} thanks")
    assert redacted.text == f"my {kind}: {placeholder(kind)} thanks"


@pytest.mark.parametrize("table", DIGITS.values(), ids=DIGITS)
@pytest.mark.parametrize("kind", ["card", "iban", "phone"])
def test_other_digits_hide_nothing(kind: str, table: dict[int, int]) -> None:
    """The digits of other scripts and styles."""
    value = samples.KINDS[kind](random.Random(5)).translate(table)
    assert placeholder(kind) in redact(f"my {kind}: {value} thanks").text
