"""Every metric of every worker, in one table. Tests check what other files say about metrics against it.

Label values come from bounded sets (labels, reasons, partitions, channels). They are never texts, keys or ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
_WORK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table. `buckets_why` gives the reason for the buckets of a histogram."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()
    buckets_why: str = ""


TABLE = (
    Metric(
        "sentiment_events_total",
        "counter",
        "records",
        ("outcome",),
        "Feedback records with a committed outcome: scored or dead_letter.",
    ),
    Metric("sentiment_labels_total", "counter", "records", ("label",), "Committed results by label."),
    Metric(
        "sentiment_dead_letters_total",
        "counter",
        "records",
        ("reason",),
        "Committed dead letters by reason code.",
    ),
    Metric("sentiment_redactions_total", "counter", "values", ("kind",), "Pieces of personal data removed, by kind."),
    Metric(
        "sentiment_batch_records",
        "histogram",
        "records",
        (),
        "Records in a batch for the handler.",
        _RECORDS,
        "from one at low load to the largest configured batch",
    ),
    Metric(
        "sentiment_batch_padded_ratio",
        "histogram",
        "share",
        (),
        "Share of padding among the tokens of one model call.",
        _SHARES,
        "the planner aims below 0.2; more than 0.5 is harmful",
    ),
    Metric("sentiment_tokens_total", "counter", "tokens", ("kind",), "Tokens computed by the model: text or padding."),
    Metric(
        "sentiment_layers_total",
        "counter",
        "layers",
        ("kind",),
        "Layers of a model with early exits, for each window of text: computed or skipped.",
    ),
    Metric(
        "sentiment_stage_seconds",
        "histogram",
        "seconds",
        ("stage",),
        "Time of a batch in a stage: decode, redact, language, tokenise, infer, encode, commit.",
        _WORK_S,
        "a stage of a small batch takes a millisecond, of a full one a second",
    ),
    Metric(
        "sentiment_event_latency_seconds",
        "histogram",
        "seconds",
        (),
        "Time from the record's timestamp to the commit of its result.",
        _LATENCY_S,
        "tens of milliseconds at low load, minutes and more while catching up",
    ),
    Metric(
        "sentiment_lag_records",
        "gauge",
        "offsets",
        ("topic", "partition"),
        "Offsets of an owned partition that are not committed yet, transaction markers included; absent while unknown.",
    ),
    Metric(
        "sentiment_lag_seconds",
        "gauge",
        "seconds",
        (),
        "Estimated time to work off the lag at the rate of the last minute of work; NaN while unknown.",
    ),
    Metric(
        "sentiment_kafka_unreachable_seconds",
        "gauge",
        "seconds",
        (),
        "Time since Kafka last answered, while it does not answer; 0 otherwise.",
    ),
    Metric(
        "sentiment_rebalances_total",
        "counter",
        "changes",
        ("change",),
        "Changes of the partition assignment: assigned, revoked or lost.",
    ),
    Metric(
        "sentiment_transactions_total",
        "counter",
        "transactions",
        ("outcome",),
        "Transactions: committed or failed (aborted, fenced or unknown).",
    ),
    Metric("sentiment_rebuilds_total", "counter", "rebuilds", (), "Rebuilds of the Kafka clients after a failure."),
    Metric(
        "sentiment_paused",
        "gauge",
        "bool",
        (),
        "1 while fetching is paused because a full batch waits for the handler.",
    ),
    Metric(
        "sentiment_pressure",
        "gauge",
        "bool",
        (),
        "1 while the handler refuses its batch because what it writes to is slow or full.",
    ),
    Metric(
        "sentiment_unreadable_records",
        "gauge",
        "offsets",
        ("topic", "partition"),
        "Offsets that cannot be read yet, because an open transaction comes before them.",
    ),
    Metric(
        "sentiment_damaged_records_total",
        "counter",
        "records",
        ("topic",),
        "Records and batches that could not be read, and were stepped over with a line in the log.",
    ),
    Metric(
        "sentiment_blocked_partitions",
        "gauge",
        "partitions",
        (),
        "Owned partitions that cannot be read until somebody does what the log says: a broker refuses to send their "
        "records, or a codec is not installed.",
    ),
    Metric(
        "sentiment_missed_records_total",
        "counter",
        "offsets",
        ("topic", "partition"),
        "Offsets that retention removed before they were read, transaction markers included.",
    ),
    Metric(
        "sentiment_tombstones_total",
        "counter",
        "records",
        ("topic",),
        "Records without a value, which were passed over: in a compacted topic they delete their key.",
    ),
    Metric(
        "sentiment_hanging_transactions",
        "gauge",
        "partitions",
        (),
        "Owned partitions where the reader has been stuck for longer than any transaction may last.",
    ),
    Metric(
        "sentiment_alerts_total",
        "counter",
        "alerts",
        ("status",),
        "Alerts raised: firing, resolved, or silenced. Those of a failed transaction are counted again.",
    ),
    Metric("sentiment_open_episodes", "gauge", "episodes", ("severity",), "Episodes that are not resolved."),
    Metric(
        "sentiment_detection_results_total",
        "counter",
        "records",
        ("fate",),
        "Results by what detection did with them: counted, duplicate (a known event id), left_out (language or no "
        "evidence), late (minute closed) or future.",
    ),
    Metric(
        "sentiment_hash_key_info",
        "gauge",
        "info",
        ("fingerprint",),
        "1, with a fingerprint of the key of pseudonyms. Several fingerprints: workers give one author several names.",
    ),
    Metric(
        "sentiment_notifications_total",
        "counter",
        "notifications",
        ("channel", "outcome"),
        "Alerts by what became of them on a channel: delivered, parked, expired, silenced, or failed (refused when "
        "sent again).",
    ),
    Metric(
        "sentiment_delivery_failures_total",
        "counter",
        "attempts",
        ("channel", "reason"),
        "Attempts to deliver an alert that failed, by why: unavailable, or misconfigured (address, key or format).",
    ),
    Metric(
        "sentiment_channel_misconfigured",
        "gauge",
        "boolean",
        ("channel",),
        "Whether the last answer of a channel says that its address, key or format is wrong.",
    ),
    Metric(
        "sentiment_monitor_records_total",
        "counter",
        "records",
        ("kind", "fate"),
        "Records that the monitor read: results counted, late or future; results and labels unreadable.",
    ),
    Metric(
        "sentiment_monitor_windows_total",
        "counter",
        "windows",
        ("outcome",),
        "Windows evaluated: reference, too_few, steady or drifted.",
    ),
    Metric(
        "sentiment_monitor_kept",
        "gauge",
        "events",
        ("kind",),
        "Events kept to be joined with labels (result), and labels that wait for a result (label).",
    ),
    Metric(
        "sentiment_drift_psi",
        "gauge",
        "nats",
        ("feature",),
        "Population stability index of the latest window against the reference, all segments together.",
    ),
    Metric(
        "sentiment_drift_js_distance",
        "gauge",
        "distance",
        ("feature",),
        "Jensen-Shannon distance of the latest window from the reference, 0 to 1, all segments together.",
    ),
    Metric(
        "sentiment_drifted_segments",
        "gauge",
        "segments",
        ("feature",),
        "Segments of the latest window in which this feature drifted.",
    ),
    Metric(
        "sentiment_estimated_accuracy",
        "gauge",
        "share",
        ("method",),
        "Accuracy of the latest window with enough results, estimated without labels: mean_confidence, doc or atc.",
    ),
    Metric(
        "sentiment_labelled_quality",
        "gauge",
        "share",
        ("measure", "bound"),
        "Accuracy and macro_f1 on late labels, of the latest model: the value, and low and high of its 95 % interval.",
    ),
    Metric(
        "sentiment_labelled_pairs", "gauge", "pairs", (), "Number of late labels behind sentiment_labelled_quality."
    ),
    Metric(
        "sentiment_model_info",
        "gauge",
        "info",
        ("name", "version"),
        "1 for the model that serves.",
    ),
    Metric(
        "sentiment_model_reload_failures_total",
        "counter",
        "attempts",
        (),
        "Failed attempts to load a promoted model; the previous one keeps serving.",
    ),
)


class Metrics:
    """The collectors of the table, by name, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for row in TABLE:
            if row.kind == "counter":
                self._counters[row.name] = Counter(row.name, row.meaning, row.labels, registry=self.registry)
            elif row.kind == "gauge":
                self._gauges[row.name] = Gauge(row.name, row.meaning, row.labels, registry=self.registry)
            else:
                self._histograms[row.name] = Histogram(
                    row.name, row.meaning, row.labels, registry=self.registry, buckets=row.buckets
                )

    def counter(self, name: str, /, **labels: str) -> Counter:
        """The counter `name` for these label values. Raises KeyError if it is not in the table."""
        counter = self._counters[name]
        return counter.labels(**labels) if labels else counter

    def gauge(self, name: str, /, **labels: str) -> Gauge:
        """The gauge `name` for these label values."""
        gauge = self._gauges[name]
        return gauge.labels(**labels) if labels else gauge

    def histogram(self, name: str, /, **labels: str) -> Histogram:
        """The histogram `name` for these label values."""
        histogram = self._histograms[name]
        return histogram.labels(**labels) if labels else histogram

    def forget(self, name: str) -> None:
        """Drop all label values of a gauge whose set of values changes, such as the owned partitions."""
        self._gauges[name].clear()

    def forget_one(self, name: str, /, *label_values: str) -> None:
        """Drop one set of label values of a gauge. Unlike `forget`, no scrape misses the others meanwhile."""
        self._gauges[name].remove(*label_values)
