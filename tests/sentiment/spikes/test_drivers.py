"""What an incident is about."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.spikes.drivers import MAX_SAMPLES, MAX_SNIPPET_CHARS, Texts, account, log_odds, snippet, terms_of
from sentiment.terminal import printable

BEFORE = ["the app is slow today", "slow start again", "login is confusing", "video quality is poor", "ads everywhere"]
INCIDENT = [
    "payment declined twice at checkout",
    "my payment declined and charged twice",
    "charged twice, payment declined, very slow",
    "why was I charged twice?",
]


def texts(before: list[str], incident: list[str], authors: list[str | None] | None = None) -> Texts:
    """Texts of minute 1 that have settled, and of minute 10 that have not."""
    known = Texts()
    for number, text in enumerate(before):
        known.add(f"b{number}", 1, 0.9, text, None)
    known.settle(5)
    for number, text in enumerate(incident):
        known.add(f"i{number}", 10, 0.5 + 0.1 * number, text, authors[number] if authors else None)
    return known


def test_new_terms_are_told_and_usual_ones_are_not() -> None:
    """The words of the incident stand out; what was said before does not."""
    told = account(texts(BEFORE * 4, INCIDENT).between(10, 10), texts(BEFORE * 4, INCIDENT))
    assert set(told.drivers) == {"charged twice", "payment declined"}
    assert told.caution is None


def test_exemplars_are_the_surest_and_each_once() -> None:
    """The most surely negative texts, without copies."""
    known = texts([], [*INCIDENT, INCIDENT[3].upper()])
    assert account(known.between(10, 10), known).exemplars == (INCIDENT[3].upper(), INCIDENT[2], INCIDENT[1])


@pytest.mark.parametrize(
    ("incident", "authors", "caution"),
    [
        (
            ["one", "two", "three", "four", "five"],
            ["a", "a", "a", "b", None],
            "3 of 5 negative texts come from one author",
        ),
        (["same"] * 4 + ["other"], None, "4 of 5 negative texts are copies of one text"),
        (["one", "two", "three", "four", "five"], ["a", "a", "b", "b", "c"], None),
        (["same"] * 3, ["a"] * 3, None),
    ],
)
def test_one_author_or_one_text_is_warned_of(incident, authors, caution: str | None) -> None:
    """A spike made by one feed says so; with few texts there is nothing to say."""
    known = texts([], incident, authors)
    assert account(known.between(10, 10), known).caution == caution


def test_the_author_is_not_kept() -> None:
    """Not even the pseudonym of an author stays in the state."""
    assert "someone" not in repr(texts([], ["text"], ["someone"]).samples)


def test_placeholders_are_no_terms() -> None:
    """What redaction put in, handles and addresses never become drivers, nor join the words around them."""
    assert terms_of("call [PHONE] now @user http://x.y/z [EMAIL_ADDRESS] declined") == {"call", "declined"}
    assert terms_of("charged twice") == {"charged", "twice", "charged twice"}


@settings(deadline=None)
@given(st.lists(st.integers(0, 10_000), unique=True, max_size=400), st.randoms())
def test_the_sample_does_not_depend_on_the_order(keys: list[int], random) -> None:
    """Of whatever is added, the same bounded sample remains."""
    first, second = Texts(), Texts()
    for key in keys:
        first.add(str(key), 1, 0.9, f"text {key}", None)
    random.shuffle(keys)
    for key in keys:
        second.add(str(key), 1, 0.9, f"text {key}", None)
    assert first.between(0, 1) == second.between(0, 1)
    assert len(first.samples) == min(len(keys), MAX_SAMPLES)


@settings(deadline=None)
@given(st.text(max_size=600))
def test_a_snippet_is_one_bounded_printable_line(text: str) -> None:
    """Whatever the text holds."""
    line = snippet(text)
    assert len(line) <= MAX_SNIPPET_CHARS
    assert printable(line) == line
    assert snippet(line) == line


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 500), st.integers(1, 500))
def test_the_score_says_where_a_term_is_more_frequent(count: int, others: int, background: int, rest: int) -> None:
    """It is finite, positive where the term is more frequent in the episode, and negative where it is less."""
    n, n_background = count + others, background + rest
    score = log_odds(count, n, background, n_background)
    difference = count * n_background - background * n
    assert abs(score) < 1e6
    assert score == pytest.approx(0.0, abs=1e-6) if difference == 0 else (score > 0) == (difference > 0)
