"""What can be compared, and how it is named on the command line."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.errors import ConfigurationError
from sentiment.events import LABELS
from training.comparison.contenders import LEXICON, ContenderSpec, classes_of_scores, open_contender, parse_spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("small=models/small", ContenderSpec("small", "models/small")),
        ("models/small", ContenderSpec("small", "models/small")),
        ("owner/name", ContenderSpec("name", "owner/name")),
        ("shipped", ContenderSpec("shipped", None)),
        ("fp32=shipped@torch", ContenderSpec("fp32", None, "torch")),
        ("a=models/b=c@home", ContenderSpec("a", "models/b=c@home")),
    ],
)
def test_a_contender_is_name_place_and_backend(text: str, expected: ContenderSpec) -> None:
    """The name defaults to the last part of the path; only a known backend is split off."""
    assert parse_spec(text) == expected


@pytest.mark.parametrize("text", ["=models/small", "name=", "", "name=@torch"])
def test_a_contender_without_name_or_place_is_refused(text: str) -> None:
    """A name or a place alone is a wrong call."""
    with pytest.raises(ConfigurationError):
        parse_spec(text)


def test_compound_scores_are_read_by_the_authors_limits() -> None:
    """From 0.05 on positive, from −0.05 down negative, neutral between."""
    scores = np.array([-1.0, -0.05, -0.049, 0.0, 0.049, 0.05, 1.0])
    assert [LABELS[row] for row in classes_of_scores(scores)] == [
        "negative", "negative", "neutral", "neutral", "neutral", "positive", "positive",
    ]  # fmt: skip


def test_the_word_list_answers_without_probabilities() -> None:
    """Its rows are one-hot, in order, and it says that they are not probabilities."""
    lexicon = open_contender(ContenderSpec(LEXICON, None, is_lexicon=True), threads=1, label_map=None)
    answers = lexicon.answer(["I love it, great!", "The meeting is on Monday.", "Terrible, I hate it."])
    assert answers.answers.probabilities.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert answers.n_tokens is None
    assert not lexicon.facts.has_probabilities


def test_a_served_model_is_what_the_worker_would_use() -> None:
    """The shipped model answers in order with probabilities, counts its tokens, and knows its size."""
    model = open_contender(ContenderSpec("shipped", None), threads=1, label_map=None)
    answers = model.answer(["I love it, great!", "Terrible, I hate it."])
    assert answers.answers.probabilities.argmax(axis=1).tolist() == [2, 0]
    assert answers.n_tokens is not None
    assert answers.n_tokens > 4
    assert (model.facts.n_parameters or 0) > 1_000_000
