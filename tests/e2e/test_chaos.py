"""Processes die at the worst moments, and still every row is published and scored exactly once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.e2e.pipeline import assert_each_once, pipeline, write_feedback

ROWS = 900


@pytest.mark.slow
def test_killed_workers_and_a_killed_ingest_lose_and_double_nothing(broker: Broker, tmp_path: Path) -> None:
    """With `kill -9` of one of two workers at three random moments, and of the ingest, each row has one result."""
    draw = random.Random()
    seed = draw.randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 shown when the test fails
    draw.seed(seed)
    file = tmp_path / "rows.jsonl"
    ids = write_feedback(file, ROWS, seed=1)
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        # 900 s of events at 90 times their pace: ten seconds, so that there is a middle to be killed in.
        ingest = here.command("ingest", str(file), "--speed", "90").start()
        victim = here.command("worker").start()
        here.command("worker").start()
        moment = draw.randrange(1, ROWS // 2)
        here.until(lambda: len(here.tally.events) >= moment, f"{moment} events")
        assert ingest.running
        ingest.kill()
        ingest.start()
        for quarter in range(3):
            here.until_results(ROWS * quarter // 4 + draw.randrange(1, ROWS // 4))
            victim.kill()
            victim.start()
        assert ingest.wait() == 0, here.last_words()
        here.until(lambda: len(here.tally.results) >= ROWS, "all results")
        here.until(lambda: victim.has_said("change=assigned"), "the victim is back")
        assert [command.stop() for command in here.commands if command.running] == [0, 0]
        here.until(here.observer.at_end, "the end")
        assert_each_once(here.results, ids, here.tally)


@pytest.mark.slow
def test_two_workers_end_by_themselves_when_all_is_done(broker: Broker, tmp_path: Path) -> None:
    """A stream at full speed, two workers with --until-idle: as many results as rows, none doubled, exit codes 0."""
    file = tmp_path / "rows.jsonl"
    ids = write_feedback(file, 600, seed=2)
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        ingest = here.command("ingest", str(file), "--speed", "max").start()
        here.until(lambda: len(here.tally.events) > 0, "events")
        workers = [here.command("worker", "--until-idle", "4").start() for _ in range(2)]
        assert ingest.wait() == 0, here.last_words()
        assert [worker.wait() for worker in workers] == [0, 0], here.last_words()
        here.until(here.observer.at_end, "the end")
        assert_each_once(here.results, ids, here.tally)
