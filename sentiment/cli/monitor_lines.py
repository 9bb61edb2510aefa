"""The monitor's findings as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from sentiment.drift.accuracy import AccuracyEstimate
from sentiment.drift.comparison import FeatureComparison
from sentiment.drift.profile import EVERYTHING
from sentiment.drift.reports import MonitorSummary, WindowReport
from sentiment.statistics import Estimate
from sentiment.terminal import printable

_WORDS = {
    "reference": "reference",
    "too_few": "too few to judge",
    "steady": "steady",
    "drifted": "DRIFTED",
}


def window_lines(report: WindowReport) -> Iterator[str]:
    """Yield one line for a window, and one for each feature that drifted."""
    span = f"{report.start:%Y-%m-%d %H:%M} … {report.end:%Y-%m-%d %H:%M}"
    note = " (cut short)" if report.partial else ""
    yield f"{span}  {report.n:>6,} results  {_WORDS[report.outcome]}{note}  {_estimates(report.accuracy)}"
    if report.outcome in ("drifted", "steady") and not report.text_features:
        yield "    the results carry no text: length and tokens are not watched"
    if report.model_changed:
        yield f"    another model than in the reference: {', '.join(map(printable, report.models))}"
    for comparison in sorted(report.drifted, key=lambda each: -each.psi):
        yield _comparison(comparison)


def summary_lines(summary: MonitorSummary) -> Iterator[str]:
    """Summarise the whole run."""
    drifted = f"{summary.n_drifted} of {summary.n_windows} windows drifted"
    left_out = f"{summary.n_late} late, {summary.n_future} from the future"
    yield f"{summary.n_results:,} results ({left_out}); {drifted}"
    waiting = f"{summary.labels_waiting} wait for their result, {summary.labels_expired} expired"
    yield f"{summary.labels_joined} labels joined, {waiting}"
    for version, quality in summary.labelled.items():
        yield (
            f"  model {printable(version)}: accuracy {_interval(quality.accuracy)}, "
            f"macro-F1 {_interval(quality.macro_f1)} on {quality.n} labels"
        )


def _comparison(found: FeatureComparison) -> str:
    segment = "all" if found.segment == EVERYTHING else printable(found.segment)[:24]
    shift = found.largest
    return (
        f"    {found.feature:<15} {segment:<12} PSI {found.psi:.2f}  JS {found.js_distance:.2f}  "
        f"p {found.adjusted_p:.4f}  {printable(shift.bin)}: {shift.reference:.0%} → {shift.window:.0%}"
    )


def _estimates(accuracy: AccuracyEstimate) -> str:
    words = f"accuracy by confidence {_interval(accuracy.mean_confidence)}"
    if accuracy.difference_of_confidences is not None and accuracy.average_thresholded_confidence is not None:
        doc, atc = accuracy.difference_of_confidences, accuracy.average_thresholded_confidence
        words += f", DoC {doc:.2f}, ATC {atc:.2f}"
    return words


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"
