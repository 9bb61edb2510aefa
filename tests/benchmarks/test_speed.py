"""`make bench`, end to end with few texts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.machine import instruction_set
from benchmarks.rows import LONGEST_CHARACTERS, LONGEST_WORDS, every_length, feedback, longest
from tests.processes import run


@pytest.mark.slow
def test_a_tiny_run_measures_everybody(tmp_path: Path) -> None:
    """All contenders agree on the labels; every figure is there; on a busy machine it is refused, or marked."""
    output = tmp_path / "deep" / "bench.json"
    command = [sys.executable, "-m", "benchmarks.speed", "--texts", "40", "--rounds", "1", "--latency-s", "0.5"]
    ran = run([*command, "--busy-anyway", "--output", str(output)])
    assert ran.returncode == 0, ran.stderr
    found = json.loads(output.read_text())
    names = [each["name"] for each in found["contenders"]]
    assert names[:3] == ["first consumer, one by one", "first consumer, batches of 32", "sentiment worker"]
    for each in found["contenders"]:
        assert each["name"] in ran.stdout
        assert each["agreement"] >= 0.8  # of eight texts, at most one may differ
        assert min(*each["per_second"], *each["ratios"], each["peak_mib"], each["cpu_ms"]) > 0
    assert [each["share"] for each in found["latency"]] == [0.1, 0.5, 0.8]
    assert all(0 < each["p50_ms"] <= each["p95_ms"] <= each["p99_ms"] for each in found["latency"])
    assert {"redact", "language", "tokenise", "infer"} <= set(found["worker"]["stages_us"])
    assert ("no result" in ran.stdout) == found["machine"]["busy"]


def test_texts_have_every_length() -> None:
    """From one word to the longest, each number of words occurs; the long text is as long as it says."""
    lengths = {len(text.split()) for text in every_length(3_000)}
    assert lengths == set(range(1, LONGEST_WORDS + 1))
    assert len(longest()) == LONGEST_CHARACTERS


def test_few_texts_are_repeated(tmp_path: Path) -> None:
    """A short file gives as many texts as are asked for, in an order that the seed fixes."""
    source = tmp_path / "x.jsonl"
    source.write_text('{"text": "one"}\n{"text": ""}\n{"text": "two"}\n')
    assert sorted(feedback(source, 5)[:2]) == ["one", "two"]
    assert feedback(source, 5) == feedback(source, 5)
    assert len(feedback(source, 5)) == 5


def test_the_fastest_instruction_set_is_named(tmp_path: Path) -> None:
    """Of several, the one that counts for int8."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : sse2 avx2 avx512f avx512_vnni\n")
    assert instruction_set(cpuinfo) == "avx512_vnni"
    assert instruction_set(tmp_path / "none") == "unknown"
