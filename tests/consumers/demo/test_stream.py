"""The bundled stream is as described, and a user's file is checked before anything starts."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from consumers.demo.stream import BUNDLED, bundled_stream, open_stream
from consumers.ingest import FieldFlags
from sentiment.errors import InputError, UsageError
from sentiment.events import SourcePosition, decode_feedback
from sentiment.sources import ReadingOptions

NOWHERE = SourcePosition(topic="feedback", partition=0, offset=0)


def test_the_bundled_stream_is_a_day_of_three_products_with_distinct_texts() -> None:
    """Every line is a valid event. Ids and texts are distinct, and times are in order and span a day."""
    lines = BUNDLED.read_bytes().splitlines()
    events = [decode_feedback(line, position=NOWHERE, timestamp_ms=0) for line in lines]
    assert len({event.id for event in events}) == len(events) >= 450
    assert len({event.text.casefold() for event in events}) == len(events)
    assert [event.created_at for event in events] == sorted(event.created_at for event in events)
    assert timedelta(hours=23) < events[-1].created_at - events[0].created_at < timedelta(hours=24)
    assert len(Counter(event.product for event in events)) == 3


def test_the_incident_stands_out_by_its_stars_alone() -> None:
    """During the incident its product has many one-star ratings from many authors; otherwise there are few."""
    incident = bundled_stream().incident
    assert incident is not None
    events = [json.loads(line) for line in BUNDLED.read_bytes().splitlines()]
    rated = [event for event in events if "rating" in event]

    def low(product: str, *, inside: bool) -> float:
        stars = [
            event["rating"]
            for event in rated
            if event["product"] == product
            and (incident.start <= datetime.fromisoformat(event["created_at"]) <= incident.end) == inside
        ]
        return sum(star <= 2 for star in stars) / len(stars)

    assert low(incident.product, inside=True) > 0.5
    for product in {event["product"] for event in events}:
        assert low(product, inside=False) < 0.25


def test_the_bundled_stream_is_known_with_its_incident() -> None:
    """It has an incident that ends one to three hours before the stream does, and no row is rejected."""
    stream = bundled_stream()
    assert stream.incident is not None
    assert stream.last is not None
    assert timedelta(hours=1) <= stream.last - stream.incident.end <= timedelta(hours=3)
    assert (stream.rejected, stream.name) == (0, "bundled")


def test_a_file_is_counted_and_its_flags_passed_on(tmp_path: Path) -> None:
    """Rows that can be published and those that cannot are counted, and ingest gets the same flags."""
    file = tmp_path / "reviews.csv"
    file.write_text("body|at\nText|Time\ngood|2026-01-02T00:00:00Z\n|2026-01-03T00:00:00Z\nbad|2026-01-01T00:00:00Z\n")
    reading = ReadingOptions(delimiter="|", encoding="cp1252", skip_rows=1)
    stream = open_stream(str(file), reading, FieldFlags(text="body", time="at", product="-x"))
    assert (stream.rows, stream.rejected, stream.incident) == (2, 1, None)
    assert (stream.first, stream.last) == (
        datetime.fromisoformat("2026-01-01T00:00:00Z"),
        datetime.fromisoformat("2026-01-02T00:00:00Z"),
    )
    expected = ["--format=csv", "--text-field=body", "--time-field=at", "--product=-x"]
    expected += ["--delimiter=|", "--encoding=cp1252", "--skip-rows=1", "--speed=60.0"]
    assert stream.ingest_arguments(60.0) == [*expected, "--rebase-time", "--", str(file)]


def test_a_file_without_times_is_not_rebased(tmp_path: Path) -> None:
    """Without times there is nothing to shift, and no speed."""
    file = tmp_path / "texts.jsonl"
    file.write_text('{"text": "fine"}\n')
    stream = open_stream(str(file), ReadingOptions(), FieldFlags())
    assert stream.ingest_arguments(60.0) == ["--format=jsonl", "--", str(file)]


@pytest.mark.parametrize("content", ["", "other\nx\n", "text\n\n"])
def test_a_file_without_feedback_is_refused(tmp_path: Path, content: str) -> None:
    """Without rows, a text column or a valid row, there is an input error before anything starts."""
    file = tmp_path / "reviews.csv"
    file.write_text(content)
    with pytest.raises(InputError):
        open_stream(str(file), ReadingOptions(), FieldFlags())


def test_a_pipe_is_refused() -> None:
    """Standard input cannot be read twice."""
    with pytest.raises(UsageError, match="pipe"):
        open_stream("-", ReadingOptions("jsonl"), FieldFlags())
