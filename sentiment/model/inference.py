"""Compute windows in batches, stage by stage. A network without exits has one stage.

A stage ends at an exit. Windows that are sure enough leave there. The others wait, until they fill a batch of the next
stage or nothing else is left to do. So batches stay full, and few windows wait: their hidden states take memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentiment.batching import Batch, plan_batches, restore_order
from sentiment.errors import FatalError
from sentiment.model.exits import Exit, Hidden, certainty, pool

Ids = NDArray[np.int64]
Logits = NDArray[np.float32]


class Backend(Protocol):
    """The core step. It knows tensors and a device, but neither texts nor labels."""

    @property
    def name(self) -> str:
        """Runtime, device if it matters, and arithmetic: ``openvino-int8``."""
        ...

    @property
    def batch_overhead_tokens(self) -> int:
        """The cost of starting one more batch, as the number of tokens that take the same time."""
        ...

    @property
    def width_step(self) -> int:
        """Widths are rounded up to a multiple of this, so that few shapes occur; 1 if a new shape costs nothing."""
        ...

    @property
    def powers_of_two(self) -> bool:
        """Whether a batch holds 1, 2, 4, … windows, for the same reason."""
        ...

    def logits(self, input_ids: Ids, attention_mask: Ids) -> Logits:
        """(n, width) ids and mask to (n, outputs) logits. Raises ``MemoryError`` if the batch does not fit."""
        ...

    def stage(self, number: int, inputs: NDArray[Any], attention_mask: Ids) -> NDArray[np.float32]:
        """Compute one stage of a network that is cut at its exits, counted from 0, for (n, width) windows.

        The first takes ids, the others the hidden states (n, width, size) that the one before returned. The last
        returns logits (n, outputs). All stages together are `logits`. Raises ``MemoryError`` if the batch does not fit.
        """
        ...


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The budget of one batch. Higher limits cost memory and latency, and give more throughput up to a point."""

    max_batch_tokens: int
    max_batch_items: int


@dataclass(frozen=True, slots=True)
class Computed:
    """Logits (windows, outputs), the stage (windows,) after which each window left, and the tokens of all batches."""

    logits: Logits
    stages: NDArray[np.int64]
    padded_tokens: int


class Inference:
    """One pass of `windows` through a network with `exits`, or past them if none are given.

    The network reads at most `max_width` tokens.
    """

    def __init__(
        self,
        backend: Backend,
        exits: Sequence[Exit],
        limits: BatchLimits,
        windows: Sequence[Sequence[int]],
        pad_id: int,
        max_width: int,
    ) -> None:
        self._backend = backend
        self._exits = exits
        self._limits = limits
        self._windows = windows
        self._lengths = [len(window) for window in windows]
        step = backend.width_step
        self._widths = [min(-(-length // step) * step, max_width) for length in self._lengths]
        """Tokens that each window takes, padding included, where it is not padded to a longer one."""
        self._pad_id = pad_id
        self._planned: list[list[Batch]] = [[] for _ in range(len(exits) + 1)]
        self._waiting: list[dict[int, Hidden]] = [{} for _ in range(len(exits) + 1)]
        self._done: list[list[tuple[Batch, Logits]]] = [[] for _ in range(len(exits) + 1)]
        self._padded_tokens = 0
        self._all_pass = False

    def run(self, n_outputs: int) -> Computed:
        """Compute every window as far as it has to go. The heads and the network have `n_outputs` outputs."""
        self._compute_all()
        done = [piece for stage in self._done for piece in stage]
        stages = np.full(len(self._windows), -1, dtype=np.int64)
        for stage, pieces in enumerate(self._done):
            for batch, _ in pieces:
                stages[list(batch.indices)] = stage
        batches, outputs = [batch for batch, _ in done], [output for _, output in done]
        return Computed(restore_order(batches, outputs, len(self._windows), n_outputs), stages, self._padded_tokens)

    def run_all_stages(self) -> list[NDArray[np.float32]]:
        """What every head says about every window, (windows, outputs) for each stage; nothing leaves early."""
        self._all_pass = True
        self._compute_all()
        restored = []
        for pieces in self._done:
            batches, outputs = [batch for batch, _ in pieces], [output for _, output in pieces]
            n_outputs = outputs[0].shape[1] if outputs else 0
            restored.append(restore_order(batches, outputs, len(self._windows), n_outputs))
        return restored

    def _compute_all(self) -> None:
        self._planned[0] = self._plan(range(len(self._windows)))
        # The longest come first, so that a batch that does not fit into memory fails at once and not after minutes.
        while (stage := self._next_stage()) is not None:
            batch = self._planned[stage].pop()
            try:
                self._compute(stage, batch)
            except MemoryError as error:
                if len(batch.indices) == 1:
                    raise FatalError(
                        f"out of memory for one window of {batch.width} tokens with {self._backend.name}",
                        hint="give the process more memory, or use a smaller model",
                    ) from error
                self._planned[stage].extend(batch.halves(self._widths))

    def _next_stage(self) -> int | None:
        """The deepest stage that has a batch. If only windows wait, the first stage of them gets what it has."""
        for stage in reversed(range(len(self._planned))):
            if not self._planned[stage] and self._is_full(stage):
                chosen = list(self._waiting[stage])[: self._limits.max_batch_items]
                self._planned[stage] = self._plan(chosen)
            if self._planned[stage]:
                return stage
        for stage, waiting in enumerate(self._waiting):
            if waiting:
                self._planned[stage] = self._plan(list(waiting))
                return stage
        return None

    def _is_full(self, stage: int) -> bool:
        waiting = self._waiting[stage]
        return len(waiting) >= self._limits.max_batch_items or (
            sum(map(len, waiting.values())) >= self._limits.max_batch_tokens
        )

    def _plan(self, indices: Sequence[int]) -> list[Batch]:
        plan = plan_batches(
            [self._widths[index] for index in indices],
            max_batch_tokens=self._limits.max_batch_tokens,
            max_batch_items=self._limits.max_batch_items,
            batch_overhead_tokens=self._backend.batch_overhead_tokens,
            powers_of_two=self._backend.powers_of_two,
        )
        return [Batch(tuple(indices[index] for index in batch.indices), batch.width) for batch in plan]

    def _compute(self, stage: int, batch: Batch) -> None:
        mask = np.arange(batch.width) < np.array([self._lengths[index] for index in batch.indices])[:, None]
        inputs = self._inputs(stage, batch, mask)
        attention_mask = mask.astype(np.int64)
        if not self._exits:
            self._done[0].append((batch, self._backend.logits(inputs, attention_mask)))
        else:
            outputs = self._backend.stage(stage, inputs, attention_mask)
            self._settle(stage, batch, outputs, attention_mask)
        if stage == 0:
            self._padded_tokens += batch.padded_tokens
        for index in batch.indices:
            self._waiting[stage].pop(index, None)

    def _settle(self, stage: int, batch: Batch, outputs: NDArray[np.float32], mask: Ids) -> None:
        """Record the answers of the windows that leave after `stage`, and let the others wait for the next."""
        if stage == len(self._exits):
            self._done[stage].append((batch, outputs))
            return
        found = self._exits[stage].head(pool(outputs, mask))
        stays = np.ones(len(found), dtype=bool)
        if self._all_pass:
            self._done[stage].append((batch, found))
        else:
            stays = ~(certainty(found) >= self._exits[stage].threshold)  # one that is not a number stays, too
            leaving = tuple(index for index, stay in zip(batch.indices, stays, strict=True) if not stay)
            if leaving:
                self._done[stage].append((Batch(leaving, batch.width), found[~stays]))
        for row in np.flatnonzero(stays).tolist():
            index = batch.indices[row]
            # A copy: a view would keep the states of the whole batch.
            self._waiting[stage + 1][index] = outputs[row, : self._lengths[index]].copy()

    def _inputs(self, stage: int, batch: Batch, mask: NDArray[np.bool_]) -> NDArray[Any]:
        if stage == 0:
            input_ids = np.full(mask.shape, self._pad_id, dtype=np.int64)
            input_ids[mask] = np.concatenate([self._windows[index] for index in batch.indices])
            return input_ids
        states = [self._waiting[stage][index] for index in batch.indices]
        hidden = np.zeros((*mask.shape, states[0].shape[1]), dtype=np.float32)
        for row, state in zip(hidden, states, strict=True):
            row[: len(state)] = state
        return hidden
