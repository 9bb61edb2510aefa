"""Evaluation: scikit-learn's figures, slices that cover every row, reproducible intervals."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score

from sentiment.decision import Decision
from sentiment.events import LABELS
from tests.training.evaluation.made import answers, examples
from training.data.examples import Example
from training.evaluation.evaluate import evaluate
from training.evaluation.judgement import sample_rows
from training.evaluation.metrics import expected_calibration_error, quality
from training.evaluation.mistakes import surest_mistakes
from training.evaluation.predicting import Answers
from training.evaluation.records import Evaluation
from training.evaluation.reliability import ece_by_chance, measure_reliability, reliability_bins

ROWS = examples(600, seed=1)
ANSWERS = answers(ROWS, seed=2)
SERVED = Answers.most_likely(ANSWERS)
LABELLED = np.array([row.label for row in ROWS])


def made(rows: list[Example]) -> Answers:
    return Answers.most_likely(answers(rows, seed=1))


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(SERVED, ROWS, seed=3, n_resamples=300)


def test_values_are_scikit_learns(evaluation: Evaluation) -> None:
    """Overall and by class, every value is scikit-learn's and lies in its interval."""
    chosen = ANSWERS.argmax(axis=1)
    assert evaluation.macro_f1.value == pytest.approx(f1_score(LABELLED, chosen, average="macro"))
    assert evaluation.macro_recall.value == pytest.approx(recall_score(LABELLED, chosen, average="macro"))
    assert evaluation.accuracy.value == pytest.approx(accuracy_score(LABELLED, chosen))
    assert evaluation.reliability.nll.value == pytest.approx(log_loss(LABELLED, ANSWERS))
    precision = precision_score(LABELLED, chosen, average=None)
    for index, label in enumerate(LABELS):
        of_class = evaluation.by_class[label]
        assert of_class.precision.value == pytest.approx(precision[index])
        assert (of_class.n, of_class.n_chosen) == (np.bincount(LABELLED)[index], np.bincount(chosen)[index])
        for measure in (of_class.precision, of_class.recall, of_class.f1):
            assert measure.low <= measure.value <= measure.high


def test_values_are_those_that_a_manifest_records(evaluation: Evaluation) -> None:
    """An evaluation and the figures that training writes into a manifest are the same computation."""
    recorded = quality(SERVED, LABELLED)
    assert recorded["n"] == evaluation.n
    for name in ("macro_f1", "macro_recall", "accuracy"):
        assert recorded[name] == getattr(evaluation, name).value
    for name in ("ece", "brier", "nll"):
        assert recorded[name] == pytest.approx(getattr(evaluation.reliability, name).value, abs=1e-12)
    assert recorded["f1"] == {label: of_class.f1.value for label, of_class in evaluation.by_class.items()}


def test_a_decision_changes_labels_and_is_compared_with_the_most_likely_ones(evaluation: Evaluation) -> None:
    """Figures of labels are those of the decided labels, calibration is not touched, and both rules are reported."""
    assert evaluation.most_likely is None
    decided = Decision(offsets=(0.7, -0.2, 0.0)).choose(ANSWERS)
    judged = evaluate(Answers(ANSWERS, decided), ROWS, seed=3, n_resamples=300)
    assert judged.macro_recall.value == pytest.approx(recall_score(LABELLED, decided, average="macro"))
    assert judged.slices["source"][0].macro_f1 != evaluation.slices["source"][0].macro_f1
    assert judged.reliability == evaluation.reliability
    assert judged.most_likely is not None
    assert judged.most_likely.n_differing == (decided != ANSWERS.argmax(axis=1)).sum() > 0
    assert judged.most_likely.macro_recall == evaluation.macro_recall
    assert judged.most_likely.macro_f1 == evaluation.macro_f1


def test_every_row_is_in_one_slice_of_each_kind(evaluation: Evaluation) -> None:
    """Slices of a kind add up to all rows, by label too; a kind without values has none."""
    totals = dict(zip(LABELS, np.bincount(LABELLED).tolist(), strict=True))
    for kind in ("source", "language", "length"):
        pieces = evaluation.slices[kind]
        assert sum(piece.n for piece in pieces) == 600
        assert {label: sum(piece.labels[label] for piece in pieces) for label in LABELS} == totals
    assert evaluation.slices["product"] == ()
    assert [piece.name for piece in evaluation.slices["source"]] == ["mail", "chat"]
    assert {piece.name for piece in evaluation.slices["language"]} == {"en", "de"}
    assert [piece.name for piece in evaluation.slices["length"]] == ["0-20", "21-50", "51-100", "101-280"]


def test_a_slice_is_judged_by_its_rows_alone(evaluation: Evaluation) -> None:
    """The value of a slice is the metric of exactly its rows."""
    chat = np.array([row.source == "chat" for row in ROWS])
    piece = next(piece for piece in evaluation.slices["source"] if piece.name == "chat")
    chosen = ANSWERS.argmax(axis=1)
    assert piece.macro_f1.value == pytest.approx(f1_score(LABELLED[chat], chosen[chat], average="macro"))
    assert piece.ece == pytest.approx(expected_calibration_error(ANSWERS[chat], LABELLED[chat]))


def test_small_slices_are_merged_and_marked() -> None:
    """Data sets below the minimum become one slice that says how many they are; if it is still small, it is marked."""
    rows = examples(200, seed=1, sources=("large",) * 8 + ("a", "b"))
    pieces = evaluate(made(rows), rows, seed=1, n_resamples=100, min_slice=30).slices["source"]
    assert [(piece.name, piece.n, piece.n_merged, piece.small) for piece in pieces] == [
        ("large", 160, 0, False),
        ("others", 40, 2, False),
    ]
    pieces = evaluate(made(rows), rows, seed=1, n_resamples=100, min_slice=50).slices["source"]
    assert (pieces[-1].name, pieces[-1].small) == ("others", True)


def test_a_product_is_a_slice_where_rows_tell() -> None:
    """With products in the data there is a slice for each."""
    rows = examples(60, seed=1, product="app") + examples(60, seed=2, product="shop")
    judged = evaluate(made(rows), rows, seed=1, n_resamples=100, slices=("product",))
    assert [piece.name for piece in judged.slices["product"]] == ["app", "shop"]


def test_the_same_seed_gives_the_same_document() -> None:
    """The JSON repeats bit for bit with its seed, and another seed changes only the intervals."""
    first, again, other = (
        evaluate(Answers.most_likely(ANSWERS[:90]), ROWS[:90], seed=seed, n_resamples=100) for seed in (5, 5, 6)
    )  # fmt: skip
    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    assert other.macro_f1.value == first.macro_f1.value
    assert other.macro_f1 != first.macro_f1


def test_the_document_can_be_read_back(evaluation: Evaluation) -> None:
    """The JSON decodes to the same evaluation."""
    assert msgspec.json.decode(msgspec.json.encode(evaluation), type=Evaluation) == evaluation


def test_bins_are_what_the_calibration_error_is_made_of() -> None:
    """The mean gap of the bins is the expected calibration error, and they hold every row."""
    bins = reliability_bins(ANSWERS, LABELLED)
    gap = sum(part.n * abs(part.accuracy - part.confidence) for part in bins) / sum(part.n for part in bins)
    assert sum(part.n for part in bins) == 600
    assert gap == pytest.approx(expected_calibration_error(ANSWERS, LABELLED))
    assert all(part.low < part.confidence <= part.high for part in bins)


def test_chance_alone_shows_less_error_with_more_rows() -> None:
    """For perfectly calibrated predictions the error by chance is the measured error, and shrinks like 1/√n."""
    draw = np.random.default_rng(4)
    confidence = draw.uniform(0.4, 1.0, size=4_000)
    probabilities = np.column_stack([confidence, (1 - confidence) * 0.6, (1 - confidence) * 0.4])
    labels = np.where(draw.random(4_000) < confidence, 0, 1)
    assert measure_reliability(probabilities, labels, seed=1, n_resamples=100).ece.value < 2 * ece_by_chance(
        confidence, seed=1
    )
    ratio = ece_by_chance(confidence[:250], seed=1) / ece_by_chance(confidence, seed=1)
    assert 3.0 < ratio < 5.0


def test_the_surest_mistakes_come_first() -> None:
    """Only wrong predictions, most confident first, with the row in the file."""
    mistakes = surest_mistakes(SERVED, ROWS, 10)
    assert len(mistakes) == 10
    assert [m.confidence for m in mistakes] == sorted((m.confidence for m in mistakes), reverse=True)
    for mistake in mistakes:
        row = mistake.row - 1
        assert mistake.label == LABELS[ROWS[row].label] != mistake.chosen
        assert mistake.chosen == LABELS[ANSWERS[row].argmax()]
        assert mistake.probability_of_label == ANSWERS[row, ROWS[row].label]
    wrong = (ANSWERS.argmax(axis=1) != LABELLED).sum()
    assert len(surest_mistakes(SERVED, ROWS, 1_000)) == wrong


def test_a_sample_is_seeded_ordered_and_without_repetition() -> None:
    """The same rows for the same seed; all of them if there are no more."""
    drawn = sample_rows(100, 20, 7)
    assert list(drawn) == sorted(set(drawn)) == list(sample_rows(100, 20, 7))
    assert len(drawn) == 20
    assert drawn != sample_rows(100, 20, 8)
    assert list(sample_rows(10, 20, 7)) == list(range(10))
