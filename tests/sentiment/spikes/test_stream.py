"""A whole stream: order, restarts, replays, and what is not counted."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.events import ModelRef
from sentiment.spikes.buckets import MAX_OPEN_MINUTES, Fate
from sentiment.spikes.drivers import MAX_SAMPLES, MAX_TERMS
from sentiment.spikes.duplicates import RecentEvents
from sentiment.spikes.episodes import Transition
from sentiment.spikes.message import make_alert
from sentiment.spikes.segment import EpisodeChange, SpikeConfig, SpikeObservation
from sentiment.spikes.segment_state import MAX_STATE_BYTES, encode_state
from sentiment.spikes.stream import StreamMonitor
from tests.sentiment.spikes.observations import FEEDS, START_MINUTE, a_day, observation, watch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def story(changes: list[EpisodeChange]) -> list[tuple[str, Transition, int]]:
    return [(change.segment, change.transition, change.started - START_MINUTE) for change in changes]


def test_one_incident_is_one_episode() -> None:
    """It opens within the incident, at its start, tells its words, and recovers; the calm segment says nothing."""
    changes = watch(sorted(a_day() + a_day(None, segment="calm"), key=lambda each: each.event_ms))
    assert [(change.segment, change.transition) for change in changes] == [
        ("app", Transition.OPENED),
        ("app", Transition.RECOVERED),
    ]
    opened, recovered = changes
    assert abs(opened.started - START_MINUTE - 600) <= 5
    assert opened.minute - START_MINUTE < 630
    assert opened.account.drivers == ("payment declined",)
    assert abs(recovered.ended - START_MINUTE - 690) <= 10
    assert recovered.minute - START_MINUTE < 760


@settings(max_examples=15, deadline=None)
@given(st.randoms())
def test_interleaving_of_feeds_does_not_matter(random) -> None:
    """However far one scoring worker is ahead of another, the same alerts come, word for word."""
    day = a_day()
    queues = {feed: [each for each in day if each.feed == feed] for feed in FEEDS}
    mixed: list[SpikeObservation] = []
    while any(queues.values()):
        feed = random.choice([name for name, queue in queues.items() if queue])
        take = random.randint(1, 200)
        mixed += queues[feed][:take]
        del queues[feed][:take]
    alerts = [make_alert(change, created_at=NOW) for change in watch(mixed)]
    assert alerts == [make_alert(change, created_at=NOW) for change in watch(day)]
    assert len(alerts) == 2


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(1, 380), max_size=6))
def test_a_restart_anywhere_changes_nothing(cuts: set[int]) -> None:
    """A monitor restored from what was written goes on as if it had never stopped."""
    assert watch(a_day(), cuts=cuts) == watch(a_day())


def test_a_replay_counts_nothing_again() -> None:
    """Offsets that the state holds are passed over; the same events at new offsets are late."""
    config, day = SpikeConfig(), a_day()
    monitor = StreamMonitor(config)
    for offset, each in enumerate(day):
        assert monitor.observe(offset, each) is Fate.COUNTED
    assert len(monitor.advance(feeds=(), idle_ms=dict.fromkeys(FEEDS, 0), finite=True)) == 2
    assert [monitor.observe(offset, each) for offset, each in enumerate(day)] == [None] * len(day)
    assert {monitor.observe(len(day) + place, each) for place, each in enumerate(day)} == {Fate.LATE}
    assert monitor.advance(feeds=(), idle_ms=dict.fromkeys(FEEDS, 0), finite=True) == []
    assert monitor.stream.fates == {Fate.COUNTED: len(day), Fate.LATE: len(day)}


def test_ids_follow_from_event_time_alone() -> None:
    """A later run over the same events gives the same ids; the transitions of an episode differ."""
    first = [make_alert(change, created_at=NOW) for change in watch(a_day())]
    again = [make_alert(change, created_at=datetime(2027, 1, 1, tzinfo=UTC)) for change in watch(a_day(), cuts={50})]
    assert [alert.alert_id for alert in first] == [alert.alert_id for alert in again]
    assert len({alert.alert_id for alert in first}) == 2
    assert len({alert.episode_id for alert in first}) == 1
    other = make_alert(watch(a_day(segment="other"))[0], created_at=NOW)
    assert other.episode_id != first[0].episode_id


def test_an_event_from_the_future_is_rejected() -> None:
    """A wrong clock neither counts nor moves the watermark."""
    monitor = StreamMonitor(SpikeConfig(future_ms=60_000))
    early = observation(0, 100, negative=True)
    ahead = SpikeObservation(
        **{name: getattr(early, name) for name in SpikeObservation.__slots__} | {"scored_ms": early.event_ms - 60_001}
    )
    assert monitor.observe(0, ahead) is Fate.FUTURE
    assert monitor.stream.clock.newest_ms == {}
    assert monitor.segments == {}


def test_what_is_left_out_moves_the_clock_only() -> None:
    """A result in a language the model does not know is not counted, but its time is."""
    monitor = StreamMonitor(SpikeConfig())
    assert monitor.observe(0, observation(0, 100, negative=True, left_out=True)) is Fate.LEFT_OUT
    assert monitor.stream.clock.newest_ms != {}
    assert monitor.segments == {}


def test_a_new_segment_must_be_learnt_first() -> None:
    """A product whose reviews are mostly negative from its first day on raises no alert."""
    mostly = [observation(n, 2.0 * n, negative=n % 5 != 0) for n in range(700)]
    assert watch(mostly) == []


def test_another_model_is_no_spike() -> None:
    """When the model changes, the share that it sees may change: it is learnt again."""
    old = [observation(n, n, negative=n % 8 == 0) for n in range(400)]
    new = ModelRef(name="m", version="2")
    after = [observation(n, n, negative=n % 8 < 3, model=new) for n in range(400, 1_000)]
    same = [observation(n, n, negative=n % 8 < 3) for n in range(400, 1_000)]
    assert watch(old + after) == []
    assert story(watch(old + same))[0][1] is Transition.OPENED


def test_a_lasting_rise_becomes_normal() -> None:
    """After a day an episode ends by accepting the level, and does not open again."""
    before = [observation(n, n, negative=n % 8 == 0) for n in range(600)]
    after = [observation(n, n, negative=n % 8 < 5) for n in range(600, 4_000)]
    assert [step[1] for step in story(watch(before + after))] == [Transition.OPENED, Transition.NEW_LEVEL]


def test_silence_ends_an_episode() -> None:
    """No message for six hours ends it, at that time, however late the clock gets there."""
    day = [each for each in a_day() if each.event_ms < (START_MINUTE + 640) * 60_000]
    much_later = [observation(10_000 + n, 5_000, negative=False, segment="other") for n in range(3)]
    changes = watch(day + much_later)
    assert [change.transition for change in changes] == [Transition.OPENED, Transition.FELL_SILENT]
    assert changes[1].minute - START_MINUTE == 639 + 360


def test_a_segment_that_is_heard_of_no_more_is_forgotten() -> None:
    """Its state is to be deleted after sixty days, not before, and only once."""
    monitor = StreamMonitor(SpikeConfig())
    monitor.observe(0, observation(0, 0, negative=False, segment="gone"))

    def names_after(days: float, offset: int) -> tuple[list[str], list[str]]:
        for n in range(3):
            monitor.observe(offset + n, observation(n, days * 1_440, negative=False, segment="kept"))
        monitor.advance(feeds=FEEDS, idle_ms={})
        changed = monitor.take_changed()
        return [state.segment for state in changed.segments], changed.forgotten

    assert names_after(1.5, 1) == (["gone", "kept"], [])
    assert names_after(59.5, 4) == (["kept"], [])
    assert names_after(61.5, 7) == (["kept"], ["gone"])
    assert names_after(63.5, 10) == (["kept"], [])


def test_the_state_is_bounded() -> None:
    """However many results wait for a feed that says nothing, and whatever they say, a state fits into a record."""
    monitor = StreamMonitor(SpikeConfig())
    segment = "\x01" * 256
    model = ModelRef(name="\x01" * 256, version="\x01" * 256)
    for n in range(MAX_OPEN_MINUTES + 500):
        words = " ".join(chr(0x20000 + (n * 37 + k) % 5_000) * 11 for k in range(40)) if n < 1_000 else None
        each = observation(n, 2.0 * n, negative=True, segment=segment, text=words, author="a" * 512, model=model)
        monitor.observe(n, each)
        if n == 500:
            monitor.segments[segment].texts.settle(START_MINUTE + 100_000)
    monitor.advance(feeds=("silent",), idle_ms={})
    state = monitor.segments[segment]
    assert len(state.open.counts) == MAX_OPEN_MINUTES
    assert len(state.texts.samples) == MAX_SAMPLES
    assert len(state.texts.terms) == MAX_TERMS
    assert 200_000 < len(encode_state(state)) <= MAX_STATE_BYTES


def copies_of(negative_number: int, n: int) -> list[SpikeObservation]:
    """Half a calm day, then `n` results of one negative event, minutes apart in position but equal in all else."""
    calm = [observation(number, 3.0 * number, negative=number % 8 == 0, event=number) for number in range(200)]
    complaint = [observation(1_000 + copy, 600, negative=True, event=negative_number) for copy in range(n)]
    after = [observation(number, 3.0 * number, negative=number % 8 == 0, event=number) for number in range(200, 300)]
    return calm + complaint + after


def test_copies_of_one_event_are_no_incident() -> None:
    """Twenty-five results of one complaint count once; of as many complaints they are an incident."""
    monitor = StreamMonitor(SpikeConfig())
    fates = [monitor.observe(offset, each) for offset, each in enumerate(copies_of(777, 25))]
    assert fates.count(Fate.DUPLICATE) == 24
    assert watch(copies_of(777, 25)) == []
    different = [
        each if each.event != 777 else observation(10_000 + place, 600, negative=True, event=10_000 + place)
        for place, each in enumerate(copies_of(777, 25))
    ]
    assert story(watch(different))[0][1] is Transition.OPENED


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=40), st.integers(0, 40))
def test_memory_of_events_follows_from_the_last_offsets(steps: list[tuple[int, int]], cut: int) -> None:
    """An event is known if one of the last `reach` offsets had it, also after the memory was read back."""
    reach = 12
    offsets: list[tuple[int, int]] = []
    for event, step in steps:
        offsets.append(((offsets[-1][0] if offsets else 0) + step, event))
    memory, restored = RecentEvents(reach), RecentEvents(reach)
    for place, (offset, event) in enumerate(offsets):
        expected = any(other == event and before > offset - reach for before, other in offsets[:place])
        assert memory.add(offset, event) is expected
        if place < cut:
            if offset > offsets[min(cut, len(offsets)) - 1][0] - reach:
                restored.add(offset, event)
        else:
            assert restored.add(offset, event) is expected
    assert len(memory) <= reach
