"""A product and its parts: what is watched, who tells of an incident, and what that costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sentiment.spikes.episodes import Transition
from sentiment.spikes.family import Family
from sentiment.spikes.message import make_alert
from sentiment.spikes.parts import is_in, parse_kinds, parts_of
from sentiment.spikes.segment import EpisodeChange, SpikeConfig, SpikeObservation
from sentiment.spikes.segment_state import SegmentState
from sentiment.spikes.silences import Silence, silenced_by
from sentiment.spikes.stream import FORGET_PART_DAYS, StreamMonitor
from tests.sentiment.spikes.observations import FEEDS, START_MINUTE, observation, watch
from tests.sentiment.spikes.test_message import NOW
from tests.sentiment.spikes.test_silences import EPOCH

KINDS = parse_kinds(["version", "country"])
INCIDENT = range(3_000, 3_120)


def results(bad_versions: str, *, n: int = 3_600) -> list[SpikeObservation]:
    """Two a minute in turn of five versions and five countries; in the incident all of some versions are negative."""
    made: list[SpikeObservation] = []
    for number in range(2 * n):
        minute = number / 2
        version, country = "12345"[number % 5], "ABCDE"[number // 5 % 5]
        bad = INCIDENT.start <= minute < INCIDENT.stop and version in bad_versions
        seen = observation(number, minute, negative=bad or number % 9 == 0)
        values = {"version": version, "country": country}
        made.append(replace(seen, parts=parts_of("app", KINDS, values.get)))
    return made


def told(changes: list[EpisodeChange]) -> list[tuple[str, Transition]]:
    return [(change.segment, change.transition) for change in changes if change.silenced is None]


def test_one_bad_version_is_one_page_that_names_it() -> None:
    """Either the version tells, or the product says where it is; nothing tells a second time."""
    changes = watch(results("3"))
    (segment, first), (_, second) = told(changes)
    assert (first, second) == (Transition.OPENED, Transition.RECOVERED)
    opened = next(change for change in changes if change.silenced is None)
    assert "app / version=3" in (segment, opened.most_affected)
    assert "version=3" in make_alert(opened, created_at=NOW).message
    others = {change.segment: change.silenced for change in changes if change.silenced is not None}
    assert all(reason is not None and "told by the episode of app" in reason for reason in others.values())


def test_an_incident_of_all_is_told_by_the_product_alone() -> None:
    """No part has most of it, and those that alarm too tell nothing."""
    changes = watch(results("12345"))
    assert told(changes) == [("app", Transition.OPENED), ("app", Transition.RECOVERED)]
    assert changes[0].most_affected is None
    assert "above all" not in make_alert(changes[0], created_at=NOW).message


def test_parts_cost_no_more_than_the_budget() -> None:
    """The product has half, its parts share the rest; alone it has all."""
    whole = SegmentState(segment="app")
    parts = [SegmentState(segment=f"app / version={n}", part_of="app", part_kind="version") for n in range(5)]
    family = Family([whole, *parts])
    assert sum(family.budget_share(state) for state in family.members) == pytest.approx(1.0)
    assert family.budget_share(whole) == 0.5
    assert Family([whole]).budget_share(whole) == 1.0


def test_a_silence_of_the_product_is_one_of_its_parts() -> None:
    """Its name is enough."""
    start = EPOCH + timedelta(minutes=START_MINUTE)
    silence = Silence(silence_id="1", segments="app", starts_at=start, ends_at=NOW.replace(year=2040), reason="why")
    monitor = StreamMonitor(SpikeConfig())
    changes: list[EpisodeChange] = []
    for offset, seen in enumerate(results("3")):
        monitor.observe(offset, seen)
        changes += monitor.advance(feeds=FEEDS, idle_ms={}, silenced=silenced_by([silence], NOW))
    assert changes
    assert told(changes) == []


@pytest.mark.parametrize("cut", [6_010, 6_060, 6_150])
def test_a_restart_changes_nothing(cut: int) -> None:
    """What was told, and by whom, is in the states."""
    seen = results("3")
    assert watch(seen, cuts={cut}) == watch(seen)


def test_parts_are_limited_and_make_room() -> None:
    """The first so many are watched; those without results for two weeks are forgotten, and others take their place."""
    monitor = StreamMonitor(SpikeConfig(max_parts=3))

    def see(number: int, day: float, version: str) -> None:
        seen = observation(number, day * 1_440, negative=False)
        monitor.observe(number, replace(seen, parts=parts_of("app", parse_kinds(["version"]), lambda _: version)))
        monitor.advance(feeds=(), idle_ms=dict.fromkeys(FEEDS, 0), finite=True)

    for n in range(6):
        see(n, 0.1 * n, str(n))
    names = {"app", *(f"app / version={n}" for n in range(3))}
    assert monitor.segments.keys() == names
    see(6, FORGET_PART_DAYS + 2, "6")
    see(7, FORGET_PART_DAYS + 3, "7")
    assert monitor.segments.keys() == {"app", "app / version=7"}
    assert set(monitor.take_changed().forgotten) == names - {"app"}


def test_a_product_may_be_called_like_a_part() -> None:
    """Nothing breaks: both count as what they were first."""
    monitor = StreamMonitor(SpikeConfig())
    kinds = parse_kinds(["version"])
    for number, product in enumerate(["app", "app / version=1", "app"]):
        seen = observation(number, number, negative=False, segment=product)
        monitor.observe(number, replace(seen, parts=parts_of(product, kinds, lambda _: "1")))
    assert monitor.segments["app / version=1"].part_of == "app"


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"version": "2.1", "source": "web"}, ["app / version=2.1", "app / source=web, version=2.1"]),
        ({"version": 2.5, "source": "web"}, ["app / version=2.5", "app / source=web, version=2.5"]),
        ({"version": " ", "source": "web"}, []),
        ({"version": True, "source": None}, []),
        ({"version": ["2"], "source": "web"}, []),
        ({"version": "x" * 242, "source": "w"}, ["app / version=" + "x" * 242]),
        ({"version": "x" * 243, "source": "w"}, []),
    ],
)
def test_parts_follow_from_the_fields_of_a_result(values: dict[str, object], names: list[str]) -> None:
    """Texts and numbers; a part whose name would be too long for an alert is not watched."""
    parts = parts_of("app", parse_kinds(["version", "source+version"]), values.get)
    assert [part.segment for part in parts] == names
    assert all(is_in("app", part.segment) for part in parts)


@pytest.mark.parametrize("texts", [["a b"], ["a+"], ["a+a"], ["a+b", "b+a"], ["product+a"], [""]])
def test_what_is_no_combination_is_refused(texts: list[str]) -> None:
    """Before any work."""
    with pytest.raises(ValueError, match=r"fields|part|same"):
        parse_kinds(texts)
