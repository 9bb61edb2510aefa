"""What the detector remembers of a segment, and how that is stored in the compacted topic.

Open minutes, samples, terms and models each have a maximum, and the event contract bounds names, so an encoded state
always stays below `MAX_STATE_BYTES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec

from sentiment.errors import InputError
from sentiment.spikes.baseline import Baseline
from sentiment.spikes.buckets import Fate, FeedClock, OpenMinutes
from sentiment.spikes.detector import Evidence, Recent
from sentiment.spikes.drivers import Texts
from sentiment.spikes.episodes import Episode
from sentiment.spikes.models import Models
from sentiment.spikes.old_state import upgrade_models, upgrade_segment

STATE_VERSION = 3
STREAM_VERSION = 1
MAX_STATE_BYTES = 900_000


class SegmentState(msgspec.Struct, kw_only=True):
    """The state of one segment. The defaults are those of a new segment."""

    schema_version: int = STATE_VERSION
    kind: Literal["segment"] = "segment"
    segment: str
    part_of: str | None = None
    """The product of a part (`sentiment.spikes.parts`); None for a product itself."""
    part_kind: str = ""
    """The fields of a part."""
    open: OpenMinutes = msgspec.field(default_factory=OpenMinutes)
    baseline: Baseline = msgspec.field(default_factory=Baseline)
    recent: Recent = msgspec.field(default_factory=Recent)
    bank: list[Evidence] = []
    """The evidence for each of the detector's odds ratios."""
    texts: Texts = msgspec.field(default_factory=Texts)
    episode: Episode | None = None
    cool_until: int | None = None
    """No episode opens before this minute."""
    models: Models = msgspec.field(default_factory=Models)

    @property
    def product(self) -> str:
        """Its product, which may be itself."""
        return self.segment if self.part_of is None else self.part_of

    @property
    def last_minute(self) -> int:
        """The latest minute with a result; 0 if there is none."""
        closed = self.recent.minutes[-1].minute if self.recent.minutes else 0
        return max(self.open.counts, default=closed)


class StreamState(msgspec.Struct, kw_only=True):
    """The state of one partition of results: its clock, and the offset up to which its segments' states include it."""

    schema_version: int = STREAM_VERSION
    kind: Literal["stream"] = "stream"
    clock: FeedClock = msgspec.field(default_factory=FeedClock)
    next_offset: int = 0
    """Results before this offset are in the state. A replay must not count them again."""
    fates: dict[Fate, int] = msgspec.field(default_factory=dict)
    """The number of results of each fate since the state began."""


_segment = msgspec.json.Decoder(SegmentState)
_stream = msgspec.json.Decoder(StreamState)
_any = msgspec.json.Decoder(dict[str, Any])
_encoder = msgspec.json.Encoder()


def encode_state(state: SegmentState | StreamState) -> bytes:
    """UTF-8 JSON. Floats are preserved exactly."""
    return _encoder.encode(state)


def decode_segment(value: bytes) -> SegmentState:
    """The state of a segment, also one of an earlier version. Raises ``InputError`` if this version cannot read it."""
    with _reading():
        fields = _any.decode(value)
        version = fields.get("schema_version")
        if version == STATE_VERSION:
            return _segment.decode(value)
        if version == 1:
            fields = upgrade_segment(fields)
        if version in (1, 2):
            return msgspec.convert(upgrade_models(fields), SegmentState, str_keys=True)
    raise _another_version(version, STATE_VERSION)


def decode_stream(value: bytes) -> StreamState:
    """The state of a partition. Raises ``InputError`` if this version cannot read it."""
    with _reading():
        state = _stream.decode(value)
    if state.schema_version != STREAM_VERSION:
        raise _another_version(state.schema_version, STREAM_VERSION)
    return state


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _unreadable("was not written by this program") from None


def _another_version(found: object, readable: int) -> InputError:
    return _unreadable(f"has version {found if isinstance(found, int) else 'unknown'}, this program reads {readable}")


def _unreadable(why: str) -> InputError:
    return InputError(
        f"a record of the alert state {why}",
        hint="delete the topic of the alert state: alerting then starts again and learns what is normal",
    )
