"""`make bench`: broker → worker → broker, beside what a user would write instead, in one run.

Every round gives each contender its turn, so that load on the machine slows all of them, and a ratio is taken within
a round. On a busy machine the other contenders fall further than the worker, and ratios flatter. So the run is refused
then, unless --busy-anyway says that it shall be marked.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil

from benchmarks.contenders import (
    PARTITIONS,
    BareLoop,
    Contender,
    ThroughKafka,
    Turn,
    first_consumer,
    onnxruntime_is_there,
)
from benchmarks.latency import latencies_ms
from benchmarks.machine import Watch, instruction_set, others_within
from benchmarks.report import show
from benchmarks.rows import feedback
from benchmarks.stages import read_stages
from sentiment.logs import configure_logging
from tests.brokers import Broker, DevBroker, free_port
from tests.e2e.pipeline import pipeline
from training.comparison.process import peak_memory_bytes

MAX_OTHERS = 0.15
"""Cores that other programs may keep busy."""

WORKER = "sentiment worker"
LOADS = (0.1, 0.5, 0.8)
_LOOK_S = 3.0
_MIN_WARM_UP = 8


@click.command()
@click.option(
    "--texts", type=click.IntRange(20), default=4_800, show_default=True, help="Texts of one turn of the worker."
)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Rounds.")
@click.option("--latency-s", type=click.FloatRange(0.5), default=15.0, show_default=True, help="Seconds at each load.")
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="Rows with a column text; else the demo's.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("build/bench.json"),
    show_default=True,
    help="Where the figures go.",
)
@click.option("--busy-anyway", is_flag=True, help="Run on a busy machine, too, and mark the result.")
def main(texts: int, rounds: int, latency_s: float, data: Path | None, output: Path, busy_anyway: bool) -> None:
    """Measure the speed of the pipeline."""
    configure_logging("warning", "console")
    others = others_within(_LOOK_S)
    if others > MAX_OTHERS and not busy_anyway:
        click.echo(
            f"error: other programs keep {others:.2f} cores busy (at most {MAX_OTHERS}); ratios would flatter. "
            "Stop them, or mark the result with --busy-anyway", err=True,
        )  # fmt: skip
        sys.exit(2)
    rows = feedback(data, texts)
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        DevBroker() as broker,
        _opened(broker, Path(folder), port) as contenders,
    ):
        found = _measure(contenders, rows, rounds, latency_s)
        stages_us, padded_share = read_stages(port)
    found["worker"] = {"stages_us": stages_us, "padded_share": padded_share}
    found["machine"] |= {"others_before": others, "busy": max(others, found["machine"]["others_during"]) > MAX_OTHERS}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(found, indent=1) + "\n")
    show(found)
    click.echo(f"written to {output}")


@contextmanager
def _opened(broker: Broker, folder: Path, metrics_port: int) -> Iterator[list[Contender]]:
    """All contenders, started; the first is the one that others are compared with."""
    contenders: list[Contender] = []
    with pipeline(broker.bootstrap, folder / "worker", partitions=PARTITIONS) as ours:
        try:
            contenders.append(first_consumer(broker, folder, 1, 0.15))
            contenders.append(first_consumer(broker, folder, 32, 0.25))
            command = ours.command("worker", "--threads", "0", "--metrics-port", str(metrics_port)).start()
            assert command.process is not None
            topics = ours.settings.topics
            contenders.append(
                ThroughKafka(WORKER, 1.0, command.process, broker.bootstrap, topics.feedback, topics.sentiment)
            )
            contenders.append(BareLoop("bare loop, OpenVINO int8", "openvino"))
            if onnxruntime_is_there():
                contenders.append(BareLoop("bare loop, ONNX Runtime dynamic int8", "onnxruntime"))
            yield contenders
        finally:
            for each in contenders:
                each.close()


def _measure(contenders: Sequence[Contender], rows: list[str], rounds: int, latency_s: float) -> dict[str, Any]:
    given = {each.name: rows[: max(_MIN_WARM_UP, round(len(rows) * each.share))] for each in contenders}
    for each in contenders:  # also waits until it is started
        each.take(given[each.name][: max(_MIN_WARM_UP, len(given[each.name]) // 4)])
    turns: dict[str, list[Turn]] = {each.name: [] for each in contenders}
    cpu_before = {each.name: _cpu_s(each) for each in contenders}
    watch = Watch()
    for number in range(rounds):
        for offset in range(len(contenders)):
            each = contenders[(number + offset) % len(contenders)]
            turns[each.name].append(each.take(given[each.name]))
    cpu_s = {each.name: _cpu_s(each) - cpu_before[each.name] for each in contenders}
    throughput = watch.others()
    rates = {name: [len(given[name]) / turn.seconds for turn in taken] for name, taken in turns.items()}
    [worker] = [each for each in contenders if isinstance(each, ThroughKafka) and each.name == WORKER]
    [loop] = [each for each in contenders if isinstance(each, BareLoop)][:1]
    median = float(np.median(rates[WORKER]))
    loads = [_at_load(worker, rows, share, median * share, latency_s) for share in LOADS]
    reference = contenders[0].name
    return {
        "machine": {
            "instruction_set": instruction_set(),
            "cores": len(os.sched_getaffinity(0)),
            "others_during": max(throughput, watch.others()),
        },
        "texts": {"n": len(rows), "rounds": rounds, "mean_tokens": loop.mean_tokens},
        "contenders": [
            {
                "name": each.name,
                "per_second": rates[each.name],
                "tokens_per_second": float(np.median(rates[each.name])) * loop.mean_tokens,
                "ratios": [ours / theirs for ours, theirs in zip(rates[each.name], rates[reference], strict=True)],
                "agreement": _agreement(turns[reference][0].labels, turns[each.name][0].labels),
                "padded_share": each.padded_share if isinstance(each, BareLoop) else None,
                "cpu_ms": cpu_s[each.name] * 1_000 / (rounds * len(given[each.name])),
                "peak_mib": peak_memory_bytes(Path(f"/proc/{each.process.pid}/status")) / 2**20,
            }
            for each in contenders
        ],
        "latency": loads,
    }


def _at_load(
    worker: ThroughKafka, rows: Sequence[str], share: float, per_second: float, seconds: float
) -> dict[str, Any]:
    texts = [rows[number % len(rows)] for number in range(max(_MIN_WARM_UP, round(per_second * seconds)))]
    p50, p95, p99 = latencies_ms(worker, texts, per_second=per_second)
    return {"share": share, "per_second": per_second, "n": len(texts), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}


def _cpu_s(contender: Contender) -> float:
    times = psutil.Process(contender.process.pid).cpu_times()
    return float(times.user + times.system)


def _agreement(one: Sequence[str], other: Sequence[str]) -> float:
    """The share of the texts that both got which have the same label."""
    return float(np.mean([a == b for a, b in zip(one, other, strict=False)]))


if __name__ == "__main__":
    main()
