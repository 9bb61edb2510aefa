"""What files and pipes have in common: the topics, the writer of an export, and rows that become commits."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

from consumers.cluster.connection import check_connection
from consumers.cluster.topics import ensure_topics
from consumers.ingest.batches import Prepared, batches, to_record
from consumers.ingest.fields import Fields, Publishable
from consumers.ingest.identity import export_name, row_digest
from consumers.ingest.publisher import Publisher
from consumers.ingest.request import IngestRequest
from consumers.ingest.state import WriterName
from sentiment.progress import Progress
from sentiment.settings import Settings

ID_DIGITS = 12
"""How many digits of a fingerprint or a run stand before the number of a row that has no id."""


def prepare_kafka(settings: Settings, topic: str) -> None:
    """Check the connection, and create the topics that are missing."""
    check_connection(settings)
    ensure_topics(settings, [topic, settings.topics.ingest_state])


def appender(settings: Settings, topic: str, fields: Fields, run: str) -> Publisher:
    """The publisher for `--append`. All such runs of an export are one writer, so that of two at once one stops."""
    return Publisher(settings, WriterName(export_name(topic, fields), "append"), run=run, whole_export=True)


def publish_rows(
    publisher: Publisher,
    request: IngestRequest,
    rows: Iterable[Publishable | None],
    shift: timedelta,
    progress: Progress,
    done: int = 0,
    *,
    remember: bool = True,
) -> None:
    """Publish `rows` at the speed that was asked for, and report progress after every commit, from `done` on.

    Unless `remember` is false, later runs with `--append` know that these rows are published.
    """
    units = batches(
        rows,
        lambda row: Prepared(to_record(row, request.topic, shift), row_digest(row) if remember else b""),
        speed=request.speed,
        monotonic=time.monotonic,
        sleep=time.sleep,  # a signal interrupts it
    )
    for unit in units:
        publisher.publish(unit)
        done += len(unit)
        progress.at(done)
