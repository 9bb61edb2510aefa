"""Records as lines, for people and for machines. Feedback is shown redacted.

Results and alerts are redacted already. Raw feedback is redacted here; of a dead letter only the headers are shown,
since its value may be anything. Nothing in a line can steer the reader's terminal.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
import msgspec

from consumers.cluster.records import Record
from sentiment.cli.tables import LABEL_COLOURS
from sentiment.decoding import from_timestamp
from sentiment.errors import PoisonRecord
from sentiment.events import (
    Alert,
    ScoredFeedback,
    SourcePosition,
    decode_alert,
    decode_feedback,
    decode_scored,
    encode,
)
from sentiment.privacy import redact, redact_json
from sentiment.settings import TopicSettings
from sentiment.terminal import escape_controls, printable

Render = Callable[[Record], str]

_UNKNOWN_WIDTH = 120


def line_renderer(topics: TopicSettings, topic: str, *, as_json: bool, raw: bool) -> Render:
    """Return the function that makes a record of `topic` one line. With `raw`, values are shown unredacted."""
    kinds: dict[str, tuple[Render, Render]] = {
        topics.sentiment: (_scored_line, _scored_json),
        topics.alerts: (_alert_line, _alert_json),
        topics.feedback: (_feedback_line, _feedback_json),
        topics.dead_letter: (_dead_letter_line, _dead_letter_json),
    }
    contracts = kinds.keys() - {topics.dead_letter}  # a dead letter without a value says the rest in its headers
    for_people, for_machines = kinds.get(topic, (_other_line, _other_json))
    render = for_machines if as_json else for_people
    if raw:
        render = _raw_json if as_json else _raw_line

    def one_line(record: Record) -> str:
        try:
            record.content()  # raises if it could not be read
            if record.is_tombstone and not raw and topic in contracts:
                return _tombstone(record, as_json=as_json)
            line = render(record)
        except PoisonRecord as poison:
            if as_json:
                return _json({**_place(record), "error": f"{poison.reason}: {poison.message}"})
            return click.style(f"{_position(record)}  unreadable: {poison.reason}: {poison.message}", fg="yellow")
        return escape_controls(line) if as_json else line

    return one_line


def _tombstone(record: Record, *, as_json: bool) -> str:
    if as_json:
        return _json({**_place(record), "tombstone": True})
    return click.style(f"{_position(record)}  tombstone: no value, deletes its key", fg="bright_black")


def _scored_line(record: Record) -> str:
    scored = decode_scored(record.content())
    return _describe(scored)


def _describe(scored: ScoredFeedback) -> str:
    label = click.style(f"{scored.label:<8}", fg=LABEL_COLOURS[scored.label])
    start = f"{_time(scored.created_at)}  {label}  {scored.score:+.2f}  {printable(scored.product)[:20]:<12}  "
    return start + _shortened(scored.text or "", len(click.unstyle(start)))


def _scored_json(record: Record) -> str:
    return encode(decode_scored(record.content())).decode()


def _alert_line(record: Record) -> str:
    alert: Alert = decode_alert(record.content())
    colour = "green" if alert.status == "resolved" else "red" if alert.severity == "critical" else "yellow"
    told = alert.silenced is None
    state = f"{alert.status.upper() if told else 'SILENCED':<8}  {alert.severity:<8}"
    state = click.style(state, fg=colour if told else "bright_black", bold=told and alert.status == "firing")
    return f"{_time(alert.created_at)}  {state}  {printable(alert.segment)[:20]:<12}  {printable(alert.message)}"


def _alert_json(record: Record) -> str:
    return encode(decode_alert(record.content())).decode()


def _feedback_line(record: Record) -> str:
    event = decode_feedback(record.content(), position=_source(record), timestamp_ms=record.timestamp_ms)
    start = f"{_time(event.created_at)}  {printable(redact(event.product).text)[:20]:<12}  "
    return start + _shortened(redact(event.text).text, len(start))


def _feedback_json(record: Record) -> str:
    event = decode_feedback(record.content(), position=_source(record), timestamp_ms=record.timestamp_ms)
    redacted, _ = redact_json(msgspec.to_builtins(event))
    return _json(redacted)


def _dead_letter_line(record: Record) -> str:
    about = _dead_letter(record)
    reason = click.style(f"{about.get('dead-letter-reason', '?'):<22}", fg="yellow")
    place = "/".join(about.get(f"dead-letter-{part}", "?") for part in ("topic", "partition", "offset"))
    attempts = about.get("dead-letter-attempts", "?")
    seen = about.get("dead-letter-first-seen", "?")[:19].replace("T", " ")
    return f"{seen}  {reason}  {place}  attempt {attempts}  {about.get('dead-letter-message', '')}"


def _dead_letter_json(record: Record) -> str:
    size = None if record.value is None else len(record.value)
    return _json({**_place(record), **_dead_letter(record), "value_bytes": size})


def _dead_letter(record: Record) -> dict[str, str]:
    """Return our own headers. Those of the source record may hold anything."""
    return {
        name: printable((value or b"").decode(errors="replace"))
        for name, value in record.headers
        if name.startswith("dead-letter-")
    }


def _other_line(record: Record) -> str:
    size = "no value" if record.value is None else f"{len(record.value):,} bytes"
    return f"{_time_of(record)}  {_position(record)}  {size}"


def _other_json(record: Record) -> str:
    return _json({**_place(record), "value_bytes": None if record.value is None else len(record.value)})


def _raw_line(record: Record) -> str:
    value = "" if record.value is None else record.value.decode(errors="replace")
    return f"{_time_of(record)}  {_position(record)}  {printable(value)}"


def _raw_json(record: Record) -> str:
    def text(value: bytes | None) -> str | None:
        return None if value is None else value.decode(errors="replace")

    headers = [(name, text(value)) for name, value in record.headers]
    return _json({**_place(record), "key": text(record.key), "value": text(record.value), "headers": headers})


def _place(record: Record) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
    }


def _source(record: Record) -> SourcePosition:
    return SourcePosition(topic=record.topic, partition=record.partition, offset=record.offset)


def _position(record: Record) -> str:
    return _source(record).key()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _time(time: datetime | None) -> str:
    return f"{'-':<19}" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"


def _time_of(record: Record) -> str:
    try:
        return _time(from_timestamp(record.timestamp_ms))
    except PoisonRecord:
        return _time(None)  # one that no clock shows


def _shortened(text: str, used: int) -> str:
    """Return as much of the text as fits on a line of which `used` columns are taken."""
    room = max(20, shutil.get_terminal_size((_UNKNOWN_WIDTH, 24)).columns - used - 1)
    line = printable(" ".join(text.split()))
    return line if len(line) <= room else line[: room - 1] + "…"
