"""What the monitor finds, as metrics. Label values are bounded, so products appear in the reports but not here."""

from __future__ import annotations

from consumers.runtime.metrics import Metrics
from sentiment.drift.features import FEATURES
from sentiment.drift.monitor import Monitor
from sentiment.drift.profile import EVERYTHING
from sentiment.drift.reports import WindowReport


class MonitorMetrics:
    """Writes the monitor's rows of the table."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def result(self, fate: str) -> None:
        """A result was counted, came late, or lies in the future."""
        self._metrics.counter("sentiment_monitor_records_total", kind="result", fate=fate).inc()

    def unreadable(self, kind: str) -> None:
        """A record could not be decoded."""
        self._metrics.counter("sentiment_monitor_records_total", kind=kind, fate="unreadable").inc()

    def tombstone(self, topic: str) -> None:
        """A record without a value was passed over."""
        self._metrics.counter("sentiment_tombstones_total", topic=topic).inc()

    def window(self, report: WindowReport) -> None:
        """A window was evaluated. The gauges show the latest window with enough results."""
        self._metrics.counter("sentiment_monitor_windows_total", outcome=report.outcome).inc()
        for comparison in report.comparisons:
            if comparison.segment == EVERYTHING:
                self._metrics.gauge("sentiment_drift_psi", feature=comparison.feature).set(comparison.psi)
                self._metrics.gauge("sentiment_drift_js_distance", feature=comparison.feature).set(
                    comparison.js_distance
                )
        if report.comparisons:
            for feature in FEATURES:
                segments = sum(each.feature == feature for each in report.drifted)
                self._metrics.gauge("sentiment_drifted_segments", feature=feature).set(segments)
        if report.outcome == "too_few":
            return
        estimate = report.accuracy
        values = {
            "mean_confidence": estimate.mean_confidence.value,
            "doc": estimate.difference_of_confidences,
            "atc": estimate.average_thresholded_confidence,
        }
        for method, value in values.items():
            if value is not None:
                self._metrics.gauge("sentiment_estimated_accuracy", method=method).set(value)

    def state(self, monitor: Monitor) -> None:
        """How much is kept, and the quality of the latest model on joined labels."""
        events, labels = monitor.waiting
        self._metrics.gauge("sentiment_monitor_kept", kind="result").set(events)
        self._metrics.gauge("sentiment_monitor_kept", kind="label").set(labels)
        quality = monitor.newest_quality()
        if quality is None:
            return
        for measure, estimate in (("accuracy", quality.accuracy), ("macro_f1", quality.macro_f1)):
            for bound, value in (("value", estimate.value), ("low", estimate.low), ("high", estimate.high)):
                self._metrics.gauge("sentiment_labelled_quality", measure=measure, bound=bound).set(value)
        self._metrics.gauge("sentiment_labelled_pairs").set(quality.n)
