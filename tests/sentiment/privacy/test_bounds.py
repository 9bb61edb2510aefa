"""The cost of a hostile text, in look-ups in the numbering plans and in passes over the text."""

import functools

import phonenumbers
import pytest

from sentiment.privacy import redact
from sentiment.privacy.phones import MAX_CHECKS_PER_TEXT
from sentiment.privacy.redact import MAX_PASSES

_LONGEST_TEXT = 32_768
_HOSTILE = (
    *(
        "0412 345 678 ",
        "call 9876543210 ",
        "+99 999 999 999 ",
        "+44 20 7946 0958 ",
        "98 765 432 1 ",
        "(12) ",
        "1 ",
        "12-",
    ),
    *("1.", "a@", "@", "a.", "x@a.", "?token=", "a://x:", "&#64;", "1\u200b", "DE89 ", "4111 1111 1111 1112 "),
    *("a at gmail.com ", "version 1.2.3.4 ", "ssn 123456789 ", "4111111111111111a@b.co", "[PHONE]"),
)


@pytest.mark.parametrize("piece", _HOSTILE)
def test_work_is_bounded(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest text, made of one bad piece, needs few look-ups, and redacting it again changes nothing."""
    asked = 0
    parse = phonenumbers.parse

    @functools.wraps(parse)
    def counting_parse(number: str, region: str | None) -> phonenumbers.PhoneNumber:
        nonlocal asked
        asked += 1
        return parse(number, region)

    monkeypatch.setattr(phonenumbers, "parse", counting_parse)
    text = (piece * (_LONGEST_TEXT // len(piece) + 1))[:_LONGEST_TEXT]
    redacted = redact(text)
    # Twice for each pass: with a plus sign and without. One pass more finds nothing.
    assert asked <= 2 * MAX_CHECKS_PER_TEXT * (MAX_PASSES + 1)
    assert redact(redacted.text).counts == {}


def test_beyond_the_bound_numbers_are_taken_unchecked() -> None:
    """When the look-ups are spent, whatever looks like a phone number is redacted: privacy comes first."""
    nobody = "call 0000000000000, "
    assert redact(nobody).counts == {}
    assert redact(nobody * (MAX_CHECKS_PER_TEXT * 2)).counts.keys() == {"phone"}


def test_a_text_that_unfolds_for_ever_is_cut_short() -> None:
    """When the passes are spent, every word with a digit or an at sign is redacted, and nothing is left to find."""
    redacted = redact("see a@b.co, not 12 [PHONE] ok", max_passes=0)
    assert redacted.text == "see [ID] not [ID] [PHONE] ok"
    assert redact(redacted.text).text == redacted.text
