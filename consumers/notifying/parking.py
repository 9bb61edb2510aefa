"""Alerts that a channel could not deliver, in a topic of their own until somebody sends them again.

A parked alert is the alert as it was, with headers that name the channels still waiting for it, and why.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from consumers.cluster.records import OutgoingRecord, Record
from sentiment.events import Alert, encode

CHANNELS_HEADER = "parked-for"
REASON_HEADER = "parked-because"

_SEPARATOR = ","


def parked_alert(topic: str, alert: Alert, failed: Mapping[str, str]) -> OutgoingRecord:
    """The record that parks `alert` in `topic`. `failed` maps each channel to its reason, which is safe to log."""
    reasons = "; ".join(f"{channel}: {reason}" for channel, reason in sorted(failed.items()))
    return OutgoingRecord(
        topic,
        encode(alert),
        key=alert.segment.encode(),
        headers=(
            (CHANNELS_HEADER, _SEPARATOR.join(sorted(failed)).encode()),
            (REASON_HEADER, reasons.encode("utf-8", "replace")),
        ),
    )


def wanted_channels(record: Record, every: Collection[str]) -> set[str]:
    """The channels that `record` is for: all of them, unless it is a parked alert that names some."""
    names = dict(record.headers).get(CHANNELS_HEADER)
    return set(every) if names is None else set(names.decode("utf-8", "replace").split(_SEPARATOR))
