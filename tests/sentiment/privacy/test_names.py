"""Names and addresses: what is read, what counts, and how much it may cost. The model is a fake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentiment.privacy import NAME_KINDS, UNCHECKED, placeholder, redact, redact_all, redact_json
from sentiment.privacy.names import PIECE_CHARACTERS
from sentiment.text import normalise
from tests.fakes import KnownNames, names_searched


@pytest.fixture
def known() -> Iterator[KnownNames]:
    with names_searched() as recogniser:
        yield recogniser


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am Jane Roe, not Kofi.", "I am [PERSON], not [PERSON]."),
        ("Jane Roe's order, mail jane@example.com", "[PERSON]'s order, mail [EMAIL]"),
        ("Ｊａｎｅ Ｒｏｅ wrote, and Ja\u00adne Roe too", "[PERSON] wrote, and [PERSON] too"),
        ("<p>Jane Roe</p>", "<p>[PERSON]</p>"),
        ("see https://example.com/Kofi", "see https://example.com/Kofi"),
        ("Kofi lives at 12 Baker Street, London NW1 6XE, and is angry", "[PERSON] lives at [ADDRESS], and is angry"),
        ("4111 1111 1111 1111Kofi", "[CARD][PERSON]"),
    ],
)
def test_names_become_placeholders(text: str, expected: str) -> None:
    """However they are disguised; what has a shape is found before, and again where a name stood in its way."""
    assert redact(text).text == expected


@pytest.mark.usefixtures("known")
def test_names_are_counted_with_the_rest() -> None:
    """By kind, beside what has a shape."""
    counts = redact("Kofi and Jane Roe, jo@example.com, 5 Elm Road").counts
    assert counts == {"person": 2, "email": 1, "address": 1}


def test_names_are_not_searched_by_default() -> None:
    """Without a choice nothing changes."""
    text = "Jane Roe lives at 12 Baker Street"
    assert redact(text).text == text


@pytest.mark.usefixtures("known")
@given(st.lists(st.sampled_from(["Kofi", "Jane Roe", "x@example.com", "hello", "\n", "<b>", "[EMAIL]", "&amp;", "é"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_at_once_are_like_one_at_a_time(words: list[str]) -> None:
    """Texts of a batch do not mix, and no name survives."""
    texts = [" ".join(words), " ".join(reversed(words)), ""]
    redacted = redact_all(texts)
    assert redacted == [redact(text) for text in texts]
    assert not any(name in each.text for each in redacted for name in ("Kofi", "Jane Roe"))
    assert [redact(each.text).text for each in redacted] == [each.text for each in redacted]


def test_a_long_text_is_read_in_pieces(known: KnownNames) -> None:
    """Cut between words, so that a name of one word is found wherever it stands."""
    text = "so bad Kofi " * 2_000
    assert redact(text).counts == {"person": 2_000}
    assert max(map(len, known.seen)) <= PIECE_CHARACTERS
    assert "".join(known.seen) == text


def test_half_a_surrogate_pair_is_in_nobodys_way(known: KnownNames) -> None:
    """JSON can contain one. No language model takes it, and it stays where it is."""
    assert redact("\ud800 Kofi \udfff").text == "\ud800 [PERSON] \udfff"
    assert [piece.encode() for piece in known.seen]


def test_what_takes_too_much_is_masked_as_a_whole(known: KnownNames) -> None:
    """The model reads none of it."""
    redacted = redact("Kofi (((" * 4_000)
    assert (redacted.text, redacted.counts) == (placeholder(UNCHECKED), {UNCHECKED: 1})
    assert known.seen == []


def test_in_metadata_strings_of_several_words_are_read(known: KnownNames) -> None:
    """At any depth. A single word is left alone, and so are keys."""
    value = {"agent": "Jane Roe, Leeds", "tags": ["Kofi", {"Jane Roe": "sent by Kofi", "n": 7}]}
    redacted, counts = redact_json(value)
    assert redacted == {"agent": "[PERSON], Leeds", "tags": ["Kofi", {"Jane Roe": "sent by [PERSON]", "n": 7}]}
    assert counts == {"person": 2}
    assert known.seen == ["Jane Roe, Leeds", "sent by Kofi"]


@pytest.mark.usefixtures("known")
def test_metadata_has_one_share_of_the_work() -> None:
    """Strings beyond it are masked, and counted."""
    redacted, counts = redact_json([f"{n} Kofi (((" + "(" * 6_000 for n in range(3)])
    assert isinstance(redacted, list)
    assert [text == placeholder(UNCHECKED) for text in redacted] == [False, True, True]
    assert counts == {"person": 1, UNCHECKED: 2}


@pytest.mark.parametrize("kind", NAME_KINDS)
def test_the_model_reads_a_plain_word(kind: str) -> None:
    """As for every other kind."""
    assert normalise(f"thanks to {placeholder(kind)}") == f"thanks to {kind}"
