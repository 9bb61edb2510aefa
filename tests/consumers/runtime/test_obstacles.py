"""One partition that cannot be read holds up no other, and is not tried for ever in silence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.consumer.fetcher import CompletedFetch
from kafka.errors import CorruptRecordError, KafkaError, NotLeaderForPartitionError, UnknownError

from consumers.cluster.follow import follow
from consumers.cluster.obstacles import Kind, Obstacles
from consumers.cluster.reader import read_to_end
from sentiment.errors import FatalError
from tests.broker.batches import batch
from tests.broker.support import producer
from tests.brokers import Broker, DevBroker
from tests.consumers.kafka_io import committed_offsets, read_committed
from tests.consumers.runtime.pipe import Copier, Pipe
from tests.damage import store
from tests.waiting import WITHIN_S, wait_until

P = TopicPartition("topic", 0)


def fill(pipe: Pipe, partition: int, *values: bytes) -> None:
    with producer(pipe.bootstrap) as client:
        for value in values:
            client.send(pipe.source, value, partition=partition).get(WITHIN_S)


def told(lines: list[dict[str, Any]], event: str = "partition_not_readable") -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == event]


def test_a_missing_codec_stops_only_its_partition(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    """The others are copied. A finite run ends with an error that says where, and what to do; so does a reader."""
    pipe = Pipe(broker.bootstrap, 0)
    store(broker, pipe.source, batch([b"plain"]), batch([b"packed" * 40], codec=2), batch([b"behind"]))
    fill(pipe, 1, b"other")
    monkeypatch.setattr("kafka.codec.has_snappy", lambda: False)
    with pytest.raises(FatalError, match=rf"{pipe.source}/0 cannot be read at offset 1: .*snappy") as stopped:
        pipe.run(Copier(pipe.target))
    assert "install" in (stopped.value.hint or "")
    assert {record.value for record in read_committed(broker.bootstrap, pipe.target)} == {b"plain", b"other"}
    assert pipe.metrics.registry.get_sample_value("sentiment_blocked_partitions") == 1
    assert pipe.metrics.registry.get_sample_value("sentiment_rebuilds_total") == 0
    (line, *_) = told(logged())
    assert (line["topic"], line["partition"], line["offset"]) == (pipe.source, 0, 1)
    with pytest.raises(FatalError, match="cannot be read at offset 1"):
        list(read_to_end(pipe.settings(), pipe.source))
    tail = follow(pipe.settings(), pipe.source, from_beginning=True)
    assert {next(tail).value, next(tail).value} == {b"plain", b"other"}
    tail.close()
    monkeypatch.undo()
    pipe.run(Copier(pipe.target))
    copied = [record.value for record in read_committed(broker.bootstrap, pipe.target)]
    assert sorted(copied) == [b"behind", b"other", b"packed" * 40, b"plain"]


@pytest.mark.parametrize("error", [CorruptRecordError, UnknownError])
def test_a_fetch_that_the_broker_refuses_stops_only_its_partition(
    dev_broker: DevBroker,
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], list[dict[str, Any]]],
    error: type[KafkaError],
) -> None:
    """It is tried again after growing pauses, without a rebuild, and each line names place, reason and remedy."""
    pipe = Pipe(dev_broker.bootstrap, 0)
    fill(pipe, 0, b"before")
    pipe.run(Copier(pipe.target))
    fill(pipe, 0, b"behind")
    fill(pipe, 1, b"other")
    refused = True

    def completed(partition: Any, offset: int, version: int, answer: Any, aggregator: Any) -> CompletedFetch:
        if refused and partition == (pipe.source, 0):
            answer.error_code = error.errno
        return CompletedFetch(partition, offset, version, answer, aggregator)

    monkeypatch.setattr("kafka.consumer.fetcher.CompletedFetch", completed)
    handler = Copier(pipe.target)
    with pipe.running(handler):
        wait_until(lambda: handler.n_committed == 1, "the record of the other partition")
        wait_until(lambda: len(told(logged())) >= 2, "the second attempt")
        refused = False
        wait_until(lambda: handler.n_committed == 2, "the record that was refused")
    assert pipe.metrics.registry.get_sample_value("sentiment_rebuilds_total") == 0
    for line in told(logged()):
        assert (line["topic"], line["partition"], line["offset"]) == (pipe.source, 0, 1)
        assert error.__name__ in line["reason"]
        assert "kafka-consumer-groups" in line["remedy"]


def test_records_that_retention_removed_are_counted(broker: Broker, logged: Callable[[], list[dict[str, Any]]]) -> None:
    """By partition, in the log and in a metric. What is left is read."""
    pipe = Pipe(broker.bootstrap, 0)
    fill(pipe, 0, b"0", b"1")
    pipe.run(Copier(pipe.target))
    fill(pipe, 0, b"2", b"3", b"4", b"5")
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        admin.delete_records({TopicPartition(pipe.source, 0): 5})
    pipe.run(Copier(pipe.target))
    assert sorted(record.value for record in read_committed(broker.bootstrap, pipe.target)) == [b"0", b"1", b"5"]
    missed = {"topic": pipe.source, "partition": "0"}
    assert pipe.metrics.registry.get_sample_value("sentiment_missed_records_total", missed) == 3
    (line,) = told(logged(), "records_missed")
    assert (line["topic"], line["partition"], line["offset"], line["records"]) == (pipe.source, 0, 2, 3)
    assert committed_offsets(broker.bootstrap, f"group-{pipe.source}", pipe.source)[0] == 6


def test_a_group_that_was_never_here_has_missed_nothing(
    dev_broker: DevBroker, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    """What was removed before its first start is not counted."""
    pipe = Pipe(dev_broker.bootstrap, 0)
    fill(pipe, 0, b"0", b"1", b"2")
    with closing(KafkaAdminClient(bootstrap_servers=dev_broker.bootstrap)) as admin:
        admin.delete_records({TopicPartition(pipe.source, 0): 2})
    handler = Copier(pipe.target)
    pipe.run(handler)
    assert (handler.n_committed, told(logged(), "records_missed")) == (1, [])


def test_an_obstacle_is_tried_after_growing_pauses() -> None:
    """From a second to a minute; at another offset it begins again. After 7 s it counts as lasting."""
    obstacles = Obstacles()
    now_s, pauses, lasting = 100.0, [], []
    for _ in range(9):
        obstacles.met(Kind.FETCH, P, 5, "reason", "remedy", now_s)
        start_s = now_s
        while P in obstacles.left_alone(now_s):
            now_s += 0.5
        pauses.append(now_s - start_s)
        lasting.append(P in obstacles.lasting())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert lasting == [False] * 3 + [True] * 6
    obstacles.met(Kind.FETCH, P, 6, "reason", "remedy", now_s)
    assert obstacles.left_alone(now_s + 0.9) == {P}
    assert obstacles.left_alone(now_s + 1.0) == set()
    obstacles.passed(Kind.CODEC, P)
    assert obstacles.left_alone(now_s) == {P}
    obstacles.passed(Kind.FETCH, P)
    assert obstacles.left_alone(now_s) == set()


def test_what_usually_passes_is_said_only_if_it_lasts(logged: Callable[[], list[dict[str, Any]]]) -> None:
    """A partition without a leader is reported after half a minute, then every minute, and again after a change."""
    obstacles = Obstacles()
    reason = NotLeaderForPartitionError.__name__
    for second in range(0, 200, 5):
        obstacles.delayed(P, 5, reason, "remedy", float(second))
    assert [line["seconds"] for line in told(logged())] == [30, 90, 150]
    obstacles.passed(Kind.FETCH, P)
    obstacles.delayed(P, 5, reason, "remedy", 205.0)
    assert len(told(logged())) == 3
    assert (obstacles.left_alone(205.0), obstacles.lasting()) == (set(), {})


def test_partitions_that_others_read_now_are_forgotten() -> None:
    """Their obstacles are the next reader's."""
    obstacles = Obstacles()
    obstacles.met(Kind.CODEC, P, 5, "reason", "remedy", 0.0)
    obstacles.keep({P})
    assert obstacles.lasting().keys() == {P}
    obstacles.keep(set())
    assert obstacles.lasting() == {}
