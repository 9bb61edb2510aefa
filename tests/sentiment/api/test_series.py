"""Spike detection over a finished series."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentiment.api.series import detect_spikes
from sentiment.errors import InputError
from sentiment.events import Alert
from sentiment.settings import AlertSettings
from sentiment.spikes.message import make_alert
from tests.sentiment.spikes.observations import a_day, watch

DAY = a_day()
TIMES = [datetime.fromtimestamp(each.event_ms / 1000, UTC) for each in DAY]
NEGATIVES = [each.negative for each in DAY]


def story(alerts: list[Alert]) -> list[tuple[str, str, datetime]]:
    return [(alert.alert_id, alert.message, alert.started_at) for alert in alerts]


def test_it_tells_what_the_alert_worker_tells() -> None:
    """The same alerts with the same ids and words, for a day with one incident."""
    alerts = detect_spikes(TIMES, NEGATIVES, segment="app", texts=[each.text for each in DAY])
    expected = [make_alert(change, created_at=TIMES[0]) for change in watch(DAY)]
    assert story(alerts) == story(expected)
    assert [alert.status for alert in alerts] == ["firing", "resolved"]
    assert alerts[0].drivers == ["payment declined"]


def test_an_alert_says_when_it_showed() -> None:
    """Cut off at the time of the first alert, the series gives that alert; a minute earlier, none."""
    first = detect_spikes(TIMES, NEGATIVES)[0]

    def until(end: datetime) -> list[Alert]:
        kept = [place for place, time in enumerate(TIMES) if time < end]
        return detect_spikes([TIMES[place] for place in kept], [NEGATIVES[place] for place in kept])

    assert until(first.created_at) == [first]
    assert until(first.created_at - timedelta(minutes=1)) == []


@pytest.mark.parametrize(
    "times",
    [
        pd.Series(TIMES, index=reversed(range(len(TIMES)))),
        pd.DatetimeIndex(TIMES).tz_convert("Asia/Kolkata"),
        np.array([time.replace(tzinfo=None) for time in TIMES], dtype="datetime64[us]"),
        [time.isoformat() for time in TIMES],
        [time.replace(tzinfo=None) for time in TIMES],
    ],
    ids=["series", "zone", "numpy", "strings", "naive"],
)
def test_times_may_be_written_in_many_ways(times: Any) -> None:
    """All mean the same instants; without a zone they are UTC."""
    assert detect_spikes(times, NEGATIVES) == detect_spikes(TIMES, NEGATIVES)


def test_labels_may_be_labels_or_whether_they_are_negative_or_missing() -> None:
    """The labels of a scored frame can be handed over as they are, rows without one included."""
    expected = detect_spikes(TIMES, NEGATIVES)
    labels: list[Any] = ["negative" if negative else "positive" for negative in NEGATIVES]
    assert detect_spikes(TIMES, labels) == expected
    assert detect_spikes(TIMES, np.array(NEGATIVES)) == expected
    for missing in (None, float("nan"), pd.NA):
        assert story(detect_spikes([*TIMES, TIMES[0]], [*labels, missing])) == story(expected)


def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled, the series gives the same alerts."""
    places = list(range(len(TIMES)))
    random.Random(4).shuffle(places)
    shuffled = detect_spikes([TIMES[place] for place in places], [NEGATIVES[place] for place in places])
    assert shuffled == detect_spikes(TIMES, NEGATIVES)


def test_settings_shape_the_detector() -> None:
    """A segment that needs more results than there are to learn never alarms."""
    assert detect_spikes(TIMES, NEGATIVES, settings=AlertSettings(learn_n=10_000)) == []


def test_a_series_without_rows_has_no_alerts() -> None:
    """Nothing in, nothing out."""
    assert detect_spikes([], []) == []


def test_quoted_texts_are_redacted() -> None:
    """Examples in an alert hold no personal data."""
    texts = ["payment declined, mail me: jane.roe@example.com"] * len(TIMES)
    alerts = detect_spikes(TIMES, NEGATIVES, texts=texts)
    assert "jane" not in repr(alerts)
    assert any("[EMAIL]" in text for text in alerts[0].exemplars)


@pytest.mark.parametrize(
    ("times", "labels", "said"),
    [
        (TIMES[:2], [True], "2 timestamps, 1 labels"),
        ([1, 2], [True, False], "timestamps are numbers"),
        (["yesterday"], [True], "a timestamp cannot be read"),
        ([TIMES[0], None], [True, False], "1 of 2 timestamps are missing"),
        (TIMES[:1], ["bad"], "labels are negative, neutral, positive"),
    ],
)
def test_what_cannot_be_read_is_refused(times: list[Any], labels: list[Any], said: str) -> None:
    """The message says what is wrong."""
    with pytest.raises(InputError, match=said):
        detect_spikes(times, labels)
