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
    return OutgoingRecord(topic, encode(alert), alert.segment.encode(), _headers(failed, reasons))


def parked_unread(topic: str, record: Record, channels: Collection[str], reason: str) -> OutgoingRecord:
    """The record that parks what `record` holds for `channels`, without a look at it."""
    return OutgoingRecord(topic, record.value, record.key, _headers(channels, reason))


def wanted_channels(record: Record, every: Collection[str]) -> set[str]:
    """The channels that `record` is for: all of them, unless it is a parked alert that names some."""
    names = dict(record.headers).get(CHANNELS_HEADER)
    return set(every) if names is None else set(names.decode("utf-8", "replace").split(_SEPARATOR))


def _headers(channels: Collection[str], reason: str) -> tuple[tuple[str, bytes], ...]:
    return (
        (CHANNELS_HEADER, _SEPARATOR.join(sorted(channels)).encode()),
        (REASON_HEADER, reason.encode("utf-8", "replace")),
    )
