"""The demo passes only if every count is right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from consumers.cluster.records import Record
from consumers.demo.stream import Incident
from consumers.demo.verdict import DemoVerdict, as_text, reach_verdict
from consumers.demo.verify import Tally, count
from consumers.scoring.dead_letters import Parking
from sentiment.errors import PoisonReason, PoisonRecord
from sentiment.events import Alert, ModelRef, Probabilities, Rate, ScoredFeedback, SourcePosition
from sentiment.settings import TopicSettings

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
INCIDENT = Incident("shop", NOON, NOON + timedelta(hours=1))
MODEL = ModelRef(name="m", version="1")


def position(offset: int) -> SourcePosition:
    return SourcePosition(topic="feedback", partition=0, offset=offset)


def result(offset: int) -> ScoredFeedback:
    return ScoredFeedback(
        event_id=f"e{offset}",
        position=position(offset),
        label="negative",
        probabilities=Probabilities(negative=0.8, neutral=0.1, positive=0.1),
        score=-0.7,
        text="it broke",
        product="shop",
        source="app",
        author=None,
        rating=None,
        metadata={},
        created_at=NOON,
        scored_at=NOON,
        model=MODEL,
        language="en",
        unsupported_language=False,
        n_chunks=1,
        truncated=False,
        redactions={},
    )


def alert(*, episode: str = "a", segment: str = "shop", started: datetime = NOON, status: str = "firing") -> Alert:
    return Alert(
        alert_id=f"{episode}-{status}",
        episode_id=episode,
        status="firing" if status == "firing" else "resolved",
        segment=segment,
        severity="warning",
        window_start=started,
        window_end=started + timedelta(minutes=20),
        n=20,
        negatives=12,
        observed=Rate(value=0.6, low=0.4, high=0.8),
        expected=0.15,
        probability_of_chance=1e-5,
        drivers=["declined"],
        exemplars=[],
        model=MODEL,
        started_at=started,
        created_at=started,
        message="shop: 60 % negative",
    )


@dataclass
class Found:
    """A tally of three events that were all scored, and one alert."""

    tally: Tally

    @classmethod
    def complete(cls) -> Found:
        tally = Tally()
        for offset in range(3):
            tally.add_event(position(offset), "shop", NOON)
            tally.add_result(result(offset))
        tally.alerts = [alert(), alert(status="resolved")]
        return cls(tally)

    def judge(self, incident: Incident | None = INCIDENT, published: int = 3) -> DemoVerdict:
        return reach_verdict(self.tally, name="x", published=published, rejected=0, incident=incident, seconds=1.0)


def test_all_scored_once_and_the_incident_alerted_passes() -> None:
    """If nothing is missing the demo passes, and the verdict has the counts."""
    summary = Found.complete().judge()
    assert (summary.passed, summary.faults, summary.incident_found) == (True, [], True)
    assert (summary.events, summary.results, summary.distinct, summary.labels["negative"]) == (3, 3, 3, 3)
    assert len(summary.episodes) == 1
    assert summary.episodes[0].resolved == NOON + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        ("missing", {"missing": 1}),
        ("doubled", {"doubled": 1}),
        ("dead letter", {"dead_letters": 1, "doubled": 1}),
        ("lost row", {"published": 4}),
        ("result of no event", {"distinct": 4}),
    ],
)
def test_every_fault_of_scoring_is_found(fault: str, counted: dict[str, int]) -> None:
    """With one event too few or too many anywhere, the demo fails, with or without an incident."""
    found = Found.complete()
    tally, published = found.tally, 3
    if fault == "missing":
        tally.add_event(position(3), "shop", NOON)
        published = 4
    elif fault == "doubled":
        tally.add_result(result(0))
    elif fault == "dead letter":
        tally.add_dead_letter(position(0), "schema")
    elif fault == "lost row":
        published = 4
    else:
        tally.add_result(result(9))
    for incident in (INCIDENT, None):
        summary = found.judge(incident, published)
        assert not summary.passed
        assert {name: getattr(summary, name) for name in counted} == counted


@pytest.mark.parametrize(
    "alerts",
    [
        [],
        [alert(segment="other")],
        [alert(), alert(episode="b")],
        [alert(started=NOON - timedelta(hours=6))],
        [alert(started=NOON + timedelta(hours=2))],
    ],
)
def test_alerts_decide_only_where_an_incident_is_known(alerts: list[Alert]) -> None:
    """A missing, extra or wrong alert fails the bundled stream, but not a user's file."""
    found = Found.complete()
    found.tally.alerts = alerts
    assert (found.judge().passed, found.judge().incident_found) == (False, False)
    assert (found.judge(None).passed, found.judge(None).incident_found) == (True, None)


def test_the_summary_is_readable_by_people_and_machines() -> None:
    """The text names the counts and the alert. The JSON decodes to the same verdict."""
    summary = Found.complete().judge()
    text = as_text(summary)
    assert "3 events in, 3 results, 3 distinct, 0 doubled, 0 missing, 0 dead letters" in text
    assert "shop: 60 % negative [warning, resolved 12:20]" in text
    assert msgspec.json.decode(msgspec.json.encode(summary), type=DemoVerdict) == summary


def test_whatever_is_on_the_topics_is_counted() -> None:
    """An unreadable event has its dead letter. What cannot be read elsewhere is a fault; a tombstone is none."""
    topics = TopicSettings()
    lost = "offset 0 cannot be read: it is a test"
    tally = Tally()
    event = Record(topics.feedback, 0, 0, -1, None, None, fault=lost)
    letter = Parking(topics.dead_letter, "raw", 1_000_000).dead_letter(
        event, PoisonRecord(PoisonReason.UNREADABLE, lost), NOON
    )
    junk = Parking(topics.dead_letter, "raw", 1_000_000).dead_letter(
        Record(topics.feedback, 0, 1, 0, None, b"junk", (("odd", b"\xff"), ("null", None))),
        PoisonRecord(PoisonReason.NOT_JSON, "junk"),
        NOON,
    )
    count(tally, event, topics)
    count(tally, Record(topics.feedback, 0, 1, 0, None, b"junk"), topics)
    for offset, parked in enumerate((letter, junk)):
        count(tally, Record(topics.dead_letter, 0, offset, 0, parked.key, parked.value, parked.headers), topics)
    assert (tally.missing, tally.unknown, tally.unreadable) == (0, 0, 0)
    assert tally.reasons == {"unreadable": 1, "not_json": 1}
    for topic in (topics.feedback, topics.sentiment, topics.alerts):
        count(tally, Record(topic, 0, 9, 0, b"k", None), topics)
    assert (len(tally.events), tally.unreadable) == (2, 0)
    for topic in (topics.sentiment, topics.alerts, topics.dead_letter):
        count(tally, Record(topic, 0, 10, 0, None, b"junk"), topics)
        count(tally, Record(topic, 0, 11, -1, None, None, fault=lost), topics)
    assert tally.unreadable == 6
    assert "6 records of the pipeline cannot be read, expected 0" in Found(tally).judge(None, published=2).faults
