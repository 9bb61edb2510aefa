"""The plan of batches."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.batching import Batch, plan_batches, restore_order

LENGTHS = st.lists(st.integers(1, 300), max_size=60)


def cost(batches: list[Batch], overhead: int) -> int:
    return sum(batch.padded_tokens + overhead for batch in batches)


@given(LENGTHS, st.integers(1, 1_000), st.integers(1, 20), st.integers(0, 500))
def test_every_item_is_in_one_batch_and_every_batch_in_the_budget(
    lengths: list[int], tokens: int, items: int, overhead: int
) -> None:
    """The plan is a permutation under both limits; an item over the budget is alone."""
    batches = plan_batches(lengths, max_batch_tokens=tokens, max_batch_items=items, batch_overhead_tokens=overhead)
    assert sorted(index for batch in batches for index in batch.indices) == list(range(len(lengths)))
    for batch in batches:
        assert batch.width == max(lengths[index] for index in batch.indices)
        assert len(batch.indices) <= items
        assert batch.padded_tokens <= tokens or len(batch.indices) == 1
    assert batches == sorted(batches, key=lambda batch: batch.width)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=7), st.integers(1, 120), st.integers(1, 4), st.integers(0, 60))
def test_no_cheaper_way_to_cut(lengths: list[int], tokens: int, items: int, overhead: int) -> None:
    """Among all cuts of the sorted items under the limits, the plan is the cheapest."""
    ordered = sorted(lengths)
    costs = []
    for n_cuts in range(len(ordered)):
        for cuts in combinations(range(1, len(ordered)), n_cuts):
            edges = [0, *cuts, len(ordered)]
            groups = [ordered[start:stop] for start, stop in pairwise(edges)]
            if all(len(g) <= items and (g[-1] * len(g) <= tokens or len(g) == 1) for g in groups):
                costs.append(sum(g[-1] * len(g) + overhead for g in groups))
    plan = plan_batches(lengths, max_batch_tokens=tokens, max_batch_items=items, batch_overhead_tokens=overhead)
    assert cost(plan, overhead) == min(costs)


@given(LENGTHS, st.integers(1, 1_000), st.integers(1, 20), st.integers(0, 500))
def test_powers_of_two_within_the_same_limits(lengths: list[int], tokens: int, items: int, overhead: int) -> None:
    """Every item is in one batch of 1, 2, 4, … items; what is over the budget is alone."""
    batches = plan_batches(
        lengths,
        max_batch_tokens=tokens,
        max_batch_items=items,
        batch_overhead_tokens=overhead,
        powers_of_two=True,
    )
    assert sorted(index for batch in batches for index in batch.indices) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch.indices) in {1, 2, 4, 8, 16}
        assert len(batch.indices) <= items
        assert batch.padded_tokens <= tokens or len(batch.indices) == 1


def test_one_long_item_does_not_pad_the_short_ones() -> None:
    """Thirty short texts and a long one are two batches, although one would fit the budget."""
    batches = plan_batches([10] * 30 + [120], max_batch_tokens=4_096, max_batch_items=64, batch_overhead_tokens=64)
    assert [(len(batch.indices), batch.width) for batch in batches] == [(30, 10), (1, 120)]


@given(LENGTHS, st.integers(1, 500))
def test_outputs_come_back_in_the_order_of_the_input(lengths: list[int], tokens: int) -> None:
    """Whatever the plan, item i gets the answer that was computed for item i."""
    batches = plan_batches(lengths, max_batch_tokens=tokens, max_batch_items=8)
    outputs = [np.array([[index, lengths[index]] for index in batch.indices], np.float32) for batch in batches]
    restored = restore_order(batches, outputs, len(lengths), 2)
    assert restored.tolist() == [[index, length] for index, length in enumerate(lengths)]


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_wrong_number_of_outputs_is_noticed(shift: int) -> None:
    """One output more or less than items would swap answers, so it is refused."""
    batches = plan_batches([3, 4], max_batch_tokens=100, max_batch_items=8, batch_overhead_tokens=9)
    with pytest.raises(ValueError, match="outputs"):
        restore_order(batches, [np.zeros((2 + shift, 3), np.float32)], 2, 3)


def test_an_item_without_an_answer_is_noticed() -> None:
    """A batch that was never computed is an error."""
    first, *_ = plan_batches([1, 200], max_batch_tokens=10, max_batch_items=8)
    with pytest.raises(ValueError, match="1 of 2"):
        restore_order([first], [np.zeros((1, 3), np.float32)], 2, 3)


def test_halves_hold_the_same_items() -> None:
    """A batch that does not fit into memory is split, and its shorter half gets narrower; one item cannot be split."""
    lengths = [2, 3, 9]
    (batch,) = plan_batches(lengths, max_batch_tokens=100, max_batch_items=8, batch_overhead_tokens=100)
    assert batch.halves(lengths) == (Batch((0,), 2), Batch((1, 2), 9))
    with pytest.raises(ValueError, match="cannot be split"):
        Batch((0,), 2).halves(lengths)


def test_a_budget_of_nothing_is_refused() -> None:
    """No item fits into it."""
    with pytest.raises(ValueError, match="at least 1"):
        plan_batches([1], max_batch_tokens=0, max_batch_items=1)
