"""A contender in its own process: what it predicts, and what happens if it fails."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from sentiment.errors import ModelError, SentimentError
from training.comparison.contenders import LEXICON, ContenderSpec
from training.comparison.process import ContenderProcess, peak_memory_bytes

WORD_LIST = ContenderSpec(LEXICON, None, is_lexicon=True)


def test_a_child_answers_times_and_weighs_itself() -> None:
    """One process answers all requests, and its memory is measured without the parent's."""
    with ContenderProcess(WORD_LIST, threads=1, label_map=None) as process:
        assert process.facts().backend == "word list"
        assert process.answer(["I love it"]).answers.probabilities.tolist() == [[0, 0, 1]]
        assert len(process.time_singles(["one", "two"])) == 2
        timed = process.time_batch(["one", "two"])
        assert timed.wall_s > 0
        assert timed.n_tokens is None
        peak = process.peak_memory_bytes()
    assert 10_000_000 < peak < peak_memory_bytes()


def test_a_models_error_reaches_the_parent_with_its_name(tmp_path: Path) -> None:
    """The kind of error, and so the exit code, is what loading it here would give."""
    missing = ContenderSpec("gone", str(tmp_path / "gone"))
    with (
        ContenderProcess(missing, threads=1, label_map=None) as process,
        pytest.raises(ModelError, match=r"gone: .*does not exist"),
    ):
        process.facts()


def test_a_dead_child_is_an_error_and_no_wait() -> None:
    """If it is killed, for example because memory ran out, the next request fails with the exit code."""
    with ContenderProcess(WORD_LIST, threads=1, label_map=None) as process:
        process.facts()
        [child] = multiprocessing.active_children()
        child.kill()
        with pytest.raises(SentimentError, match=r"lexicon ended \(exit code -9\)"):
            process.answer(["one"])


def test_peak_memory_is_read_where_linux_says_it(tmp_path: Path) -> None:
    """`VmHWM` is in kB."""
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t    2048 kB\n")
    assert peak_memory_bytes(status) == 2048 * 1024
