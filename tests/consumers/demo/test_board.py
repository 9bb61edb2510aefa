"""The display shows what was counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from consumers.demo.board import COLUMNS, Board
from consumers.demo.view import PlainView, draw, share_bar, sparkline
from sentiment.events import LABELS, Label, ScoredFeedback
from tests.consumers.demo.test_verdict import NOON, alert, position, result

DAY = timedelta(hours=24)


def scored(hour: float, label: Label, product: str = "shop") -> ScoredFeedback:
    return msgspec.structs.replace(result(0), created_at=NOON + timedelta(hours=hour), label=label, product=product)


def board() -> Board:
    return Board("demo", 10, DAY, started_s=100.0)


def _printed(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_results_are_entered_by_product_and_time() -> None:
    """Shares are per product. The chart has a value where there are results, smoothed with the previous column."""
    shown = board()
    shown.take([scored(0, "positive"), scored(12, "negative"), scored(24, "negative"), scored(1, "neutral", "other")])
    assert shown.shares("shop") == {"negative": 2 / 3, "neutral": 0.0, "positive": 1 / 3}
    chart = shown.negative_shares("shop")
    assert len(chart) == COLUMNS
    assert {place: share for place, share in enumerate(chart) if share is not None} == {
        0: 0.0,
        COLUMNS // 2: 1.0,
        COLUMNS - 1: 1.0,
    }


def test_a_stream_without_a_span_fills_one_column() -> None:
    """If all events have the same time, nothing is divided by zero."""
    shown = Board("demo", 1, timedelta(), started_s=0.0)
    shown.take([scored(0, "negative")])
    assert shown.negative_shares("shop")[0] == 1.0


def test_throughput_is_counted_by_whole_seconds() -> None:
    """The current second does not count yet, and silence lowers the rate."""
    shown = board()
    shown.tick(100.2)
    shown.take([scored(0, "positive")] * 10)
    assert shown.rate == 0.0
    shown.tick(101.3)
    assert shown.per_second[-1] == 10
    assert shown.rate == 2.0
    shown.tick(500.0)
    assert shown.rate == 0.0


@given(st.lists(st.sampled_from(LABELS), max_size=40), st.integers(min_value=1, max_value=60))
def test_bars_are_exactly_as_wide_as_they_should_be(labels: list[Label], width: int) -> None:
    """For any shares, the three parts of a bar add up to its width, or to nothing without results."""
    shown = board()
    shown.take([scored(0, label) for label in labels])
    assert len(share_bar(shown.shares("shop"), width)) == (width if labels else 0)


def test_sparklines_have_one_character_a_value() -> None:
    """From the lowest to the highest block. Values above the top are drawn at the top, gaps as dots."""
    assert sparkline([0.0, None, 0.5, 1.0, 7.0], 1.0) == "▁·▅██"


def test_the_display_shows_counts_products_and_notices() -> None:
    """Counts, products and notices are on the screen, and markup in them is shown as text."""
    shown = board()
    shown.tally.add_event(position(0), "shop", NOON)
    shown.tally.add_result(result(0))
    shown.take([scored(0, "negative", "[bold]shop")])
    shown.notices.append("shop: 60 % negative [EMAIL]")
    console = Console(file=StringIO(), width=120)
    console.print(draw(shown))
    text = _printed(console)
    for part in ("published 1 of 10", "scored 1", "dead letters 0", "[bold]shop", "100%", "60 % negative [EMAIL]"):
        assert part in text


def test_plain_lines_come_now_and_then() -> None:
    """Without a terminal, counts are printed every two seconds at most, and notices at once."""
    shown = board()
    shown.tally.add_event(position(0), "shop", datetime(2026, 1, 1, tzinfo=UTC))
    shown.take([alert()])
    console = Console(file=StringIO(), width=200)
    view = PlainView(shown, console)
    for now_s in (100.0, 100.5, 101.0, 102.5):
        shown.tick(now_s)
        view.refresh()
    view.notice("ALERT [EMAIL]")
    lines = _printed(console).splitlines()
    assert [line.split("s  ")[1][:9] for line in lines[:2]] == ["published", "published"]
    assert lines[2].endswith("ALERT [EMAIL]")
    assert len(lines) == 3
