"""Text from outside cannot steer a terminal."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from sentiment.terminal import escape_controls, printable

BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
C1 = "".join(map(chr, range(0x80, 0xA0)))
HOSTILE = f"\x1b]0;title\x07\x1b[2J\x9b31m\r\n\x0b\x7f\u2028\u2029\ud800{BIDIRECTIONAL}{C1}"


def steers(character: str) -> bool:
    """Whether a terminal could obey this character instead of showing it."""
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in BIDIRECTIONAL


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(HOSTILE))))
@example(HOSTILE)
def test_nothing_in_a_printable_text_steers_the_terminal(text: str) -> None:
    """No control, separator, surrogate or bidirectional character is left, whatever comes in."""
    assert not any(map(steers, printable(text)))


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(HOSTILE))))
def test_positions_stay_and_a_second_pass_changes_nothing(text: str) -> None:
    """One character stands for one character, so offsets into the text keep their meaning."""
    assert len(printable(text)) == len(text)
    assert printable(printable(text)) == printable(text)


@given(st.text(alphabet=st.characters(exclude_categories=("C", "Z"))))
def test_letters_and_signs_stay_as_they_are(text: str) -> None:
    """Only characters that cannot be printed are replaced."""
    assert printable(text) == text


def test_white_space_becomes_spaces_and_emoji_stay_whole() -> None:
    """A line end is a gap, an escape is a mark, and a family is one sign."""
    assert printable("two\nlines\tand\u00a0more") == "two lines and more"
    assert printable("\x1b[31mred") == "\ufffd[31mred"
    assert printable("👩\u200d👧 ok") == "👩\u200d👧 ok"


@given(st.text(alphabet=st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from(BIDIRECTIONAL + C1))))
@example(HOSTILE.replace("\ud800", ""))
def test_escaped_json_is_equal_and_steers_nothing(text: str) -> None:
    """A reader finds the same value; the document itself holds no control character."""
    document = escape_controls(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(document) == {"text": text}
    assert not any(map(steers, document))
