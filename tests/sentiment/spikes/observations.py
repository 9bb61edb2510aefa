"""Made-up observations, and a monitor that is restored from its written state wherever a test cuts the stream."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sentiment.events import ModelRef
from sentiment.spikes.segment import EpisodeChange, SpikeConfig, SpikeObservation
from sentiment.spikes.segment_state import decode_segment, decode_stream, encode_state
from sentiment.spikes.stream import StreamMonitor

MODEL = ModelRef(name="m", version="1")
MINUTE_MS = 60_000
START_MINUTE = 29_000_160  # a midnight in 2025
FEEDS = ("feedback/0", "feedback/1", "feedback/2")


def observation(
    number: int,
    minute: float,
    *,
    negative: bool,
    segment: str = "app",
    text: str | None = "some text",
    author: str | None = None,
    model: ModelRef = MODEL,
    left_out: bool = False,
    event: int | None = None,
) -> SpikeObservation:
    """A result at `minute` after midnight, scored at once; feeds take turns."""
    event_ms = round((START_MINUTE + minute) * MINUTE_MS)
    return SpikeObservation(
        key=f"feedback/{number}",
        segment=segment,
        feed=FEEDS[number % len(FEEDS)],
        event_ms=event_ms,
        scored_ms=event_ms,
        negative=negative,
        p_negative=0.9 if negative else 0.1,
        text=text,
        author=author,
        model=model,
        left_out=left_out,
        event=event,
    )


def a_day(incident: tuple[int, int] | None = (600, 690), *, segment: str = "app") -> list[SpikeObservation]:
    """A result every three minutes, one in eight negative; in the incident one a minute, three in four negative."""
    made: list[SpikeObservation] = []
    for minute in range(1_000):
        inside = incident is not None and incident[0] <= minute < incident[1]
        if inside or minute % 3 == 0:
            number = len(made)
            negative = number % 4 != 0 if inside else number % 8 == 0
            text = f"payment declined again {number}" if inside else f"rather slow {number}"
            made.append(observation(number, minute, negative=negative, segment=segment, text=text))
    return made


def watch(
    seen: Sequence[SpikeObservation], *, cuts: Collection[int] = (), config: SpikeConfig | None = None
) -> list[EpisodeChange]:
    """What a monitor tells of these observations, in their order, closed at the end.

    After each number of observations in `cuts` the monitor is thrown away and made again from what it had written.
    """
    config = SpikeConfig() if config is None else config
    written: dict[str | None, bytes] = {}
    monitor = StreamMonitor(config)
    changes: list[EpisodeChange] = []
    for offset, each in enumerate(seen):
        monitor.observe(offset, each)
        changes += monitor.advance(feeds=FEEDS, idle_ms={})
        if offset + 1 in cuts:
            changed = monitor.take_changed()
            written |= {state.segment: encode_state(state) for state in changed.segments}
            if changed.stream is not None:
                written[None] = encode_state(changed.stream)
            monitor = StreamMonitor(
                config,
                decode_stream(written[None]),
                [decode_segment(value) for key, value in written.items() if key is not None],
            )
    feeds = (*FEEDS, *monitor.stream.clock.newest_ms)
    changes += monitor.advance(feeds=feeds, idle_ms=dict.fromkeys(feeds, 0), finite=True)
    return changes
