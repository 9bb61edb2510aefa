"""From bytes to a checked value of one type, or a PoisonRecord that says what is wrong without quoting the record."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from sentiment.errors import PoisonReason, PoisonRecord
from sentiment.json_repair import repaired_json

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
NO_TIMESTAMP_MS = -1
"""Kafka's timestamp of a record without one."""

T = TypeVar("T", bound=msgspec.Struct)

_PATH = re.compile(r" - at `(?P<path>[^`]*)`$")
_QUOTED_VALUE = re.compile(r"value '.*'", re.DOTALL)


def decode_json(decoder: msgspec.json.Decoder[T], value: bytes | None, *, newest_version: int) -> T:
    """`value` as the decoder's type, with each of its times in UTC. `repaired_json` is tried on what is not JSON.

    Raises:
        PoisonRecord: it has no value, is not UTF-8, JSON or this type, has a newer schema than `newest_version`, or a
            time out of range.
    """
    if value is None:
        raise PoisonRecord(PoisonReason.TOMBSTONE, "the record has no value")
    try:
        value.decode("utf-8")  # the decoder checks only what it uses
        decoded = _decode(decoder, value)
    except (UnicodeDecodeError, msgspec.DecodeError):
        try:
            decoded = _decode(decoder, repaired_json(value))
        except msgspec.DecodeError as error:
            raise PoisonRecord(PoisonReason.NOT_JSON, f"not a JSON object: {error}") from None
    if getattr(decoded, "schema_version", newest_version) > newest_version:
        raise PoisonRecord(
            PoisonReason.SCHEMA_VERSION, f"schema_version is above {newest_version}", path="$.schema_version"
        )
    return _with_times_in_utc(decoded)


def _decode(decoder: msgspec.json.Decoder[T], value: bytes) -> T:
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise _schema_fault(str(error)) from None
    except RecursionError:
        raise PoisonRecord(PoisonReason.NOT_JSON, "nested too deeply") from None


def to_utc(time: datetime, *, path: str) -> datetime:
    """`time` in UTC; one without a zone is UTC already.

    Raises:
        PoisonRecord: outside 1970 … 2099; `path` is its JSON path.
    """
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    if not EARLIEST <= aware < LATEST:
        raise PoisonRecord(PoisonReason.TIMESTAMP_OUT_OF_RANGE, "the time is not within 1970 … 2099", path=path)
    return aware.astimezone(UTC)


def from_timestamp(timestamp_ms: int) -> datetime | None:
    """The time of a Kafka record (Unix milliseconds), for want of a `created_at`; None if it has none (-1).

    Raises PoisonRecord like `to_utc`.
    """
    if timestamp_ms == NO_TIMESTAMP_MS:
        return None
    try:
        return to_utc(datetime.fromtimestamp(timestamp_ms / 1000, UTC), path="$.created_at")
    except (OverflowError, ValueError, OSError):
        raise PoisonRecord(
            PoisonReason.TIMESTAMP_OUT_OF_RANGE, "the record's timestamp is not within 1970 … 2099"
        ) from None


def check_bounds(value: dict[str, Any], *, max_depth: int, max_items: int, path: str) -> None:
    """Raise PoisonRecord if `value` nests deeper or holds more items than allowed. Walks it without recursion."""
    items = 0
    level: list[Any] = [value]
    for _ in range(max_depth):
        children = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
        items += len(children)
        if items > max_items:
            raise PoisonRecord(PoisonReason.SCHEMA, f"more than {max_items} items", path=path)
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return
    raise PoisonRecord(PoisonReason.SCHEMA, f"nested deeper than {max_depth} levels", path=path)


def _with_times_in_utc(decoded: T) -> T:
    changed = {
        name: in_utc
        for name in decoded.__struct_fields__
        if isinstance(time := getattr(decoded, name), datetime)
        and (in_utc := to_utc(time, path=f"$.{name}")) is not time
    }
    return msgspec.structs.replace(decoded, **changed) if changed else decoded


def _schema_fault(message: str) -> PoisonRecord:
    """msgspec's message as a PoisonRecord: its path apart, a quoted input value taken out."""
    found = _PATH.search(message)
    path = found["path"] if found else "$"
    fault = _QUOTED_VALUE.sub("value", _PATH.sub("", message))
    too_long = path == "$.text" and "length <=" in fault
    return PoisonRecord(
        PoisonReason.TEXT_TOO_LONG if too_long else PoisonReason.SCHEMA, f"{fault} at {path}", path=path
    )
