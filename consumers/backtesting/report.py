"""The HTML report of a backtest: one file that loads nothing and runs no script. Needs the extra `train`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from consumers.backtesting.backtest import BacktestReport, Hour, SegmentReport
from sentiment.figures import BLUE, GREY, ORANGE, STYLE, data_uri, svg
from sentiment.pages import page_of

_TEMPLATES = Path(__file__).parent / "templates"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_POINTS = 400


def report_html(report: BacktestReport, source: str) -> str:
    """The report. Everything that comes from data is escaped; a table beside each plot has the same figures."""
    plots = {segment.name: data_uri(_plot(segment)) for segment in report.segments if segment.simulated}
    return page_of(_TEMPLATES, "backtest.html", report=report, plots=plots, source=source)


def _plot(segment: SegmentReport) -> str:
    """Observed share inside the expected band, with the episodes shaded."""
    points = _merged(segment.hours)
    at: Any = [_EPOCH + timedelta(minutes=minute) for minute, *_ in points]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 2.8), layout="constrained")
        axes = figure.subplots()
        known: Any = [place for place, point in enumerate(points) if point[2] is not None]
        low: Any = [points[place][3] for place in known]
        high: Any = [points[place][4] for place in known]
        axes.fill_between(
            [at[place] for place in known],
            low,
            high,
            color=BLUE,
            alpha=0.2,
            linewidth=0,
            label="expected, with two standard deviations",
        )
        axes.plot(at, [share for _, share, *_ in points], color=GREY, linewidth=0.8, label="observed")
        for number, (start, end) in enumerate(_episodes(segment)):
            axes.axvspan(start, end, color=ORANGE, alpha=0.35, label=None if number else "episode")
        axes.set_ylim(0.0, 1.0)
        axes.set_ylabel("share of negatives")
        axes.legend(loc="upper right", fontsize=8, frameon=False)
        figure.autofmt_xdate()
        return svg(figure)


def _episodes(segment: SegmentReport) -> list[tuple[Any, Any]]:
    ends = {alert.episode_id: alert.window_end for alert in segment.alerts}
    return [(start, ends[episode]) for episode, start in {a.episode_id: a.started_at for a in segment.alerts}.items()]


Point = tuple[int, float, float | None, float | None, float | None]
"""First minute, observed share, and the expected one with its band."""


def _merged(hours: Sequence[Hour]) -> list[Point]:
    """The hours, or runs of as many as keep the plot readable."""
    size = -(-len(hours) // _MOST_POINTS) or 1
    points: list[Point] = []
    for start in range(0, len(hours), size):
        group = [hour for hour in hours[start : start + size] if hour.n]
        if not group:
            continue
        n = sum(hour.n for hour in group)
        last = group[-1]
        points.append((group[0].minute, sum(h.negatives for h in group) / n, last.expected, last.low, last.high))
    return points
