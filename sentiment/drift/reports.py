"""What the monitor reports: on each window, and on the whole run."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from sentiment.drift.accuracy import AccuracyEstimate
from sentiment.drift.comparison import FeatureComparison
from sentiment.drift.quality import LabelledQuality

WindowOutcome = Literal["reference", "too_few", "steady", "drifted"]


class WindowReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report on one window. `comparisons` is empty for the reference itself, and for too few results.

    `text_features`: whether any result of the window carries its text, so that text features can be compared.
    `model_changed`: other model versions than in the reference, which alone may explain new labels and confidences.
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
        """The comparisons that found drift."""
        return [each for each in self.comparisons if each.drifted]


class MonitorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The report on the whole run. `labelled` is by model version."""

    n_results: int
    n_late: int
    n_future: int
    n_windows: int
    n_drifted: int
    labels_joined: int
    labels_waiting: int
    labels_expired: int
    labelled: dict[str, LabelledQuality]
