"""A backtest that was interrupted goes on, and tells what it would have told without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from consumers.backtesting.backtest import BacktestReport, run_backtest
from consumers.backtesting.finished import Finished
from consumers.backtesting.history import History, HistoryFields, read_history
from consumers.backtesting.trials import with_budget
from sentiment.outputs import find_output
from sentiment.progress import Silent
from sentiment.sources import detect_format, find_input
from sentiment.spikes.segment import SpikeConfig
from tests.consumers.backtesting.test_backtest import rows, write

CONFIG = SpikeConfig()
T = TypeVar("T")


class Interrupted(Silent):
    """Interrupts the work after its second segment."""

    def at(self, done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt


class Noting(Finished):
    """Notes which segments it lets compute."""

    def __init__(self, folder: Path) -> None:
        super().__init__(find_output(folder / "alerts.jsonl"), worth_s=0.0)
        self.computed: list[str] = []

    def get(self, kind: type[T], depends_on: Any, compute: Callable[[], T]) -> T:
        def noted() -> T:
            self.computed.append(depends_on[0])
            return compute()

        return super().get(kind, depends_on, noted)


def history(folder: Path) -> History:
    products = [row for name in "abc" for row in rows(product=name, incident_day=4 if name == "a" else None)]
    given = find_input(str(write(folder / "history.jsonl", products)))
    return read_history(given, detect_format(given), HistoryFields(), Silent())


def run(read: History, finished: Finished | None, config: SpikeConfig = CONFIG) -> BacktestReport:
    return run_backtest(read, config, Silent(), trials=1, most_segments=1, finished=finished)


def test_an_interrupted_backtest_goes_on(tmp_path: Path) -> None:
    """What was done is not done again, and every figure is that of a run without interruption."""
    read, before, after = history(tmp_path), Noting(tmp_path), Noting(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_backtest(read, CONFIG, Interrupted(), trials=1, most_segments=1, finished=before)
    resumed = run(read, after)
    assert (before.computed, after.computed) == (["a", "b"], ["c"])
    assert resumed == run(read, None)
    assert resumed.segments[0].simulated
    after.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["history.jsonl"]


def test_what_has_changed_is_computed_anew(tmp_path: Path) -> None:
    """Another budget changes all segments, another result only its own."""
    read, finished = history(tmp_path), Noting(tmp_path)
    run(read, finished)
    run(read, finished, with_budget(CONFIG, 0.3))
    assert finished.computed == ["a", "b", "c"] * 2
    seen = read.segments["b"]
    other = [replace(seen[0], negative=not seen[0].negative), *seen[1:]]
    run(replace(read, segments={**read.segments, "b": other}), finished)
    assert finished.computed[6:] == ["b"]


def test_a_damaged_piece_is_computed_anew(tmp_path: Path) -> None:
    """A file that somebody has cut or edited does no harm."""
    finished = Finished(find_output(tmp_path / "alerts.jsonl"), worth_s=0.0)
    assert finished.get(list[int], "work", lambda: [1, 2]) == [1, 2]
    (piece,) = (tmp_path / "alerts.jsonl.partial").iterdir()
    piece.write_bytes(b"[1,")
    assert finished.get(list[int], "work", lambda: [3]) == [3]
    assert finished.get(list[int], "work", list) == [3]


def test_quick_work_and_pipes_leave_nothing(tmp_path: Path) -> None:
    """Doing it again is as fast, and what is behind a pipe cannot go on."""
    Finished(find_output(tmp_path / "alerts.jsonl")).get(list[int], "work", list)
    Finished(find_output("-"), worth_s=0.0).get(list[int], "work", list)
    assert list(tmp_path.iterdir()) == []
