"""The audit itself: score all texts once, then measure gaps and failures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentiment.privacy import redact
from sentiment.statistics import Floats
from training.audit import cases, pairs
from training.audit.behaviour import judge
from training.audit.gaps import AttributeGaps, measure_gaps
from training.audit.pairs import PairSet
from training.audit.report import AuditReport
from training.evaluation.predicting import Predict

_Answers = dict[str, Floats]


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
    """The probabilities of every distinct text. Texts are redacted first, as in serving."""
    different = list(dict.fromkeys(texts))
    probabilities = predict([redact(text).text for text in different])
    if probabilities.shape != (len(different), 3):
        raise ValueError(f"{len(different)} texts got answers of shape {probabilities.shape}")
    return dict(zip(different, probabilities, strict=True))


def _gaps_of(pair_set: PairSet, answers: _Answers, seed: int) -> AttributeGaps:
    rows = np.array([answers[variant.text] for variant in pair_set.variants])
    return measure_gaps(pair_set, rows[:, 2] - rows[:, 0], rows.argmax(axis=1), seed=seed)
