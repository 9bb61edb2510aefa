"""The memory of a worker that serves texts of every length: `python -m benchmarks.memory`.

A development broker and `sentiment worker` as processes. The worker's resident memory is read after a tenth of the
texts and after all of them. Two more workers tell what one text of 32,000 characters among short ones adds to the
peak. Exit code 1 if a bound does not hold.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import click
import psutil

from benchmarks.rows import LONGEST_CHARACTERS, every_length, feedback, longest
from tests.brokers import Broker, DevBroker
from tests.consumers.kafka_io import produce
from tests.e2e.pipeline import pipeline
from training.comparison.process import peak_memory_bytes

MAX_MIB = 600
MAX_GROWTH = 1.1
MAX_LONG = 1.2
_TEXTS_AT_ONCE = 2_000


@click.command()
@click.option("--texts", type=click.IntRange(100), default=100_000, show_default=True, help="Texts of every length.")
@click.option(
    "--short", type=click.IntRange(10), default=10_000, show_default=True, help="Short texts beside the long."
)
def main(texts: int, short: int) -> None:
    """Measure the memory of the scoring worker."""
    with tempfile.TemporaryDirectory() as folder, DevBroker() as broker:
        place = Path(folder)
        early, late = _serve(broker, place / "all", every_length(texts), marks=(texts // 10, texts))
        (plain,) = _serve(broker, place / "short", feedback(None, short), marks=(short,), peak=True)
        among = [*feedback(None, short // 2), longest(), *feedback(None, short - short // 2)]
        (mixed,) = _serve(broker, place / "mixed", among, marks=(short + 1,), peak=True)
    held = [
        _tell(f"resident after {texts:,} texts of every length", late, MAX_MIB, "MiB"),
        _tell(f"… as a ratio to {early:.0f} MiB after {texts // 10:,}", late / early, MAX_GROWTH, "×"),
        _tell(
            f"peak with one text of {LONGEST_CHARACTERS:,} characters among {short:,} short ones, ratio to "
            f"{plain:.0f} MiB without it", mixed / plain, MAX_LONG, "×",
        ),
    ]  # fmt: skip
    sys.exit(0 if all(held) else 1)


def _serve(
    broker: Broker, folder: Path, texts: Iterable[str], marks: tuple[int, ...], *, peak: bool = False
) -> list[float]:
    """The resident memory, or its peak, of a new worker in MiB after it has served each number of texts in `marks`."""
    found, done = [], 0
    remaining = iter(texts)
    with pipeline(broker.bootstrap, folder) as served:
        worker = served.command("worker", "--threads", "0").start()
        for mark in marks:
            while part := list(itertools.islice(remaining, min(_TEXTS_AT_ONCE, mark - done))):
                values = [json.dumps({"text": text}).encode() for text in part]
                produce(broker.bootstrap, served.settings.topics.feedback, [(None, value) for value in values])
                done += len(part)
                served.until_results(done)
            assert worker.process is not None
            process = psutil.Process(worker.process.pid)
            status = Path(f"/proc/{process.pid}/status")
            found.append((peak_memory_bytes(status) if peak else process.memory_info().rss) / 2**20)
    return found


def _tell(what: str, value: float, limit: float, unit: str) -> bool:
    click.echo(f"{what}: {value:.{0 if unit == 'MiB' else 2}f} {unit} (at most {limit:g})")
    return value <= limit


if __name__ == "__main__":
    main()
