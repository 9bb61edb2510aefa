"""The one path from a text to its answer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sentiment import scoring
from sentiment.errors import FatalError
from sentiment.model.classifier import BatchInfo, Prediction
from sentiment.scoring import score_texts
from tests.fakes import LexiconClassifier

TEXTS = [
    "great, write to jane.roe@example.com",
    "Die App stürzt seit dem letzten Update ständig ab, awful",
    "so so",
]


def test_each_text_gets_the_answer_to_itself_in_order() -> None:
    """Label, language, redacted text and counts belong to the text in the same place; the costs are not negative."""
    answers, costs = score_texts(LexiconClassifier(), TEXTS)
    assert [answer.label for answer in answers] == ["positive", "negative", "neutral"]
    assert [answer.unsupported_language for answer in answers] == [False, True, False]
    assert [answer.text for answer in answers] == ["great, write to [EMAIL]", *TEXTS[1:]]
    assert [answer.redactions for answer in answers] == [{"email": 1}, {}, {}]
    assert min(costs.redact_s, costs.language_s) >= 0.0


def test_the_model_reads_redacted_and_normalised_text() -> None:
    """What it gets holds neither personal data nor the placeholders that it does not know."""
    classifier = LexiconClassifier()
    score_texts(classifier, TEXTS[:1])
    assert classifier.seen == ["great, write to email"]


def test_without_languages_nothing_is_detected_and_labels_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector is not even called."""
    with_languages, _ = score_texts(LexiconClassifier(), TEXTS)

    def refuse(_: str) -> None:
        raise AssertionError("the language was detected")

    monkeypatch.setattr(scoring, "detect_language", refuse)
    without, _ = score_texts(LexiconClassifier(), TEXTS, languages=False)
    assert [answer.score for answer in without] == [answer.score for answer in with_languages]
    assert {answer.language for answer in without} == {None}


def test_a_wrong_number_of_answers_is_fatal() -> None:
    """Answers are never matched to texts by guessing."""

    class Forgetful(LexiconClassifier):
        def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
            """All answers but one."""
            predictions, info = super().predict(texts)
            return predictions[:-1], info

    with pytest.raises(FatalError, match="2 answers to 3 texts"):
        score_texts(Forgetful(), TEXTS)
