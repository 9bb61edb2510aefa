"""What filled-in sheets give: labels, agreement, the model's quality, and suspected labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from sentiment.drift.quality import LabelledQuality, PairCounts
from sentiment.events import LABELS, LateLabel
from training.review.adjudication import Adjudication, Agreement, adjudicate, measure_agreement
from training.review.dataset import LabelledRow
from training.review.label_errors import suspects
from training.review.sheets import FilledSheet, Item

_LEAST_FOR_SUSPECTS = 50
"""Confident learning needs labels of every class, to know how sure the model usually is of them."""


class ReviewReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a review. Items are named by id, never by text.

    `quality` is the model's quality on the settled items that were drawn with a known probability, weighted by its
    inverse: an estimate for all distinct texts of the export except those that cannot be labelled. It is None while
    items are unsettled: those are the hard ones, and without them the model would look better than it is. `suspected`
    are settled labels that the model strongly disagrees with.
    """

    n_items: int
    settled: dict[str, int]
    labels: dict[str, int]
    skipped: int
    unjudged: int
    unsettled: list[str]
    disagreements: list[str]
    agreement: Agreement
    quality: LabelledQuality | None
    suspected: list[str]


@dataclass(frozen=True, slots=True)
class Review:
    """The items of an export, with the labels that people gave them."""

    items: Mapping[str, Item]
    adjudication: Adjudication
    agreement: Agreement

    @classmethod
    def of(cls, items: Mapping[str, Item], sheets: Sequence[FilledSheet]) -> Review:
        """Adjudicate the sheets. Raises InputError like `adjudicate`."""
        return cls(items, adjudicate(sheets), measure_agreement(sheets))

    def rows(self, source: str) -> list[LabelledRow]:
        """The settled items as rows of a data set."""
        return [
            LabelledRow(
                text=self.items[item].text,
                label=outcome.label,
                source=source,
                kind="human",
                id=item,
                product=self.items[item].product,
            )
            for item, outcome in self.adjudication.settled.items()
        ]

    def late_labels(self, now: datetime) -> list[LateLabel]:
        """Labels for the monitor: those of the settled items that belong to an event."""
        return [
            LateLabel(
                label=outcome.label,
                labelled_at=now,
                event_id=item.event_id,
                position=item.position,
                inclusion_probability=item.inclusion_probability,
            )
            for key, outcome in self.adjudication.settled.items()
            for item in [self.items[key]]
            if item.event_id is not None or item.position is not None
        ]

    def unsettled(self) -> tuple[list[Item], list[str]]:
        """The items that are not settled, and their votes as notes, for a sheet that settles them."""
        votes = self.adjudication.unsettled
        notes = [", ".join(f"{label} {count}" for label, count in sorted(votes[key].items())) for key in votes]
        return [self.items[key] for key in votes], notes

    def report(self, *, seed: int) -> ReviewReport:
        """Counts, agreement, quality and suspected labels."""
        settled = self.adjudication.settled
        judged = len(settled) + len(self.adjudication.unsettled) + len(self.adjudication.skipped)
        return ReviewReport(
            n_items=len(self.items),
            settled=dict(sorted(Counter(outcome.how for outcome in settled.values()).items())),
            labels=dict(sorted(Counter(outcome.label for outcome in settled.values()).items())),
            skipped=len(self.adjudication.skipped),
            unjudged=len(self.items) - judged,
            unsettled=list(self.adjudication.unsettled),
            disagreements=self.adjudication.disagreements,
            agreement=self.agreement,
            quality=self._quality(seed),
            suspected=self._suspected(),
        )

    def _quality(self, seed: int) -> LabelledQuality | None:
        if self.adjudication.unsettled:
            return None
        pairs = PairCounts()
        for key, outcome in self.adjudication.settled.items():
            item = self.items[key]
            if item.inclusion_probability is not None:
                predicted = max(range(len(LABELS)), key=item.probabilities.__getitem__)
                pairs.add(LABELS.index(outcome.label), predicted, 1.0 / item.inclusion_probability)
        return pairs.quality(seed=seed)

    def _suspected(self) -> list[str]:
        keys = list(self.adjudication.settled)
        if len(keys) < _LEAST_FOR_SUSPECTS:
            return []
        labels = [LABELS.index(self.adjudication.settled[key].label) for key in keys]
        return [keys[place] for place in suspects(labels, [self.items[key].probabilities for key in keys])]
