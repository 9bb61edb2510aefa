"""Kafka goes away and comes back: every service waits and goes on. Or it ends, if that is asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka.errors import CorruptRecordError, KafkaTimeoutError, NotEnoughReplicasError, ProducerFencedError

from consumers.cluster.reader import ReadingStalledError
from consumers.runtime.health import Health
from consumers.runtime.metrics import Metrics
from consumers.runtime.outage import KafkaAwayError, Outage, Source, connect, means_away
from consumers.timing.clock import SystemClock
from sentiment.errors import BrokerUnavailable, DeadlineExceeded, TransactionFailed, TransientError
from tests.brokers import ApacheKafka, Broker, DevBroker, free_port
from tests.consumers.kafka_io import produce
from tests.consumers.runtime.pipe import Copier, Pipe
from tests.e2e.pipeline import Pipeline, pipeline
from tests.fakes import ManualClock
from tests.waiting import WITHIN_S, wait_until

AWAY = "sentiment_kafka_unreachable_seconds"


@pytest.fixture
def own_broker() -> Iterator[DevBroker]:
    """A development broker that may be killed."""
    with DevBroker() as broker:
        yield broker


def caused(error: TransientError, cause: Exception) -> TransientError:
    error.__cause__ = cause
    return error


def test_only_silence_is_an_outage() -> None:
    """What Kafka refuses, it refuses again. What it does not answer, it may answer later."""
    failed = TransactionFailed("commit failed")
    for cause in (KafkaTimeoutError(), NotEnoughReplicasError(), DeadlineExceeded("commit")):
        assert means_away(caused(failed, cause))
    for refusal in (ProducerFencedError(), CorruptRecordError()):
        assert not means_away(caused(failed, refusal))
    assert means_away(BrokerUnavailable("no usable Kafka"))
    assert not means_away(ReadingStalledError("an open transaction"))


def test_an_outage_lasts_until_every_source_has_an_answer() -> None:
    """It is as long as the longest absence, and ends the service only past the limit."""
    clock = ManualClock()
    outage = Outage(clock, exit_after_s=60.0)
    clock.advance(10)
    outage.failed(Source.WATCH, "refused", since_s=4.0)
    outage.failed(Source.LOOP, "no answer")
    assert outage.seconds() == 6.0
    clock.advance(20)
    outage.failed(Source.WATCH, "still refused")
    outage.check()
    assert outage.seconds() == 26.0
    outage.answered(Source.WATCH)
    assert outage.seconds() == 20.0
    clock.advance(40)
    with pytest.raises(KafkaAwayError, match="unreachable for 60 s: no answer"):
        outage.check()
    outage.answered(Source.LOOP)
    outage.check()
    assert outage.seconds() == 0.0


def test_a_worker_without_work_notices_and_goes_on(own_broker: DevBroker) -> None:
    """It raises no error, shows for how long Kafka is away, and is not ready. Then it works on, exactly once."""
    pipe = Pipe(own_broker.bootstrap, 100)
    handler = Copier(pipe.target)
    with pipe.running(handler) as worker:
        wait_until(lambda: handler.n_committed == 100, "the first records")
        wait_until(lambda: pipe.health.ready().ok, "ready")
        own_broker.kill()
        wait_until(lambda: sample(pipe.metrics, AWAY) > 0, "the outage is noticed")
        assert "has not answered" in pipe.health.ready().reason
        assert pipe.health.alive().ok
        own_broker.start()
        pipe.add(100)
        wait_until(lambda: handler.n_committed == 200, "it goes on")
        wait_until(lambda: pipe.health.ready().ok, "ready again")
        assert sample(pipe.metrics, AWAY) == 0
        assert worker.is_alive()
    pipe.assert_exactly_once()


def test_a_worker_in_the_middle_of_its_work_waits(own_broker: DevBroker) -> None:
    """What it cannot commit is done again after the outage, and is there once. It tries more often than its limit."""
    pipe = Pipe(own_broker.bootstrap, 100)
    begun, go_on = threading.Event(), threading.Event()

    def before(_: object) -> None:
        begun.set()
        assert go_on.wait(WITHIN_S)

    handler = Copier(pipe.target, before)
    with pipe.running(handler, max_attempts=1, transaction_deadline_s=2.0):
        assert begun.wait(WITHIN_S)
        own_broker.kill()
        go_on.set()
        wait_until(lambda: sample(pipe.metrics, "sentiment_rebuilds_total") > 0, "a failed commit")
        own_broker.start()
        wait_until(lambda: handler.n_committed == 100, "all records")
    pipe.assert_exactly_once()


def test_a_stop_signal_ends_the_wait(own_broker: DevBroker) -> None:
    """Without an error, because nothing is lost."""
    pipe = Pipe(own_broker.bootstrap, 10)
    with pipe.running(Copier(pipe.target), tick_s=0.1, transaction_deadline_s=2.0) as worker:
        wait_until(lambda: pipe.health.ready().ok, "ready")
        own_broker.kill()
        wait_until(lambda: not pipe.health.ready().ok, "the outage")
        pipe.stop.set()
        worker.join(WITHIN_S)
        assert not worker.is_alive()


def test_a_finite_run_is_not_over_because_kafka_is_away(own_broker: DevBroker) -> None:
    """Silence is no end: with `--until-idle` the worker waits too, and ends only by `--exit-after`."""
    pipe = Pipe(own_broker.bootstrap, 10)
    reached = threading.Event()

    def before(_: object) -> None:
        own_broker.kill()
        reached.set()

    with pytest.raises(KafkaAwayError, match="TCP connection failed: connection refused") as raised:
        pipe.run(
            Copier(pipe.target, before), pipe.settings(exit_after_s=1.0), until_idle_s=0.2, transaction_deadline_s=2.0
        )
    assert reached.is_set()
    assert raised.value.exit_code == 1


def test_a_start_waits_as_long_as_it_is_told(own_broker: DevBroker) -> None:
    """Not at all by default; until the cluster answers; and no longer than the limit, or than it may run."""
    pipe = Pipe(own_broker.bootstrap, 0)
    clock = SystemClock()
    health, stop = Health(clock, stuck_after_s=60.0), threading.Event()
    prepared: list[str] = []

    def start(wait_s: float) -> None:
        settings = pipe.settings(wait_at_start_s=wait_s)
        connect(settings, lambda: prepared.append("done"), Outage(clock, None), health, stop)

    own_broker.kill()
    for wait_s in (0.0, 0.5):
        with pytest.raises(BrokerUnavailable, match="connection refused"):
            start(wait_s)
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(BrokerUnavailable):
        start(WITHIN_S)
    assert prepared == []
    stop.clear()
    waiting = threading.Thread(target=start, args=(WITHIN_S,))
    waiting.start()
    own_broker.start()
    waiting.join(WITHIN_S)
    assert prepared == ["done"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", [DevBroker, ApacheKafka])
def test_every_service_waits_and_goes_on(kind: type[Broker], tmp_path: Path) -> None:
    """Worker, alert worker, notifier and monitor outlive their broker. Nothing is lost or doubled; all end with 0."""
    if kind is ApacheKafka and (reason := ApacheKafka.missing()):
        pytest.skip(reason)
    with kind() as broker, pipeline(broker.bootstrap, tmp_path / "run", partitions=2) as here:
        ports = {name: free_port() for name in ("worker", "alerts run", "notify", "monitor")}
        services = [here.command(*name.split(), "--metrics-port", str(port)) for name, port in ports.items()]
        for service in services:
            service.start()
        for name, port in ports.items():
            here.until(lambda port=port: is_ready(port), f"{name} is ready")
        send(here, 0, 50)
        here.until_results(50)
        broker.kill()
        for name, port in ports.items():
            wait_until(lambda port=port: away_for(port) > 0, f"{name} notices")
            assert not is_ready(port)
        assert all(service.running for service in services)
        broker.start()
        send(here, 50, 100)
        here.until_results(100)
        for name, port in ports.items():
            here.until(lambda port=port: is_ready(port), f"{name} is ready again")
        here.until(lambda: monitored(ports["monitor"]) == 100, "the monitor has read all, once")
        assert [service.stop() for service in services] == [0, 0, 0, 0], here.last_words()
        here.until(here.observer.at_end, "the end")
        assert sorted(result.event_id for result in here.results) == sorted(f"row-{n}" for n in range(100))


def send(here: Pipeline, first: int, last: int) -> None:
    rows = ({"id": f"row-{n}", "text": f"number {n} is great", "product": "app"} for n in range(first, last))
    records = [(b"%d" % number, json.dumps(row).encode()) for number, row in enumerate(rows)]
    produce(here.settings.kafka.bootstrap_servers, here.settings.topics.feedback, records)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=WITHIN_S).is_success
    except httpx.TransportError:
        return False


def away_for(port: int) -> float:
    return scraped(port, AWAY)


def monitored(port: int) -> float:
    return scraped(port, 'sentiment_monitor_records_total{fate="counted",kind="result"}')


def scraped(port: int, series: str) -> float:
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=WITHIN_S).text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} ")), 0.0)


def sample(metrics: Metrics, name: str, **labels: Any) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0
