"""The loop with real brokers: exactly once through faults and rebalances, drain, idleness and back-pressure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.errors import CommitFailedError, KafkaError

from consumers.cluster import transaction
from consumers.cluster.records import RecordBatch
from consumers.runtime import loop
from consumers.timing.backoff import Backoff
from sentiment.errors import (
    BrokerUnavailable,
    ConfigurationError,
    FatalError,
    Pressure,
    SentimentError,
    TransientError,
)
from tests.brokers import Broker
from tests.consumers.cluster.producers import Fault, ScriptedProducer, hang, lose_record, make_then_fail, refuse
from tests.consumers.kafka_io import committed_offsets, read_committed
from tests.consumers.runtime.pipe import Copier, Pipe
from tests.waiting import WITHIN_S, wait_until


def test_all_is_copied_once_and_then_the_loop_ends(broker: Broker) -> None:
    """With an idle limit the loop ends on its own, with everything handled, committed and counted."""
    pipe = Pipe(broker.bootstrap, 500)
    handler = Copier(pipe.target)
    pipe.run(handler)
    pipe.assert_exactly_once()
    assert handler.n_handled == handler.n_committed == 500
    assert handler.owned == set()
    sample = pipe.metrics.registry.get_sample_value
    assert sample("sentiment_event_latency_seconds_count") == 500
    lags = [sample("sentiment_lag_records", {"topic": pipe.source, "partition": str(p)}) for p in range(3)]
    assert lags == [0, 0, 0]
    assert sample("sentiment_lag_seconds") == 0
    pipe.run(Copier(pipe.target, before=lambda _: pytest.fail("a second run finds nothing to do")))


def faults(released: threading.Event) -> list[tuple[str, dict[str, Fault]]]:
    """One named script for each producer that the loop builds."""
    error = KafkaError("injected")
    return [
        ("offsets refused after they were added", {"send_offsets_to_transaction": make_then_fail(error)}),
        ("a batch expires", {"send": lose_record}),
        ("commit and abort both raise", {"commit_transaction": refuse(error), "abort_transaction": refuse(error)}),
        ("committed, but the answer is lost", {"commit_transaction": make_then_fail(CommitFailedError("injected"))}),
        ("flush fails", {"flush": make_then_fail(error)}),
        ("commit hangs without effect", {"commit_transaction": hang(released, takes_effect=False)}),
        ("commit hangs with effect", {"commit_transaction": hang(released, takes_effect=True)}),
        ("sending offsets hangs", {"send_offsets_to_transaction": hang(released, takes_effect=False)}),
        ("the producer cannot start", {"init_transactions": refuse(error)}),
    ]


@pytest.mark.slow
def test_no_fault_of_a_transaction_loses_or_doubles_anything(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new producer has another of the known faults. All records still arrive exactly once."""
    released = threading.Event()
    scripts = faults(released)
    built: list[ScriptedProducer] = []
    make_producer = transaction.make_producer

    def scripted(*args: Any, **kwargs: Any) -> ScriptedProducer:
        script = scripts[len(built)][1] if len(built) < len(scripts) else {}
        built.append(ScriptedProducer(script, make_producer(*args, **kwargs)))
        return built[-1]

    monkeypatch.setattr(transaction, "make_producer", scripted)
    monkeypatch.setattr(loop, "Backoff", lambda limit: Backoff(limit, base_s=0.01, max_s=0.1))
    pipe = Pipe(broker.bootstrap, 600)
    try:
        # The hanging calls are given up after 3 s.
        config = {"max_attempts": 50, "slice_s": 0.0, "max_batch_records": 20, "transaction_deadline_s": 3.0}
        pipe.run(Copier(pipe.target), **config)
    finally:
        released.set()
    pipe.assert_exactly_once()
    assert len(built) > len(scripts)
    assert sum(producer.unfinished_at_commit for producer in built) == 0
    rebuilds = pipe.metrics.registry.get_sample_value("sentiment_rebuilds_total")
    assert rebuilds == len(built) - 1


def test_a_fault_that_lasts_stops_the_loop_after_bounded_attempts(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the same transient failure comes again and again, the loop ends, and leaves the offsets."""
    make_producer = transaction.make_producer
    built: list[ScriptedProducer] = []

    def scripted(*args: Any, **kwargs: Any) -> ScriptedProducer:
        built.append(ScriptedProducer({"flush": refuse(KafkaError("injected"))}, make_producer(*args, **kwargs)))
        return built[-1]

    monkeypatch.setattr(transaction, "make_producer", scripted)
    pipe = Pipe(broker.bootstrap, 10)
    with pytest.raises(TransientError, match="flush failed"):
        pipe.run(Copier(pipe.target), max_attempts=3)
    assert len(built) == 3
    assert committed_offsets(broker.bootstrap, f"group-{pipe.source}", pipe.source) == {}


def raising_once(error: Exception, offset: int = 0) -> Callable[[RecordBatch], None]:
    pending = [error]

    def before(_: RecordBatch) -> None:
        if pending:
            raise pending.pop()

    return before


@pytest.mark.parametrize("error", [Pressure("full"), BrokerUnavailable("gone")])
def test_the_loop_survives_what_passes(broker: Broker, error: SentimentError) -> None:
    """Pressure and transient errors in a handler cost time but no records."""
    pipe = Pipe(broker.bootstrap, 100)
    pipe.run(Copier(pipe.target, before=raising_once(error)))
    pipe.assert_exactly_once()
    rebuilds = pipe.metrics.registry.get_sample_value("sentiment_rebuilds_total")
    assert rebuilds == (0 if isinstance(error, Pressure) else 1)


@pytest.mark.parametrize("error", [FatalError("wrong model"), ZeroDivisionError()])
def test_any_other_error_stops_with_the_offsets_untouched(broker: Broker, error: Exception) -> None:
    """An error that no retry can fix comes out unchanged. A restart reads the records again."""
    pipe = Pipe(broker.bootstrap, 100)
    with pytest.raises(type(error)):
        pipe.run(Copier(pipe.target, before=raising_once(error)))
    assert not any(committed_offsets(broker.bootstrap, f"group-{pipe.source}", pipe.source).values())
    pipe.run(Copier(pipe.target))
    pipe.assert_exactly_once()


def test_a_stop_signal_drains_what_is_in_flight(broker: Broker) -> None:
    """The current batch is finished and committed. What was not started is left for the next worker."""
    pipe = Pipe(broker.bootstrap, 1_000)
    begun, go_on = threading.Event(), threading.Event()

    def before(_: RecordBatch) -> None:
        begun.set()
        assert go_on.wait(WITHIN_S)

    handler = Copier(pipe.target, before)
    with pipe.running(handler):
        assert begun.wait(WITHIN_S)
        pipe.stop.set()
        go_on.set()
    assert 0 < handler.n_handled < 1_000
    assert len(read_committed(broker.bootstrap, pipe.target)) == handler.n_handled
    pipe.stop.clear()
    pipe.run(Copier(pipe.target))
    pipe.assert_exactly_once()


def test_draining_ends_within_its_time(broker: Broker) -> None:
    """A handler that does not finish before the drain timeout is abandoned, and its records are read again."""
    pipe = Pipe(broker.bootstrap, 100)
    begun, go_on = threading.Event(), threading.Event()

    def before(_: RecordBatch) -> None:
        begun.set()
        go_on.wait(WITHIN_S)

    with pipe.running(Copier(pipe.target, before), drain_timeout_s=0.5) as thread:
        assert begun.wait(WITHIN_S)
        pipe.stop.set()
        thread.join(WITHIN_S)
        assert not thread.is_alive()
        go_on.set()
    pipe.stop.clear()
    pipe.run(Copier(pipe.target))
    pipe.assert_exactly_once()


@pytest.mark.slow
def test_a_second_worker_takes_its_share_without_disturbing_the_first(broker: Broker) -> None:
    """Workers come and go while records flow. Work on revoked partitions is dropped; no record is lost or doubled."""
    pipe = Pipe(broker.bootstrap, 600)

    def slowly(batch: RecordBatch) -> None:
        time.sleep(len(batch) * 0.002)  # so that records are still to come when the partitions move

    first, second = Copier(pipe.target, slowly), Copier(pipe.target, slowly)
    with pipe.running(first):
        wait_until(lambda: first.n_committed > 0, "the first worker began")
        with pipe.beside().running(second):
            wait_until(lambda: bool(second.owned) and len(first.owned) < 3, "partitions moved")
            pipe.add(600)
            wait_until(lambda: second.n_committed > 0, "the second worker works")
        wait_until(lambda: len(first.owned) == 3, "partitions came back")
        wait_until(lambda: first.n_committed + second.n_committed == 1_200, "everything is done")
    pipe.assert_exactly_once()
    assert pipe.metrics.registry.get_sample_value("sentiment_rebuilds_total") == 0


def test_a_slow_handler_keeps_its_membership(broker: Broker) -> None:
    """A batch may take longer than `max_poll_interval_ms`, because the loop keeps polling. Nothing is replayed."""
    pipe = Pipe(broker.bootstrap, 20)
    # The limit is on the client's own clock, so the time has to pass.
    handler = Copier(pipe.target, before=lambda _: time.sleep(6.5))
    pipe.run(handler, pipe.settings(max_poll_interval_ms=5_000), max_batch_records=500)
    assert handler.n_handled == 20
    pipe.assert_exactly_once()


def test_work_ahead_is_bounded(broker: Broker) -> None:
    """While the handler is busy, fetching pauses, with only a few batches in memory."""
    pipe = Pipe(broker.bootstrap, 2_000)
    go_on = threading.Event()
    handler = Copier(pipe.target, before=lambda _: go_on.wait(WITHIN_S) or None)
    with pipe.running(handler):
        paused = pipe.metrics.gauge("sentiment_paused")
        wait_until(lambda: paused.collect()[0].samples[0].value == 1, "fetching pauses")
        go_on.set()
        wait_until(lambda: handler.n_committed == 2_000, "it goes on")
    pipe.assert_exactly_once()


def test_lag_covers_partitions_that_were_never_fetched(broker: Broker) -> None:
    """From the first answer on, the lag is the whole backlog of all partitions. It falls to 0 as the work is done."""
    pipe = Pipe(broker.bootstrap, 30)
    elsewhere = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    go_on = threading.Event()
    handler = Copier(pipe.target, before=lambda _: go_on.wait(WITHIN_S) or None)

    def lag() -> float:
        (family,) = pipe.metrics.gauge("sentiment_lag_records").collect()
        return sum(each.value for each in family.samples)

    with pipe.running(handler, max_batch_records=10):
        paused = pipe.metrics.gauge("sentiment_paused")
        wait_until(lambda: paused.collect()[0].samples[0].value == 1, "fetching pauses")
        for number in range(3_000):
            pipe_partition = number % 3
            elsewhere.send(pipe.source, b"%d" % (30 + number), key=b"k%d" % pipe_partition, partition=pipe_partition)
        elsewhere.flush()
        pipe.n_records += 3_000
        wait_until(lambda: lag() == 3_030, lambda: f"the whole backlog, not {lag()}")
        go_on.set()
        wait_until(lambda: handler.n_committed == 3_030, "the work is done")
        wait_until(lambda: lag() == 0, "no lag")
        assert pipe.metrics.registry.get_sample_value("sentiment_lag_seconds") == 0
    elsewhere.close()
    pipe.assert_exactly_once()


def test_ticks_commit_without_records(broker: Broker) -> None:
    """A handler may produce records without input, and learns which partitions are read to their end."""
    pipe = Pipe(broker.bootstrap, 0)
    handler = Copier(pipe.target)
    with pipe.running(handler, tick_s=0.1):
        wait_until(lambda: handler.n_ticks >= 3 and handler.at_end == handler.owned, "ticks come")
    assert [record.value for record in read_committed(broker.bootstrap, pipe.target)] == [b"tick"] * 3


def test_a_member_without_partitions_is_idle(broker: Broker) -> None:
    """If there are more workers than partitions, the spare one ends too."""
    pipe = Pipe(broker.bootstrap, 30)
    with pipe.running(Copier(pipe.target)) as busy:
        threads = [threading.Thread(target=pipe.beside().run, args=(Copier(pipe.target),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WITHIN_S)
        assert not any(thread.is_alive() for thread in threads)
        assert busy.is_alive()
    pipe.assert_exactly_once()


def test_an_open_transaction_keeps_the_worker_waiting(broker: Broker) -> None:
    """Records that another producer has not committed yet are not the end. The worker waits, and reports it."""
    pipe = Pipe(broker.bootstrap, 10)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=f"open-{pipe.source}")
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(pipe.source, b"10", key=b"late").get(timeout=WITHIN_S)
        pipe.n_records += 1
        handler = Copier(pipe.target)
        with pipe.running(handler, until_idle_s=0.5, standstill_transactions=0.1) as worker:
            wait_until(lambda: handler.n_committed == 10, "all that is committed is copied")
            hanging = pipe.metrics.gauge("sentiment_hanging_transactions")
            wait_until(lambda: hanging.collect()[0].samples[0].value == 1, "the standstill is noticed")
            unreadable = pipe.metrics.gauge("sentiment_unreadable_records").collect()[0].samples
            assert sum(sample.value > 0 for sample in unreadable) == 1
            assert worker.is_alive()
            producer.commit_transaction()
            worker.join(WITHIN_S)
            assert not worker.is_alive()
    finally:
        producer.close()
    pipe.assert_exactly_once()


@pytest.mark.parametrize("n_records", [0, 600])
def test_of_two_workers_with_one_instance_id_one_ends(broker: Broker, n_records: int) -> None:
    """The one that is fenced ends at once with a clear error and is not ready, also without records. The other works
    on, and no record is lost or doubled.
    """
    pipe = Pipe(broker.bootstrap, n_records)
    rival = pipe.beside()
    errors: dict[Pipe, SentimentError] = {}

    def run(each: Pipe) -> None:
        try:
            # Slow enough that both are at work at once.
            slowly = Copier(pipe.target, before=lambda batch: time.sleep(len(batch) * 0.005))
            each.run(slowly, instance_id="same", until_idle_s=None, max_batch_records=10, slice_s=0.0)
        except SentimentError as error:
            errors[each] = error

    threads = {each: threading.Thread(target=run, args=(each,)) for each in (pipe, rival)}
    threads[pipe].start()
    wait_until(lambda: pipe.health.ready().ok, "the first one works")
    threads[rival].start()
    wait_until(lambda: errors, "one of them ends")
    (fenced,) = errors
    other = rival if fenced is pipe else pipe
    threads[fenced].join(WITHIN_S)
    assert not fenced.health.ready().ok
    assert type(errors[fenced]) is ConfigurationError
    assert str(errors[fenced]) == "another worker has taken over the instance id 'same'"
    assert errors[fenced].exit_code == 2
    wait_until(lambda: other.health.ready().ok, "the other one works")
    pipe.add(20)
    target = pipe.n_records
    wait_until(lambda: len(read_committed(broker.bootstrap, pipe.target)) >= target, "all records")
    other.stop.set()
    threads[other].join(WITHIN_S)
    assert not threads[other].is_alive()
    assert list(errors) == [fenced]
    pipe.assert_exactly_once()
