"""The form of the state in its topic."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.errors import InputError
from sentiment.spikes.segment import SpikeConfig, close
from sentiment.spikes.segment_state import (
    STATE_VERSION,
    SegmentState,
    StreamState,
    decode_segment,
    decode_stream,
    encode_state,
)
from sentiment.spikes.stream import StreamMonitor
from tests.sentiment.spikes.observations import FEEDS, MODEL, START_MINUTE, a_day

FOLDER = Path(__file__).parent


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


@pytest.mark.parametrize(("version", "n_open", "share"), [(1, 4, 0.126), (2, 4, 0.134)])
def test_a_state_of_an_earlier_version_is_read(version: int, n_open: int, share: float) -> None:
    """What was normal stays normal, an open episode stays open, and results that were counted are not lost."""
    state = decode_segment((FOLDER / f"segment_state_v{version}.json").read_bytes())
    assert state.schema_version == STATE_VERSION
    config = SpikeConfig().baseline
    expected = state.baseline.expected(START_MINUTE + 700, config)
    assert expected.ready
    assert expected.share == pytest.approx(share, abs=0.002)
    assert state.episode is not None
    assert (state.episode.started, state.episode.severity) == (START_MINUTE + 601, "critical")
    assert sum(n for n, _ in state.open.counts.values()) == n_open
    assert state.models.main == MODEL
    assert close([state], state.last_minute + 1, SpikeConfig()) == []
    assert state.baseline.expected(START_MINUTE + 700, config).ready
    assert decode_segment(encode_state(state)) == state


@pytest.mark.parametrize(
    "value",
    [
        b"not json",
        b"\xff",
        encode_state(StreamState()),
        encode_state(SegmentState(segment="a", schema_version=STATE_VERSION + 1)),
        b'{"schema_version": 1, "kind": "segment", "segment": "a"}',
        b'{"schema_version": 1, "segment": "a", "baseline": {"n": 9, "negatives": "2", "learnt_n": 1}}',
    ],
)
def test_a_foreign_record_is_an_error_with_a_remedy(value: bytes) -> None:
    """What this program cannot read stops it, and it says what to do."""
    with pytest.raises(InputError) as raised:
        decode_segment(value)
    assert raised.value.hint is not None
