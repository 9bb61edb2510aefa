"""For each alerting rule: series under which it fires, and series like them under which it does not.

Values are in promtool's notation, a minute apart: ``0+5x30`` begins at 0 and rises by 5, thirty times.
"""

from __future__ import annotations

from dataclasses import dataclass

Series = dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """What is true after `after` (a duration) of these series."""

    firing: Series
    quiet: Series
    after: str = "40m"


_WORKER = 'job="sentiment-worker", instance="worker:9100"'
_SECOND = 'job="sentiment-worker", instance="worker-2:9100"'


def _events(scored: str, dead: str, worker: str = _WORKER) -> Series:
    return {
        f'sentiment_events_total{{outcome="scored", {worker}}}': scored,
        f'sentiment_events_total{{outcome="dead_letter", {worker}}}': dead,
    }


def _gauge(name: str, firing: str, quiet: str = "0x40", labels: str = _WORKER) -> Case:
    return Case({f"{name}{{{labels}}}": firing}, {f"{name}{{{labels}}}": quiet})


def _latencies(slow: str) -> Series:
    """One event in ten is slow, as `slow` counts them; the others take at most a second."""
    name = "sentiment_event_latency_seconds_bucket"
    fast = "0x40" if slow == "0x40" else "0+90x40"
    return {
        f'{name}{{le="1.0", {_WORKER}}}': fast,
        f'{name}{{le="60.0", {_WORKER}}}': fast,
        f'{name}{{le="300.0", {_WORKER}}}': slow,
        f'{name}{{le="+Inf", {_WORKER}}}': slow,
    }


def _transactions(committed: str, failed: str) -> Series:
    return {
        f'sentiment_transactions_total{{outcome="committed", {_WORKER}}}': committed,
        f'sentiment_transactions_total{{outcome="failed", {_WORKER}}}': failed,
    }


def _fates(counted: str, late: str) -> Series:
    return {
        f'sentiment_detection_results_total{{fate="{fate}", job="sentiment-alerts"}}': values
        for fate, values in (("counted", counted), ("late", late))
    }


def _deliveries(failed: str, delivered: str) -> Series:
    return {
        'sentiment_delivery_failures_total{channel="webhook", reason="unavailable"}': failed,
        'sentiment_notifications_total{channel="webhook", outcome="delivered"}': delivered,
    }


def _keys(name: str, label: str, second: str) -> Series:
    return {f'{name}{{{label}="one", {_WORKER}}}': "1x80", f'{name}{{{label}="{second}", {_SECOND}}}': "1x80"}


_LAG = f"sentiment_lag_seconds{{{_WORKER}}}"
_INF = " Inf"
_UP = f"up{{{_WORKER}}}"
_PARKED = 'sentiment_notifications_total{channel="webhook", outcome="parked"}'
_DAMAGED = f'sentiment_damaged_records_total{{topic="feedback", {_WORKER}}}'
_MISSED = f'sentiment_missed_records_total{{topic="feedback", partition="0", {_WORKER}}}'

CASES = {
    "ServiceDown": Case({_UP: "1x10 0x30"}, {_UP: "1x38 0 0", 'up{job="node"}': "0x40"}),
    "ServiceRestarts": Case({_UP: "1x15 0x3 1x8 0x3 1x20"}, {_UP: "1x15 0x3 1x30"}),
    "KafkaUnreachable": _gauge("sentiment_kafka_unreachable_seconds", "0x10 0+60x30", "0x38 0+60x2"),
    "ClientsRebuilt": _gauge("sentiment_rebuilds_total", "0+1x60", "0x20 1x20"),
    "NoProgress": Case({_LAG: f"0x10{_INF * 30}"}, {_LAG: f"0x37{_INF * 2}"}),
    "Behind": Case({_LAG: "0x10 400x30"}, {_LAG: f"0x10{_INF * 30}"}),
    "HighLatency": Case(
        {**_events("0+100x40", "0x40"), **_latencies("0+100x40")},
        {**_events("0+4x40", "0x40"), **_latencies("0+4x40")},
    ),
    "PartitionBlocked": _gauge("sentiment_blocked_partitions", "0x10 1x30", "0x10 1x2 0x30"),
    "HangingTransaction": _gauge("sentiment_hanging_transactions", "0x10 2x30"),
    "RebalanceStorm": _gauge("sentiment_rebalances_total", "0+1x40", "0x30 1x10", f'change="assigned", {_WORKER}'),
    "TransactionsFail": Case(_transactions("0+5x40", "0+1x40"), _transactions("0+5x40", "0x30 1x10")),
    "Pressure": _gauge("sentiment_pressure", "0x10 1x30", "1x35 0 1x20"),
    "DeadLetters": Case(_events("0+90x40", "0+10x40"), _events("0x40", "0+1x40")),
    "PoisonBreakerNear": Case(_events("0+60x40", "0+40x40"), _events("0x40", "0+10x40")),
    "RecordsDamaged": Case({_DAMAGED: "_x35 1x5"}, {_DAMAGED: "_x10 1x30"}),
    "RecordsMissed": Case({_MISSED: "0x35 70x5"}, {_MISSED: "70x40"}),
    "HashKeysDiffer": Case(
        _keys("sentiment_hash_key_info", "fingerprint", "two"), _keys("sentiment_hash_key_info", "fingerprint", "one")
    ),
    "ModelReloadFailed": _gauge("sentiment_model_reload_failures_total", "0x35 1x5"),
    "ModelVersionsDiffer": Case(
        _keys("sentiment_model_info", "version", "two"), _keys("sentiment_model_info", "version", "one")
    ),
    "Drift": _gauge("sentiment_drifted_segments", "0x10 2x30", "2x10 0x30", 'feature="label"'),
    "ChannelFails": Case(_deliveries("0x20 0+2x20", "4x40"), _deliveries("0x20 0+2x20", "4x30 4+1x10")),
    "ChannelMisconfigured": _gauge("sentiment_channel_misconfigured", "0x10 1x30", "1x10 0x30", 'channel="webhook"'),
    "AlertsParked": Case({_PARKED: "_x35 1x5"}, {_PARKED: "_x10 1x30"}),
    "AlertBudgetSpent": _gauge("sentiment_alerts_total", "0+1x40", "0x20 3x20", 'status="firing"'),
    "ResultsLate": Case(_fates("0+100x40", "0+5x40"), _fates("0+1x40", "0+1x40")),
}
