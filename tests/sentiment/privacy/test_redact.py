"""Redaction as a whole: typed placeholders, idempotent, and nothing else is changed."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.privacy import contains_personal_data, redact
from sentiment.privacy.redact import KINDS
from tests.sentiment.privacy import samples

_PLACEHOLDERS = {f"[{kind.upper()}]" for kind in KINDS}
_PIECES = (
    "john@example.com|@|@x|4111 1111 1111 1111|4111111111111111|DE89370400440532013000|+14155552671|415-555-2671"
    "|(415)|0412 345 678| |.|-|/|:|call |order |12|1|123-45-6789|1.2.3.4|2001:db8::1|https://u:p@h.co/|?token=x"
    "| at gmail dot com|(at)|[PHONE]|[EMAIL]|[|]|12345678Z|u/abc|&#64;|\u200b|\uff14|+|ssn |x12|\n|\ue001|version "
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail john.doe@example.com now", "mail [EMAIL] now"),
        ("<a href='mailto:a@b.co.uk'>", "<a href='mailto:[EMAIL]'>"),
        ("write to info@bücher.example!", "write to [EMAIL]!"),
        ("john (at) example (dot) com", "[EMAIL]"),
        ("john[at]example.com, or jo at gmail dot com", "[EMAIL], or [EMAIL]"),
        ("icon@2x.png is blurred", "icon@2x.png is blurred"),
        ("card 4111 1111 1111 1111 12/25", "card [CARD] 12/25"),
        ("to DE89 3704 0044 0532 0130 00 today", "to [IBAN] today"),
        ("my SSN is 536-90-4399", "my SSN is [ID]"),
        ("call +1 202 555 0143 or (415) 555-2671", "call [PHONE] or [PHONE]"),
        ("from 192.168.1.17:8080", "from [IP]:8080"),
        ("from 2001:db8::8a2e:370:7334 and ::ffff:192.0.2.1", "from [IP] and [IP]"),
        ("https://user:pw@host.com/x and https://host.com/x", "[URL] and https://host.com/x"),
        ("reset: https://h.io/r?access_token=abc&x=1.", "reset: [URL]."),
        ("postgres://user:password@host:1191/db", "[URL]"),
        ("www.h.io/?q=1 h.io/r?email=john%40example.com", "www.h.io/?q=1 [URL]"),
        ("@SpotifyCares why, @115887?", "[HANDLE] why, [HANDLE]?"),
        ("ask u/some_body", "ask [HANDLE]"),
        ("john\uff20example\uff0ecom", "[EMAIL]"),
        ("john&#64;example.com and a&commat;b.co", "[EMAIL] and [EMAIL]"),
        ("4111\u200b1111\u200b1111\u200b1111", "[CARD]"),
        ("\uff14\uff11\uff11\uff11\u00a01111\u20111111\u00a01111", "[CARD]"),
        ("call 415\u2013555\u20132671", "call [PHONE]"),
    ],
)
def test_each_kind_gets_its_placeholder(text: str, expected: str) -> None:
    """A value becomes the placeholder of its kind, and the text around it stays unchanged."""
    assert redact(text).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "version 8.131.0 build 3 50829, app version: 8.131.0.3, released 2024-09-15 at 19:47:02",
        "updated to 8.4.28.1104 on Android 14.0.0.1",
        "order 112-1234567-1234567, ticket 9876543210, case 4155552671",
        "paid $1,234,567.00 or 12 345 678 EUR, 4.5/5, 10/10, 100%, 1080 x 1920",
        "June 1965-1995, 06 / 06 / 2020, 15.09.2024 10:30, 1696000000000",
        "meet @5pm, @ 7, only @199",
        "std::vector, 10:30:45, ::1, a::b, 00:1a:2b:3c:4d:5e",
        "6d32784b-4b9c-4e04-9516-d599093d5f1c",
        "4111 1111 1111 1112 and DE89 3704 0044 0532 0130 01",
        "I love it \U0001f469\u200d\U0001f4bb 100\u00a0% \u00bd",
        "what a b@d, sh@t app",
        "the 1 (2) 3 / 4 5 6 7 8 9 of it",
    ],
)
def test_other_numbers_survive(text: str) -> None:
    """Versions, dates, times, amounts, orders, tickets and ratings are not personal data."""
    assert redact(text).text == text
    assert redact(text).counts == {}
    assert not contains_personal_data(text)


def test_counts_are_by_kind() -> None:
    """Each replacement is counted under its kind."""
    redacted = redact("a@b.co, c@d.co and 4111111111111111")
    assert redacted.counts == {"email": 2, "card": 1}


@given(st.text(max_size=200) | st.lists(st.sampled_from(_PIECES.split("|")), max_size=14).map("".join))
@settings(max_examples=150, deadline=None)
def test_idempotent_on_anything(text: str) -> None:
    """Redaction never raises, redacting twice changes nothing, and `contains_personal_data` agrees with it."""
    once = redact(text)
    again = redact(once.text)
    assert (again.text, again.counts) == (once.text, {})
    assert contains_personal_data(text) == bool(once.counts)
    assert (once.text == text) == (not once.counts)


@given(
    st.text(
        alphabet=st.characters(exclude_categories=["Nd", "No", "Cs"], exclude_characters="@:/&%\uff20\ufe6b"),
        max_size=300,
    )
)
@settings(max_examples=60, deadline=None)
def test_words_are_left_alone(text: str) -> None:
    """A text without a digit, an at sign or a URL stays unchanged, unless it spells out an address."""
    if " at " not in text.lower() and "(at" not in text.lower() and "[at" not in text.lower():
        assert redact(text).text == text


@pytest.mark.parametrize("kind", samples.KINDS)
def test_no_valid_value_survives(kind: str) -> None:
    """A placeholder replaces a valid value anywhere in a sentence."""
    rng = random.Random(f"survivors {kind}")
    for _ in range(150):
        value = samples.KINDS[kind](rng)
        prefix = "Nothing works since the update. " * rng.randrange(3)
        redacted = redact(f"{prefix}Call me at {value} please")
        assert value not in redacted.text
        assert redacted.text.startswith(f"{prefix}Call me at [")
        assert set(re.findall(r"\[[A-Z]+\]", redacted.text)) <= _PLACEHOLDERS


def test_two_values_side_by_side() -> None:
    """Values of different kinds in one text are all found, in any order."""
    rng = random.Random(11)
    for _ in range(100):
        kinds = rng.sample(list(samples.KINDS), 3)
        values = [samples.KINDS[kind](rng) for kind in kinds]
        redacted = redact(f"reach me: {values[0]}; {values[1]}, or {values[2]}")
        assert [value for value in values if value in redacted.text] == []
