"""Spike detection over a finished series: one segment's labels with their times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sentiment.errors import InputError
from sentiment.events import LABELS, Alert, ModelRef
from sentiment.privacy import redact
from sentiment.settings import AlertSettings
from sentiment.spikes.replay import FEED, alert_at_its_time, replay
from sentiment.spikes.segment import SpikeObservation
from sentiment.spikes.stream import StreamMonitor
from sentiment.text import text_fault

_ANY_MODEL = ModelRef(name="unknown", version="unknown")


def detect_spikes(
    timestamps: Iterable[Any],
    labels: Iterable[Any],
    *,
    segment: str = "series",
    texts: Iterable[str | None] | None = None,
    settings: AlertSettings | None = None,
) -> list[Alert]:
    """The alerts that the alert worker would have raised over this series, in order of time.

    A spike gives an alert with the status `firing`, and another one with `resolved` when it is over. `created_at` is
    the end of the minute in which it showed. The first results only teach the detector what is normal
    (`settings.learn_n`).

    Args:
        timestamps: when each result was written: datetimes, ISO 8601 strings, `numpy.datetime64`, or a pandas Series of
            these. Without a zone they are UTC. They need not be sorted.
        labels: a label for each (`negative`, `neutral`, `positive`), or whether it is negative (bool). Rows where it is
            missing (None, NaN) are left out.
        segment: what the series is of, such as a product. It names the alerts.
        texts: the texts, if alerts shall say what drives them and quote examples; they are redacted here.
        settings: the `[alerts]` table of the configuration; its defaults if it is not given.

    Raises:
        InputError: the lengths differ, a time is missing or unreadable, or a label is unknown.
    """
    monitor = StreamMonitor((AlertSettings() if settings is None else settings).spike_config())
    changes = replay(monitor, _observations(timestamps, labels, texts, segment))
    return [alert_at_its_time(change) for change in changes]


def _observations(
    timestamps: Iterable[Any], labels: Iterable[Any], texts: Iterable[str | None] | None, segment: str
) -> Iterator[SpikeObservation]:
    """What the detector takes in, by time."""
    times, negatives = _milliseconds(timestamps), [_is_negative(label) for label in labels]
    told = [None] * len(times) if texts is None else list(texts)
    if not len(times) == len(negatives) == len(told):
        raise InputError(f"{len(times)} timestamps, {len(negatives)} labels and {len(told)} texts: one each is needed")
    for row in sorted(range(len(times)), key=times.__getitem__):
        negative, text = negatives[row], told[row]
        if negative is None:
            continue
        yield SpikeObservation(
            key=str(row),
            segment=segment,
            feed=FEED,
            event_ms=times[row],
            scored_ms=times[row],
            negative=negative,
            p_negative=float(negative),
            text=redact(text).text if negative and text is not None and text_fault(text) is None else None,
            author=None,
            model=_ANY_MODEL,
        )


def _milliseconds(timestamps: Iterable[Any]) -> list[int]:
    """Unix milliseconds."""
    import pandas as pd

    given = pd.Series(list(timestamps))
    if len(given) and pd.api.types.is_numeric_dtype(given):
        raise InputError(
            "timestamps are numbers, which may be seconds or milliseconds",
            hint='convert them: pandas.to_datetime(values, unit="s")',
        )
    try:
        times = pd.DatetimeIndex(pd.to_datetime(given, utc=True, format="ISO8601"))
    except (ValueError, TypeError, OverflowError):
        raise InputError("a timestamp cannot be read", hint="convert them with pandas.to_datetime first") from None
    if n_missing := sum(map(bool, times.isna())):
        raise InputError(f"{n_missing} of {len(times)} timestamps are missing", hint="drop these rows first")
    return [int(value) for value in times.as_unit("ms").asi8]


def _is_negative(label: Any) -> bool | None:
    """None where the label is missing."""
    import pandas as pd

    if label is None or pd.isna(label):
        return None
    if isinstance(label, str) and label in LABELS:
        return label == "negative"
    if isinstance(label, str) or label not in (True, False):
        raise InputError(f"labels are {', '.join(LABELS)}, or whether it is negative as bool")
    return bool(label)
