"""One label from several annotators: a final label if there is one, otherwise that of the majority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import msgspec

from sentiment.errors import InputError
from sentiment.events import LABELS, Label
from training.review.agreement import cohen_kappa, fleiss_kappa
from training.review.sheets import SKIP, FilledSheet

How = Literal["unanimous", "majority", "final", "single"]


@dataclass(frozen=True, slots=True)
class SettledLabel:
    """The label that holds for an item, and why."""

    label: Label
    how: How


@dataclass(frozen=True, slots=True)
class Adjudication:
    """Settled labels by item. `unsettled` items have votes but neither a majority nor a final label.

    `disagreements` are all items with different labels, settled or not. `skipped` items were labelled by nobody, or are
    finally skipped.
    """

    settled: dict[str, SettledLabel]
    unsettled: dict[str, dict[str, int]]
    disagreements: list[str]
    skipped: list[str]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Kappa of each pair of annotators on the items that both labelled, and of all on the items that all labelled.

    None: it cannot be computed, because there are no common items or only one label was ever given.
    """

    pairs: list[PairAgreement]
    fleiss_kappa: float | None
    fleiss_n: int


class PairAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """The agreement of two annotators on `n` common items."""

    first: str
    second: str
    n: int
    cohen_kappa: float | None


def adjudicate(sheets: Sequence[FilledSheet]) -> Adjudication:
    """Settle every item that anybody labelled, by its final label, or by more than half of the votes.

    Raises:
        InputError: two sheets have different final labels for an item, or one annotator has two sheets.
    """
    names = Counter(sheet.annotator for sheet in sheets)
    if doubled := [name for name, count in names.items() if count > 1]:
        raise InputError(f"{doubled[0]!r} has several sheets", hint="name each file after its annotator")
    finals: dict[str, str] = {}
    for sheet in sheets:
        for item, label in sheet.finals.items():
            if finals.setdefault(item, label) != label:
                raise InputError(f"the sheets have different final labels for item {item}", hint="keep one of them")
    settled: dict[str, SettledLabel] = {}
    unsettled: dict[str, dict[str, int]] = {}
    disagreements: list[str] = []
    skipped: list[str] = []
    for item in sorted({item for sheet in sheets for item in (*sheet.labels, *sheet.finals)}):
        votes = Counter(sheet.labels[item] for sheet in sheets if sheet.labels.get(item, SKIP) != SKIP)
        if len(votes) > 1:
            disagreements.append(item)
        final = finals.get(item)
        outcome = _settle(votes, final)
        if outcome is not None:
            settled[item] = outcome
        elif votes and final is None:
            unsettled[item] = dict(votes)
        else:
            skipped.append(item)
    return Adjudication(settled, unsettled, disagreements, skipped)


def measure_agreement(sheets: Sequence[FilledSheet]) -> Agreement:
    """How far the annotators agree on the items that they labelled and did not skip."""
    judged = [
        (sheet.annotator, {item: label for item, label in sheet.labels.items() if label != SKIP}) for sheet in sheets
    ]
    judged = [(name, labels) for name, labels in judged if labels]
    pairs = []
    for (first, one), (second, other) in combinations(judged, 2):
        common = sorted(one.keys() & other.keys())
        kappa = cohen_kappa([one[item] for item in common], [other[item] for item in common]) if common else None
        pairs.append(PairAgreement(first=first, second=second, n=len(common), cohen_kappa=kappa))
    by_all = sorted(set.intersection(*(set(labels) for _, labels in judged))) if len(judged) > 1 else []
    votes = [[sum(labels[item] == label for _, labels in judged) for label in LABELS] for item in by_all]
    return Agreement(pairs=pairs, fleiss_kappa=fleiss_kappa(votes) if votes else None, fleiss_n=len(by_all))


def _settle(votes: Counter[str], final: str | None) -> SettledLabel | None:
    for label in LABELS:
        if final == label:
            return SettledLabel(label, "final")
        if final is None and votes[label] * 2 > votes.total():
            how: How = "single" if votes.total() == 1 else "unanimous" if len(votes) == 1 else "majority"
            return SettledLabel(label, how)
    return None
