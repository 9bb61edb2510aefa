"""The alert worker's handler without Kafka: counts, the clock and its idle feeds, state, and published alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from consumers.alerting.handler import AlertingHandler, AlertingOptions
from consumers.alerting.state import STREAM_KEY
from consumers.cluster.records import OutgoingRecord, Record, RecordBatch, TopicPartition, WorkResult
from consumers.runtime.metrics import Metrics
from sentiment.events import Alert, ScoredFeedback, decode_alert
from sentiment.spikes.observations import observation
from sentiment.spikes.parts import parse_kinds
from sentiment.spikes.segment import SpikeConfig
from sentiment.spikes.segment_state import decode_segment, decode_stream, encode_state
from sentiment.spikes.silences import Silence, Silenced, silenced_by
from sentiment.spikes.stream import StreamMonitor
from tests.consumers.results import START, a_day, consumed, scored

P0 = TopicPartition("sentiment", 0)
NOW = START + timedelta(days=2)
IDLE = timedelta(seconds=5)
PATIENCE = timedelta(seconds=300)


class MemoryStore:
    """A compacted topic in memory. The next owner reads what is `committed`."""

    def __init__(self) -> None:
        self.committed: dict[tuple[int, bytes], bytes] = {}

    def load(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, StreamMonitor]:
        return {partition: self._monitor(partition.partition) for partition in partitions}

    def records(self, partition: int, monitor: StreamMonitor) -> list[OutgoingRecord]:
        changed = monitor.take_changed()
        values = {state.segment.encode(): encode_state(state) for state in changed.segments}
        if changed.stream is not None:
            values[STREAM_KEY] = encode_state(changed.stream)
        return [OutgoingRecord("state", value, key, partition=partition) for key, value in values.items()]

    def commit(self, result: WorkResult) -> list[Alert]:
        """Commit a transaction. Returns the alerts in it."""
        records = [record for outputs in result.outputs.values() for record in outputs]
        for record in records:
            if record.topic == "state" and record.value is not None:
                assert record.partition is not None
                assert record.key is not None
                self.committed[record.partition, record.key] = record.value
        return [decode_alert(record.value) for record in records if record.topic == "alerts"]

    def _monitor(self, number: int) -> StreamMonitor:
        mine = {key: value for (partition, key), value in self.committed.items() if partition == number}
        stream = decode_stream(mine.pop(STREAM_KEY)) if STREAM_KEY in mine else None
        return StreamMonitor(SpikeConfig(), stream, [decode_segment(value) for value in mine.values()])


@dataclass
class FixedFeeds:
    """Four feeds, `settled` as the test says."""

    settled: Mapping[str, datetime] | None = field(default_factory=dict)

    def names(self) -> frozenset[str]:
        return frozenset(f"feedback/{number}" for number in range(4))

    def settled_since(self, now: datetime) -> Mapping[str, datetime] | None:
        return self.settled


@dataclass
class FixedSilences:
    """Silences as the test says."""

    rules: list[Silence] = field(default_factory=list)

    def refresh(self) -> None:
        pass

    def at(self, now: datetime) -> Silenced:
        return silenced_by(self.rules, now)


class World:
    """A handler with one partition, its store, its silences, and its metrics."""

    def __init__(self, *, settled: Mapping[str, datetime] | None = None, finite: bool = False) -> None:
        self.silences = FixedSilences()
        self.store = MemoryStore()
        self.feeds = FixedFeeds(settled)
        self.metrics = Metrics()
        options = AlertingOptions(alerts_topic="alerts", idle=IDLE, patience=PATIENCE, finite=finite)
        self.handler = AlertingHandler(options, self.store, self.feeds, self.silences, self.metrics)
        self.handler.on_assigned(frozenset({P0}), NOW)
        self.next_offset = 0

    def feed(self, results: list[ScoredFeedback], *, now: datetime = NOW, commit: bool = True) -> list[Alert]:
        """Handle results in batches of fifty. Returns the alerts."""
        alerts: list[Alert] = []
        for start in range(0, len(results), 50):
            records = consumed(results[start : start + 50], first_offset=self.next_offset)
            result = self.handler.handle(RecordBatch({P0: records}), now)
            if commit:
                self.next_offset += len(records)
                alerts += self.store.commit(result)
        return alerts

    def tick(self, now: datetime, *, at_end: bool = True) -> list[Alert]:
        """Run and commit one tick. Returns the alerts."""
        return self.store.commit(self.handler.on_tick(now, frozenset({P0} if at_end else ())))

    def watermark(self) -> int | None:
        """The watermark of the committed state."""
        return decode_stream(self.store.committed[0, STREAM_KEY]).clock.watermark_ms

    def counted(self, fate: str) -> float:
        """The number of results with this fate, from the metrics."""
        value = self.metrics.registry.get_sample_value("sentiment_detection_results_total", {"fate": fate})
        return value or 0.0


def ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def test_an_incident_is_published_once_with_its_state() -> None:
    """There is one firing and one resolved alert, with the states beside them."""
    world = World()
    alerts = world.feed(a_day())
    assert [alert.status for alert in alerts] == ["firing", "resolved"]
    assert {key for _, key in world.store.committed} == {b"app", STREAM_KEY}
    assert alerts[0].segment == "app"
    assert world.counted("counted") == len(a_day())
    assert world.metrics.registry.get_sample_value("sentiment_alerts_total", {"status": "firing"}) == 1.0


def test_a_silenced_incident_is_recorded_and_told_when_the_silence_ends() -> None:
    """The record carries the reason and an id of its own. While the silence lasts by the clock, it holds as well."""
    told = World().feed(a_day())
    world = World()
    ends_at = told[0].window_end + timedelta(minutes=10)
    world.silences.rules = [
        Silence(silence_id="1", segments="a*", starts_at=START, ends_at=ends_at, reason="an upgrade")
    ]
    kept, announced, resolved = world.feed(a_day())
    assert (kept.status, kept.silenced, announced.silenced, resolved.silenced) == ("firing", "an upgrade", None, None)
    assert announced.alert_id == told[0].alert_id != kept.alert_id
    assert "no longer silenced" in announced.message
    assert resolved.alert_id == told[1].alert_id
    assert world.metrics.registry.get_sample_value("sentiment_alerts_total", {"status": "silenced"}) == 1.0

    late = World()
    late.silences.rules = [
        Silence(silence_id="1", segments="app", starts_at=NOW, ends_at=NOW + IDLE, reason="an upgrade")
    ]
    assert [alert.silenced for alert in late.feed(a_day())] == ["an upgrade", "an upgrade"]
    assert late.feed(a_day(), now=NOW + IDLE) == []


@pytest.mark.parametrize("lost_after", range(200, 330, 13))
def test_what_a_silence_has_kept_survives_a_restart(lost_after: int) -> None:
    """Wherever a worker is replaced, the same is told as without."""

    def world() -> World:
        made = World()
        until = START + timedelta(hours=16, minutes=40)
        made.silences.rules = [Silence(silence_id="1", segments="*", starts_at=START, ends_at=until, reason="x")]
        return made

    day, replaced = a_day(), world()
    alerts = replaced.feed(day[:lost_after])
    replaced.handler.on_lost(frozenset({P0}))
    replaced.handler.on_assigned(frozenset({P0}), NOW)
    alerts += replaced.feed(day[lost_after:])
    assert [(a.alert_id, a.silenced) for a in alerts] == [(a.alert_id, a.silenced) for a in world().feed(day)]
    assert [alert.silenced for alert in alerts] == ["x", None, None]


def test_a_result_is_one_of_its_parts() -> None:
    """Source, language and metadata name them."""
    result = structs.replace(scored(0, START, "negative"), metadata={"version": "2", "source": "not this"})
    seen = observation(result, kinds=parse_kinds(["source", "version+language", "country"]))
    assert [part.segment for part in seen.parts] == ["app / source=web", "app / version=2, language=en"]


@pytest.mark.parametrize("lost_after", range(200, 330, 13))
def test_what_was_not_committed_is_forgotten(lost_after: int) -> None:
    """If a transaction fails anywhere in the incident, there is still one episode, the same as without a failure."""
    day = a_day()
    world = World()
    alerts = world.feed(day[:lost_after])
    world.feed(day[lost_after : lost_after + 50], commit=False)
    world.handler.on_lost(frozenset({P0}))
    world.handler.on_assigned(frozenset({P0}), NOW)
    alerts += world.feed(day[lost_after:])
    assert [alert.alert_id for alert in alerts] == [alert.alert_id for alert in World().feed(day)]


def test_offsets_that_fall_back_raise_nothing_twice() -> None:
    """If the group's offsets are reset, the state knows which results it has counted."""
    world = World()
    first = world.feed(a_day())
    world.next_offset = 0
    assert world.feed(a_day()) == []
    assert len(first) == 2
    assert world.counted("counted") == len(a_day())


def test_a_feed_that_is_not_scored_yet_holds_the_clock() -> None:
    """The clock waits for a feed that is silent and not settled, so its results are not late."""
    world = World(settled={f"feedback/{number}": START for number in range(3)})
    day = a_day()
    slow = [each for each in day if each.position.partition == 3]
    quick = [each for each in day if each.position.partition != 3]
    assert world.feed(quick) == []
    assert world.tick(NOW + timedelta(seconds=60)) == []
    assert world.watermark() is None
    alerts = world.feed(slow, now=NOW + timedelta(seconds=90))
    assert [alert.alert_id for alert in alerts] == [alert.alert_id for alert in World().feed(day)]
    assert world.counted("late") == 0


def test_a_settled_feed_does_not_hold_the_clock() -> None:
    """The clock does not wait for a feed that is silent, scored to its end, and read."""
    world = World(settled={f"feedback/{number}": NOW for number in range(4)})
    day = [each for each in a_day() if each.position.partition != 3]
    world.feed(day)
    assert [alert.status for alert in world.tick(NOW + IDLE)] == ["firing", "resolved"]


def test_a_settled_feed_counts_only_once_its_results_are_read() -> None:
    """Before that, its results may be unread in a partition that is not at its end."""
    settled = NOW + IDLE
    world = World(settled={f"feedback/{number}": settled for number in range(4)})
    world.feed([each for each in a_day() if each.position.partition != 3])
    assert world.tick(settled + timedelta(seconds=3), at_end=False) == []
    assert world.watermark() is None
    assert len(world.tick(settled + timedelta(seconds=3), at_end=True)) == 2


def test_patience_has_an_end() -> None:
    """A feed whose scoring is stuck holds detection back for a limited time only."""
    world = World(settled={f"feedback/{number}": NOW for number in range(3)})
    world.feed([each for each in a_day() if each.position.partition != 3])
    assert world.tick(NOW + PATIENCE - timedelta(seconds=1)) == []
    assert len(world.tick(NOW + PATIENCE)) == 2


def test_without_knowledge_of_scoring_silence_must_do() -> None:
    """If another group scores, idle means silent."""
    world = World(settled=None)
    world.feed([each for each in a_day() if each.position.partition != 3])
    assert world.tick(NOW + IDLE / 2) == []
    assert len(world.tick(NOW + IDLE)) == 2


def test_event_time_goes_on_when_everything_is_silent() -> None:
    """If all feeds are idle, the watermark follows the wall clock from the newest event, and the last minutes close."""
    world = World(settled=None)
    day = a_day()
    world.feed(day)
    world.tick(NOW + timedelta(hours=1))
    assert world.watermark() == ms(day[-1].created_at + timedelta(hours=1)) - 60_000


def test_a_finite_input_is_judged_to_its_last_minute() -> None:
    """If the input has an end, the last minute closes as soon as everything is read."""
    opened = World().feed(a_day())[0]
    day = [each for each in a_day() if each.created_at < opened.window_end]
    assert World(finite=False).feed(day) == []
    world = World(finite=True)
    alerts = world.feed(day) + world.tick(NOW + IDLE)
    assert [alert.status for alert in alerts] == ["firing"]
    assert decode_stream(world.store.committed[0, STREAM_KEY]).clock.watermark_ms == ms(day[-1].created_at) + 60_000


def test_what_is_not_a_result_is_passed_over() -> None:
    """Junk on the results topic does not stop the worker, and is not counted twice."""
    world = World()
    junk = (
        Record("sentiment", 0, 0, ms(NOW), None, b"\xff\x00"),
        Record("sentiment", 0, 1, -1, None, None, fault="offset 1 cannot be read"),
    )
    assert world.store.commit(world.handler.handle(RecordBatch({P0: junk}), NOW)) == []
    assert decode_stream(world.store.committed[0, STREAM_KEY]).next_offset == 2
    assert world.counted("counted") == 0


@pytest.mark.parametrize("timestamp_ms", [-1, 2**63 - 1, -(2**63), 0])
def test_tombstones_pass_silently_whatever_their_time(
    timestamp_ms: int, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    """The state moves past them, and nothing is logged. A foreign timestamp stops nothing."""
    world = World()
    world.store.commit(
        world.handler.handle(RecordBatch({P0: (Record("sentiment", 0, 4, timestamp_ms, b"app", None),)}), NOW)
    )
    assert decode_stream(world.store.committed[0, STREAM_KEY]).next_offset == 5
    assert logged() == []


def test_flagged_languages_late_and_future_results_are_reported() -> None:
    """Each fate is counted, and saved with the state."""
    world = World(settled=None)
    world.feed([scored(n, START + timedelta(minutes=n), "positive", partition=n % 4) for n in range(20)])
    world.feed(
        [
            scored(20, START + timedelta(minutes=20), "negative", unsupported_language=True),
            scored(21, START, "negative"),
            scored(22, NOW, "negative", scored_at=NOW - timedelta(seconds=61)),
            scored(23, START + timedelta(minutes=19), "negative", event_id="e19"),
        ]
    )
    reported = ("counted", "left_out", "late", "future", "duplicate")
    assert [world.counted(fate) for fate in reported] == [20, 1, 1, 1, 1]
    fates = decode_stream(world.store.committed[0, STREAM_KEY]).fates
    assert {fate.value: n for fate, n in fates.items()} == dict(zip(reported, [20, 1, 1, 1, 1], strict=True))


def test_alerts_say_nothing_that_results_do_not() -> None:
    """If results carry no text, alerts have neither drivers nor examples."""
    silent = [
        scored(int(r.event_id[1:]), r.created_at, r.label, partition=r.position.partition, text=None) for r in a_day()
    ]
    alerts = World().feed(silent)
    assert [alert.status for alert in alerts] == ["firing", "resolved"]
    assert all(alert.drivers == [] and alert.exemplars == [] for alert in alerts)


def test_states_go_to_the_partition_of_their_results() -> None:
    """State p is written to partition p, whatever a partitioner would choose."""
    store = MemoryStore()
    options = AlertingOptions(alerts_topic="alerts", idle=IDLE, patience=PATIENCE)
    handler = AlertingHandler(options, store, FixedFeeds(), FixedSilences(), Metrics())
    both = frozenset({P0, TopicPartition("sentiment", 3)})
    handler.on_assigned(both, NOW)
    batch = RecordBatch({p: consumed([scored(0, START, "positive")], partition=p.partition) for p in both})
    store.commit(handler.handle(batch, NOW))
    assert {partition for partition, _ in store.committed} == {0, 3}
