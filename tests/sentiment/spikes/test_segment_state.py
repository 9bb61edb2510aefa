"""The form of the state in its topic."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.errors import InputError
from sentiment.spikes.segment import SpikeConfig
from sentiment.spikes.segment_state import (
    STATE_VERSION,
    SegmentState,
    StreamState,
    decode_segment,
    decode_stream,
    encode_state,
)
from sentiment.spikes.stream import StreamMonitor
from tests.sentiment.spikes.observations import FEEDS, a_day


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 390))
def test_every_state_survives_its_round_trip(n_seen: int) -> None:
    """At any moment of a stream, decoding what was encoded gives the same state, floats and all."""
    monitor = StreamMonitor(SpikeConfig())
    for offset, each in enumerate(a_day()[:n_seen]):
        monitor.observe(offset, each)
        monitor.advance(feeds=FEEDS, idle_ms={})
    changed = monitor.take_changed()
    if changed.stream is not None:
        assert decode_stream(encode_state(changed.stream)) == changed.stream
    for state in changed.segments:
        assert decode_segment(encode_state(state)) == state


@pytest.mark.parametrize(
    "value",
    [
        b"not json",
        b"\xff",
        encode_state(StreamState()),
        encode_state(SegmentState(segment="a", schema_version=STATE_VERSION + 1)),
    ],
)
def test_a_foreign_record_is_an_error_with_a_remedy(value: bytes) -> None:
    """What this program cannot read stops it, and it says what to do."""
    with pytest.raises(InputError) as raised:
        decode_segment(value)
    assert raised.value.hint is not None
