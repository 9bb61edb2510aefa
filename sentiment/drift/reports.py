"""What the monitor says: of one window, and of the whole run."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from sentiment.drift.accuracy import AccuracyEstimate
from sentiment.drift.comparison import FeatureComparison
from sentiment.drift.quality import LabelledQuality

WindowOutcome = Literal["reference", "too_few", "steady", "drifted"]


class WindowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of one window. `comparisons` is empty for the reference itself and where results are few.

    `text_features`: False where no result of the window carries its text, so that they cannot be compared.
    `model_changed`: other versions answer than in the reference, which alone may explain new labels and confidences.
    """

    start: datetime
    end: datetime
    partial: bool
    n: int
    outcome: WindowOutcome
    models: list[str]
    model_changed: bool
    text_features: bool
    accuracy: AccuracyEstimate
    comparisons: list[FeatureComparison]

    @property
    def drifted(self) -> list[FeatureComparison]:
        """The comparisons that raised the alarm."""
        return [each for each in self.comparisons if each.drifted]


class MonitorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run. `labelled` is by model version."""

    n_results: int
    n_late: int
    n_future: int
    n_windows: int
    n_drifted: int
    labels_joined: int
    labels_waiting: int
    labels_expired: int
    labelled: dict[str, LabelledQuality]
