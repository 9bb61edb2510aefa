"""Publishes late labels, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from uuid import uuid4

from consumers.cluster.connection import check_connection
from consumers.cluster.records import OutgoingRecord
from consumers.cluster.topics import ensure_topics
from consumers.cluster.transaction import TransactionalProducer
from sentiment.events import LateLabel, encode
from sentiment.settings import Settings


def publish_labels(settings: Settings, labels: Sequence[LateLabel]) -> int:
    """Send the labels to their topic in one transaction, and return their number. Blocks until they are committed.

    It does no harm to publish the same labels again: readers join each event once.

    Raises:
        TransactionFailed: it is unknown whether they were committed. Publish them again.
        SentimentError: no connection, or the topic cannot be created.
    """
    check_connection(settings)
    ensure_topics(settings, [settings.topics.labels])
    with closing(TransactionalProducer.open(settings, f"labels.{uuid4().hex}")) as producer:
        return producer.commit([_record(settings.topics.labels, label) for label in labels])


def _record(topic: str, label: LateLabel) -> OutgoingRecord:
    key = label.event_id if label.position is None else label.position.key()
    return OutgoingRecord(topic, encode(label), key=None if key is None else key.encode())
