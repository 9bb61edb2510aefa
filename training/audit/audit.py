"""The audit itself: score all texts once, then measure gaps and failures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentiment.privacy import redact
from training.audit import cases, pairs
from training.audit.behaviour import Answer, judge
from training.audit.gaps import AttributeGaps, measure_gaps
from training.audit.pairs import PairSet
from training.audit.report import AuditReport
from training.evaluation.predicting import Predict

_Answers = dict[str, Answer]


def audit(predict: Predict, *, seed: int, corpora: Sequence[PairSet] = ()) -> AuditReport:
    """Audit a model on the pairs and cases of this package and on `corpora`.

    `predict` is called once, with each text once. `seed` decides which cases are drawn and how intervals are resampled.
    """
    pair_sets = [*pairs.built_in(), *corpora]
    suite = cases.built_in(seed=seed)
    texts = [variant.text for pair_set in pair_sets for variant in pair_set.variants]
    texts += [text for case in suite for text in case.texts]
    answers = _answer(predict, texts)
    return AuditReport(
        seed=seed,
        n_texts=len(answers),
        counterfactual=[_gaps_of(pair_set, answers, seed) for pair_set in pair_sets],
        behaviour=judge(suite, answers),
    )


def _answer(predict: Predict, texts: Sequence[str]) -> _Answers:
    """Score and label of every distinct text. Texts are redacted first, as in serving."""
    different = list(dict.fromkeys(texts))
    found = predict([redact(text).text for text in different])
    if found.probabilities.shape != (len(different), 3):
        raise ValueError(f"{len(different)} texts got answers of shape {found.probabilities.shape}")
    scores = (found.probabilities[:, 2] - found.probabilities[:, 0]).tolist()
    return dict(zip(different, map(Answer, scores, found.chosen.tolist()), strict=True))


def _gaps_of(pair_set: PairSet, answers: _Answers, seed: int) -> AttributeGaps:
    found = [answers[variant.text] for variant in pair_set.variants]
    scores, labels = np.array([each.score for each in found]), np.array([each.label for each in found])
    return measure_gaps(pair_set, scores, labels, seed=seed)
