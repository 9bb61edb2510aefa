"""An evaluation beside an earlier one, figure by figure.

The earlier one is a document of `sentiment evaluate --json`. It has no answers, so the two cannot be paired: the
interval of a difference is that of two independent samples (MOVER, Zou & Donner 2008). For two models on the same rows
it is too wide; `sentiment compare` pairs them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sentiment.errors import InputError
from sentiment.events import ModelRef
from sentiment.statistics import Estimate
from training.evaluation.records import Evaluation


class FigureBeside(msgspec.Struct, frozen=True, kw_only=True):
    """One figure in both evaluations. `difference` is the present value minus the earlier one.

    `kind` is "overall", "class" (F1) or a kind of slice (macro-F1).
    """

    kind: str
    name: str
    now: Estimate
    before: Estimate
    difference: Estimate


class EarlierRows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of an earlier evaluation."""

    file: str
    fingerprint: str


class EarlierEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an earlier document that is compared."""

    model: ModelRef
    backend: str
    data: EarlierRows
    evaluation: Evaluation


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """The earlier evaluation in `file`, and every figure that both have. `same_rows`: both are of the same rows."""

    file: str
    model: ModelRef
    backend: str
    data: str
    n: int
    same_rows: bool
    figures: tuple[FigureBeside, ...]


def read_earlier(path: Path) -> EarlierEvaluation:
    """Read a document of `sentiment evaluate --json`. Raises ``InputError`` if the file has none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=EarlierEvaluation)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError(
            f"{path} holds no evaluation", hint="write one with `sentiment evaluate … --json > FILE`"
        ) from None


def beside(now: Evaluation, fingerprint: str, earlier: EarlierEvaluation, file: str) -> Against:
    """Put the evaluation `now`, of the rows with this fingerprint, beside the earlier one."""
    return Against(
        file=file,
        model=earlier.model,
        backend=earlier.backend,
        data=earlier.data.file,
        n=earlier.evaluation.n,
        same_rows=fingerprint == earlier.data.fingerprint,
        figures=tuple(_figures(now, earlier.evaluation)),
    )


def difference(a: Estimate, b: Estimate) -> Estimate:
    """a − b with its interval, for independent samples. An interval that misses its value counts as ending there."""
    value = a.value - b.value
    below = math.hypot(max(a.value - a.low, 0.0), max(b.high - b.value, 0.0))
    above = math.hypot(max(a.high - a.value, 0.0), max(b.value - b.low, 0.0))
    return Estimate(value, value - below, value + above)


def _figures(now: Evaluation, before: Evaluation) -> Iterator[FigureBeside]:
    first, second = _named(now), _named(before)
    for (kind, name), estimate in first.items():
        if (kind, name) in second:
            other = second[kind, name]
            yield FigureBeside(kind=kind, name=name, now=estimate, before=other, difference=difference(estimate, other))


def _named(found: Evaluation) -> dict[tuple[str, str], Estimate]:
    reliability = found.reliability
    overall = {
        "macro-F1": found.macro_f1,
        "macro-recall": found.macro_recall,
        "accuracy": found.accuracy,
        "ECE": reliability.ece,
        "Brier": reliability.brier,
        "log loss": reliability.nll,
    }
    return {
        **{("overall", name): estimate for name, estimate in overall.items()},
        **{("class", label): quality.f1 for label, quality in found.by_class.items()},
        **{
            (kind, piece.name): piece.macro_f1
            for kind, pieces in found.slices.items()
            for piece in pieces
            if not piece.n_merged  # what is merged under one name differs from file to file
        },
    }
