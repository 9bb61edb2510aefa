"""Pseudonyms still join, and reveal nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.privacy import pseudonym, redact, safe_identifier

_KEY = b"a key of the test"


def test_golden_value() -> None:
    """The form and the hash are a contract: stored identifiers must still join after an upgrade."""
    assert pseudonym("john@example.com", _KEY) == "h:bdd2a55d813dd25caefd790a"


@given(st.text(max_size=50), st.text(max_size=50))
def test_stable_and_distinct(one: str, other: str) -> None:
    """Equal values give equal pseudonyms, different ones different; the form is fixed."""
    assert re.fullmatch(r"h:[0-9a-f]{24}", pseudonym(one, _KEY))
    assert (pseudonym(one, _KEY) == pseudonym(other, _KEY)) == (one == other)


def test_another_key_gives_another_pseudonym() -> None:
    """Without the key nobody can check a guess."""
    assert pseudonym("john@example.com", _KEY) != pseudonym("john@example.com", b"another key")


def test_an_empty_key_is_refused() -> None:
    """With an empty key anybody could compute the hash."""
    with pytest.raises(ValueError, match="key is empty"):
        pseudonym("x", b"")


@pytest.mark.parametrize("value", ["", "user-42", "6d32784b-4b9c-4e04-9516-d599093d5f1c", "feedback/3/18446744073"])
def test_plain_identifiers_pass(value: str) -> None:
    """An identifier without personal data stays unchanged."""
    assert safe_identifier(value, _KEY) == value


@pytest.mark.parametrize(
    "value", ["john@example.com", "tel:+14155552671", "4111111111111111", "review from 192.168.1.17"]
)
def test_telling_identifiers_do_not(value: str) -> None:
    """An identifier with personal data becomes a pseudonym, in which redaction finds nothing."""
    safe = safe_identifier(value, _KEY)
    assert safe == pseudonym(value, _KEY)
    assert safe_identifier(safe, _KEY) == safe
    assert redact(safe).text == safe


@given(st.text(max_size=60))
def test_pseudonyms_are_never_taken_for_personal_data(value: str) -> None:
    """Redaction never changes a pseudonym, whatever its digits."""
    assert redact(pseudonym(value, _KEY)).counts == {}
