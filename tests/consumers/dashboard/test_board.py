"""The board against counting by hand, and its bounds."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.dashboard.board import (
    MAX_EPISODES,
    MAX_MESSAGES,
    MAX_PRODUCTS,
    OTHERS,
    PERIOD,
    POINTS,
    STEP,
    LiveBoard,
    Product,
)
from sentiment.events import Label
from sentiment.statistics import wilson
from tests.consumers.notifying.support import alert, changed
from tests.consumers.results import START, scored

MINUTES = st.integers(0, 600)
LABELS: st.SearchStrategy[Label] = st.sampled_from(["negative", "neutral", "positive"])


def only(board: LiveBoard) -> Product:
    [product] = board.view().products
    return product


@given(st.lists(st.tuples(MINUTES, LABELS), min_size=1))
def test_shares_are_those_of_the_hour_before_the_latest_result(given_rows: list[tuple[int, Label]]) -> None:
    """In whatever order results come: the last hour, the hour before, and the curve, whose last point is the hour."""
    board = LiveBoard()
    for number, (minute, label) in enumerate(given_rows):
        board.scored(scored(number, START + timedelta(minutes=minute), label))
    latest = max(minute for minute, _ in given_rows)

    def counted(last: int) -> tuple[int, int]:
        labels = [label for minute, label in given_rows if last - PERIOD < minute <= last]
        return len(labels), labels.count("negative")

    product = only(board)
    n, negatives = counted(latest)
    before, negatives_before = counted(latest - PERIOD)
    assert product.n == n
    assert product.share == wilson(negatives / n, n)
    assert product.share_before == (wilson(negatives_before / before, before) if before else None)
    assert [tuple(point[1:]) for point in product.curve] == [
        counted(latest - back) for back in range((POINTS - 1) * STEP, -1, -STEP)
    ]


@given(st.permutations(range(MAX_MESSAGES + 20)))
def test_the_latest_messages_are_shown_in_whatever_order_they_came(order: list[int]) -> None:
    """So a restart, which reads one partition after the other, shows the same."""
    board = LiveBoard()
    for number in order:
        board.scored(scored(number, START + timedelta(minutes=number // 2), "neutral", text=str(number)))
    assert [each.text for each in board.view().messages] == [str(n) for n in range(MAX_MESSAGES + 19, 19, -1)]


def test_a_result_without_evidence_is_shown_and_not_counted() -> None:
    """As in detection."""
    board = LiveBoard()
    board.scored(msgspec.structs.replace(scored(0, START, "neutral"), no_evidence=True))
    assert only(board).share is None
    assert len(board.view().messages) == 1


def test_memory_is_bounded() -> None:
    """By products, messages, episodes and minutes, however much comes. An open episode stays longer than ended ones."""
    board = LiveBoard()
    for number in range(3 * MAX_MESSAGES):
        board.scored(scored(number, START + timedelta(minutes=10 * number), "negative", product=f"p{number}"))
        board.alerted(changed("resolved", episode_id=f"ended-{number}") if number else alert())
    view = board.view()
    assert len(view.messages) == MAX_MESSAGES
    assert len(view.products) == MAX_PRODUCTS + 1
    assert OTHERS in {each.name for each in view.products}
    assert len(view.episodes) == MAX_EPISODES
    assert view.episodes[0] == alert()


def test_what_needs_attention_comes_first() -> None:
    """A product with an open episode before one with more results; the latest state of an episode is shown."""
    board = LiveBoard()
    for number in range(5):
        board.scored(scored(number, START, "neutral", product="busy"))
    board.scored(scored(9, START, "negative", product="app"))
    board.alerted(alert())
    assert [each.name for each in board.view().products] == ["app", "busy"]
    board.alerted(changed("resolved"))
    assert [each.name for each in board.view().products] == ["busy", "app"]
    assert [each.status for each in board.view().episodes] == ["resolved"]


@pytest.mark.parametrize("trouble", ["Kafka is away", ""])
def test_a_change_is_a_new_version(trouble: str) -> None:
    """So a page that has seen this version is sent nothing."""
    board = LiveBoard()
    board.troubled(trouble)
    version = board.version
    assert version == bool(trouble)
    board.troubled(trouble)
    assert board.version == version
    board.parked("invalid_json")
    assert board.version == version + 1
    assert board.view().dead_letters == {"invalid_json": 1}
