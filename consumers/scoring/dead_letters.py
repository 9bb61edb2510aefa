"""Parking a record that can never be processed.

Value and key of a dead letter are the original bytes, so that it can be replayed exactly. The headers
(`sentiment.events.DeadLetterHeaders`) describe it. If the payload is omitted, by configuration or because it is too
large, the dead letter has only the position in the source topic, which is then also its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from consumers.cluster.records import Header, OutgoingRecord, Record
from sentiment.decoding import to_utc
from sentiment.errors import PoisonRecord
from sentiment.events import DeadLetterHeaders

SOURCE_PREFIX = "source-"
FIRST_SEEN = "dead-letter-first-seen"
ATTEMPTS = "dead-letter-attempts"

_FRAMING_BYTES = 2_048
"""Room for our headers, and for Kafka's framing of a record and its batch."""

_HEADER_FRAMING_BYTES = 10
"""The lengths of one header's name and value."""

_MESSAGE_CHARS = 500


@dataclass(frozen=True, slots=True)
class Parking:
    """Where dead letters go, whether they hold the record, and how large one may be."""

    topic: str
    payload: Literal["raw", "omit"]
    limit_bytes: int

    def fits(self, record: Record) -> bool:
        """Whether the record can be parked whole."""
        headers = (len(SOURCE_PREFIX) + _HEADER_FRAMING_BYTES) * len(record.headers)
        return record.n_bytes + headers + _FRAMING_BYTES <= self.limit_bytes

    def dead_letter(self, record: Record, poison: PoisonRecord, now: datetime) -> OutgoingRecord:
        """The dead letter of `record`, which failed with `poison`.

        The headers of a record that was replayed after an earlier failure say so: then the time of the first failure
        is kept, and the attempts are counted.
        """
        empty = record.key is None and record.value is None  # as is one that could not be read
        whole = self.payload == "raw" and self.fits(record) and not empty
        earlier = dict(record.headers)
        headers = DeadLetterHeaders(
            dead_letter_reason=poison.reason,
            dead_letter_message=poison.message[:_MESSAGE_CHARS],
            dead_letter_topic=record.topic,
            dead_letter_partition=record.partition,
            dead_letter_offset=record.offset,
            dead_letter_first_seen=_first_seen(earlier) or now,
            dead_letter_attempts=_attempts(earlier) + 1,
            dead_letter_payload="raw" if whole else "omitted",
        )
        about = tuple((name, str(value).encode()) for name, value in msgspec.to_builtins(headers).items())
        if not whole:
            position = f"{record.topic}/{record.partition}/{record.offset}"
            return OutgoingRecord(self.topic, value=None, key=position.encode(), headers=about)
        return OutgoingRecord(self.topic, record.value, record.key, (*about, *_source_headers(record)))


def _source_headers(record: Record) -> tuple[Header, ...]:
    own = (FIRST_SEEN, ATTEMPTS)
    return tuple((SOURCE_PREFIX + name, value) for name, value in record.headers if name not in own)


def _first_seen(headers: Mapping[str, bytes | None]) -> datetime | None:
    try:
        seen = msgspec.convert((headers.get(FIRST_SEEN) or b"").decode(), datetime)
        return to_utc(seen, path=FIRST_SEEN)
    except (UnicodeDecodeError, msgspec.ValidationError, PoisonRecord):
        return None


def _attempts(headers: Mapping[str, bytes | None]) -> int:
    given = headers.get(ATTEMPTS) or b""
    return int(given) if given.isdigit() and len(given) < 6 else 0
