"""Is the candidate good enough, no worse than what serves, and well calibrated?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sentiment.statistics import Floats, macro_f1
from training.evaluation.metrics import expected_calibration_error
from training.evaluation.paired_bootstrap import paired_bootstrap
from training.evaluation.predicting import Answers
from training.evaluation.reliability import ece_by_chance
from training.promotion.records import Check, GateLimits


def quality_checks(
    new: Answers, old: Answers | None, labels: NDArray[np.int64], limits: GateLimits, *, seed: int
) -> Iterator[Check]:
    """Macro-F1 against its minimum, and against the current version's predictions `old` on the same rows.

    The candidate is non-inferior if the whole 95 % interval of the paired difference is above −margin. With few rows
    the interval is wide, so a candidate has to be clearly no worse to pass.
    """
    chosen = new.chosen
    score = macro_f1(labels, chosen)
    yield Check(
        name="macro-F1",
        measured=f"{score:.4f}",
        limit=f"≥ {limits.min_macro_f1:g}",
        passed=score >= limits.min_macro_f1,
        figures={"macro_f1": score, "n": len(labels)},
    )
    if old is None:
        return
    paired = paired_bootstrap(labels, chosen, old.chosen, seed=seed)
    difference = paired.macro_f1
    yield Check(
        name="macro-F1 against current",
        measured=f"{difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]",
        limit=f"low end > −{limits.margin:g}",
        passed=difference.low > -limits.margin,
        figures={
            "current_macro_f1": macro_f1(labels, old.chosen),
            "difference": difference.value,
            "low": difference.low,
            "high": difference.high,
            "p_value": paired.p_value,
        },
    )


def calibration_check(new: Floats, labels: NDArray[np.int64], limits: GateLimits, *, seed: int) -> Check:
    """The expected calibration error against its limit plus the error that chance alone causes on as many rows.

    With few rows even a perfectly calibrated model has an error: about 0.04 on 600 rows, 0.01 on 10,000.
    """
    ece = expected_calibration_error(new, labels)
    chance = ece_by_chance(new.max(axis=1), seed=seed)
    bound = limits.max_ece + chance
    return Check(
        name="calibration (ECE)",
        measured=f"{ece:.4f}",
        limit=f"≤ {bound:.4f}: {limits.max_ece:g} plus chance on {len(labels):,} rows",
        passed=ece <= bound,
        figures={"ece": ece, "ece_by_chance": chance, "bound": bound},
    )
