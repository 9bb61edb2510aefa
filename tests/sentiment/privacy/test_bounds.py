"""What a hostile text or record may cost: counted in calls, which a watcher counts apart from the budget itself."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.privacy import UNCHECKED, contains_personal_data, placeholder, redact, redact_json, safe_identifier
from sentiment.privacy.work import METADATA_UNITS, TEXT_CHARACTERS, TEXT_UNITS, Work, WorkExceededError

_MASKED = placeholder(UNCHECKED)
_CALLS_PER_UNIT = 16
"""A unit is about a microsecond, in which ten small functions are called."""
_CALLS_BESIDES = 20_000
"""Of the first call of phonenumbers for each region, which reads and compiles its numbering plan."""

_NUMBERS = (
    *("0412 345 678 ", "call 9876543210 ", "call 0000000000000, ", "98 765 432 1 ", "1 ", "12-", "1.", "1,2,", "123 "),
    *("0 1 2 3 4 5 6 7 8 9 ", "1  2  3  4  ", "12345678901234567890", "1-1/1.1 ", "123 45 67 89 0 ext. 1 "),
    *(
        "me text 1234567 ",
        "call 12 34 56 78 90 12 34 56, ",
        "number 12 34 56 78 9 01 23 45 67;",
        "012345 / 1 2 3 4 5 6 ",
    ),
    *(
        "+99 999 999 999 ",
        "+44 20 7946 0958 ",
        "+ 1 2 3 4 5 6 7 8 9 ",
        "+1(2)3",
        "+",
        "0041 44 668 18 00 ",
        "(12) ",
        "(",
    ),
    *("4111 1111 1111 1112 ", "card 1234 5678 9012 3456 7890,", "ssn 123456789 ", "ssn 12345678901 ", "12345678 A "),
    *("DE89 ", "DE12 3456 7890 1234 ", "GB12ABCD12345612345678 ", "ABCDEF12A12A123A "),
)
_OTHERS = (
    *("a@", "@", "a.", "x@a.", "a@b.c", "a1@", "a-a-a-a@ ", "x@a.b.c.d.e.f.g.h.i.", "4111111111111111a@b.co", "@a-"),
    *("a at gmail.com ", "(at) ", "a (at) b (dot) ", "user@[1.1.1.1] ", "a" * 64 + "@ "),
    *("?token=", "a=?", "a://x:", "://", "https://a@b ", "u/ab "),
    *("1.1.1.1 ", "ip 1.2.3.4,", "version 1.2.3.4 ", "abcd:1234:", "2001:db8::1 ", "::1:", "1:2:3:4:5:6:7:8 "),
    *("&#64;", "&amp;#49;", "%40", "a%40b%2ecom ", "1\u200b", "\uff11", "\u0661\u0662\u0663 ", "\u06601-"),
    *("\u202e1 2\u202c", "1\u0301", "e\u0301@", "[PHONE]", "[at]", _MASKED),
)
_PIECES = st.lists(st.sampled_from((*_NUMBERS, *_OTHERS)) | st.text(min_size=1, max_size=12), min_size=1, max_size=12)


def _calls(do: Callable[[], object]) -> int:
    """How many functions are called, in Python and in C, while it runs."""
    n = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal n
        n += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(before)
    return n


def _longest(piece: str) -> str:
    return (piece * (TEXT_CHARACTERS // len(piece) + 1))[:TEXT_CHARACTERS]


def _check_text(text: str) -> None:
    assert _calls(lambda: redact(text)) <= _CALLS_PER_UNIT * TEXT_UNITS + _CALLS_BESIDES
    redacted = redact(text)
    assert redact(redacted.text).counts == {}
    assert (redacted.text == _MASKED) == (redacted.counts == {UNCHECKED: 1} or text == _MASKED)
    assert contains_personal_data(text) or not redacted.counts


@pytest.mark.parametrize("piece", [*_NUMBERS, *_OTHERS])
def test_the_longest_text_of_one_piece(piece: str) -> None:
    """Whatever it repeats, the work is bounded, and the result is a fixed point."""
    _check_text(_longest(piece))


@given(_PIECES)
@settings(max_examples=25, deadline=None)
def test_the_longest_text_of_any_pieces(pieces: list[str]) -> None:
    """Pieces that are harmless alone may be costly together: the bound holds for all mixtures."""
    _check_text(_longest("".join(pieces)))


def test_a_text_that_costs_too_much_is_masked_as_a_whole() -> None:
    """Nothing of it passes unchecked, and the result says so. A usual text of the same length is checked."""
    assert redact(_longest("0 1 2 3 4 5 6 7 8 9 ")) == redact(_longest("0 1 2 3 4 5 6 7 8 9 "))
    assert redact(_longest("0 1 2 3 4 5 6 7 8 9 ")).text == _MASKED
    usual = "Since version 8.1.2 it costs 12.99 a month, and I waited 20 minutes. " * 20 + "Call +44 20 7946 0958! "
    assert redact(_longest(usual)).counts == {"phone": _longest(usual).count("0958!")}


_HUNDRED = "".join(_NUMBERS)[:1_000]
_RECORDS: dict[str, object] = {
    "many texts of numbers": {f"phone {i}": _HUNDRED for i in range(1_000)},
    "one text": {"a": _HUNDRED * 1_000},
    "a long key before many values": {"1 2 " * 10_000: ["12345 1234"] * 1_000},
    "many small texts": [str(i) * 7 for i in range(100_000)],
    "many large integers": [10**15 + i for i in range(100_000)],
    "keys that become equal": {f"{i}@b.co": 1 for i in range(20_000)},
    "nested": {"a": [{"b": [{"c": [_HUNDRED] * 500}, _HUNDRED]}] * 2},
    "all that is hostile": [_longest(piece) for piece in _OTHERS],
}


@pytest.mark.parametrize("name", _RECORDS)
def test_a_record_is_bounded(name: str) -> None:
    """All strings and keys share one budget, the rest is masked, and the result is a fixed point."""
    record = _RECORDS[name]
    assert _calls(lambda: redact_json(record)) <= _CALLS_PER_UNIT * METADATA_UNITS + _CALLS_BESIDES
    redacted, counts = redact_json(record)
    assert counts[UNCHECKED] >= 1
    assert redact_json(redacted) == (redacted, {})


def test_what_comes_before_the_end_of_the_budget_is_kept() -> None:
    """The string in hand becomes the placeholder, and the rest of each list and object is one placeholder."""
    record = {"a": ["fine", "1 2 3 4 5 6 7 8 9 " * 50_000, "john@example.com", "x"], "b": 1, "c": "john@example.com"}
    redacted, counts = redact_json(record)
    assert redacted == {"a": ["fine", _MASKED, _MASKED], _MASKED: _MASKED}
    assert counts == {UNCHECKED: 3}


def test_a_megabyte_of_prose_is_checked() -> None:
    """The budget is far from what usual metadata takes."""
    prose = "I waited 20 minutes, then it crashed again. " * 22 + "Call +44 20 7946 0958! "
    _, counts = redact_json({f"answer {i}": prose for i in range(500)})
    assert counts == {"phone": 500}
    _, counts = redact_json({f"answer {i}": "I waited 20 minutes, then it crashed. " * 26 for i in range(1_000)})
    assert counts == {}


def test_an_identifier_that_cannot_be_checked_is_hashed() -> None:
    """Where the work does not suffice, the error is on the side of privacy."""
    assert safe_identifier("user-42", b"key", Work(100)) == "user-42"
    assert safe_identifier("user-42", b"key", Work(0)).startswith("h:")


def test_a_spent_budget_stays_spent() -> None:
    """After the first refusal nothing is granted, however cheap."""
    work = Work(10)
    work.spend(4)
    assert (work.used, work.exceeded) == (4, False)
    for units in (7, 1):
        with pytest.raises(WorkExceededError):
            work.spend(units)
    assert (work.used, work.exceeded) == (10, True)


def test_a_text_that_unfolds_for_ever_is_cut_short() -> None:
    """When the passes are spent, every word with a digit or an at sign is redacted, and nothing is left to find."""
    redacted = redact("see a@b.co, not 12 [PHONE] ok", max_passes=0)
    assert redacted.text == "see [ID] not [ID] [PHONE] ok"
    assert redact(redacted.text).text == redacted.text
