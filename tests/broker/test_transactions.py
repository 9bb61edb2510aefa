"""Transactions: all or nothing, once, and only by the newest producer."""

from __future__ import annotations

import pytest
from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import AbortTransactionSpec
from kafka.consumer.group import ConsumerGroupMetadata
from kafka.errors import InvalidProducerEpochError, KafkaError

from tests.broker.batches import batch
from tests.broker.support import admin_client, new_topic, producer, read, unique
from tests.broker.wire import Wire
from tests.brokers import Broker
from tests.waiting import WITHIN_S, wait_until

_LATEST = -1


def _values(bootstrap: str, topic: str, count: int, isolation: str) -> list[bytes]:
    return [record.value for record in read(bootstrap, topic, count, isolation=isolation)]


def test_commit_shows_and_abort_hides(broker: Broker) -> None:
    """Read-committed readers get what was committed; read-uncommitted ones get everything, in the same order."""
    topic = new_topic(broker.bootstrap)
    with producer(broker.bootstrap, transactional_id=unique("tx")) as client:
        for number in range(6):
            client.begin_transaction()
            client.send(topic, b"%d" % number).get(WITHIN_S)
            client.send(topic, b"%d again" % number).get(WITHIN_S)
            if number % 3 == 1:
                client.abort_transaction()
            else:
                client.commit_transaction()
    committed = [text for number in (0, 2, 3, 5) for text in (b"%d" % number, b"%d again" % number)]
    everything = [text for number in range(6) for text in (b"%d" % number, b"%d again" % number)]
    assert _values(broker.bootstrap, topic, 8, "read_committed") == committed
    assert _values(broker.bootstrap, topic, 12, "read_uncommitted") == everything


def test_a_transaction_spans_partitions_and_topics(broker: Broker) -> None:
    """One decision holds for every partition that was written to."""
    one, two = new_topic(broker.bootstrap, partitions=3), new_topic(broker.bootstrap)
    with producer(broker.bootstrap, transactional_id=unique("tx")) as client:
        for commit in (False, True):
            client.begin_transaction()
            for number in range(3):
                client.send(one, b"%d" % commit, partition=number).get(WITHIN_S)
            client.send(two, b"%d" % commit).get(WITHIN_S)
            if commit:
                client.commit_transaction()
            else:
                client.abort_transaction()
    assert [record.value for record in read(broker.bootstrap, one, 3, partitions=3)] == [b"1"] * 3
    assert _values(broker.bootstrap, two, 1, "read_committed") == [b"1"]


def test_aborted_records_are_told_apart_from_interleaved_ones(broker: Broker) -> None:
    """Two producers and plain records in one partition: only the aborted transaction's records go."""
    topic = new_topic(broker.bootstrap)
    with (
        producer(broker.bootstrap, transactional_id=unique("tx")) as good,
        producer(broker.bootstrap, transactional_id=unique("tx")) as bad,
        producer(broker.bootstrap) as plain,
    ):
        good.begin_transaction()
        bad.begin_transaction()
        for client, value in ((bad, b"b1"), (good, b"g1"), (plain, b"p1"), (bad, b"b2"), (good, b"g2")):
            client.send(topic, value).get(WITHIN_S)
        good.commit_transaction()
        plain.send(topic, b"p2").get(WITHIN_S)
        bad.abort_transaction()
        bad.begin_transaction()
        bad.send(topic, b"b3").get(WITHIN_S)
        bad.commit_transaction()
    assert _values(broker.bootstrap, topic, 5, "read_committed") == [b"g1", b"p1", b"g2", b"p2", b"b3"]


def test_offsets_move_with_the_commit_only(broker: Broker) -> None:
    """Offsets sent to a transaction hold after the commit, and never after an abort."""
    source, group = new_topic(broker.bootstrap), unique("group")
    position = {TopicPartition(source, 0): OffsetAndMetadata(7, "note", -1)}
    nobody = ConsumerGroupMetadata(group, -1, "", None)
    with Wire(broker.bootstrap) as wire:
        with producer(broker.bootstrap, transactional_id=unique("tx")) as client:
            client.begin_transaction()
            client.send_offsets_to_transaction(position, nobody)
            client.abort_transaction()
        assert wire.committed(group, source) == (0, -1)
        with producer(broker.bootstrap, transactional_id=unique("tx")) as client:
            client.begin_transaction()
            client.send_offsets_to_transaction(position, nobody)
            client.commit_transaction()
        wait_until(lambda: wire.committed(group, source) == (0, 7), "the offset is committed")


def test_pending_offsets_are_unstable(broker: Broker) -> None:
    """While a transaction holds an offset, clients that want stable ones have to wait; others see the old one."""
    topic, group, transactional_id = new_topic(broker.bootstrap), unique("group"), unique("tx")
    with Wire(broker.bootstrap) as wire:
        assert wire.commit(group, (topic, 3)) == 0
        who = wire.new_producer(transactional_id)
        assert wire.add_group(transactional_id, who, group) == 0
        assert wire.commit_in_transaction(transactional_id, who, group, (topic, 5)) == 0
        assert wire.committed(group, topic) == (0, 3)
        assert wire.committed(group, topic, require_stable=True) == (88, -1)
        assert wire.end_transaction(transactional_id, who, commit=True) == 0
        wait_until(lambda: wire.committed(group, topic, require_stable=True) == (0, 5), "the offset is stable")


def test_offsets_of_a_stale_generation_are_refused(broker: Broker) -> None:
    """A member that missed a rebalance cannot commit through its transaction (KIP-447)."""
    topic, group, transactional_id = new_topic(broker.bootstrap), unique("group"), unique("tx")
    with Wire(broker.bootstrap) as wire:
        joined = wire.join_alone(group)
        who = wire.new_producer(transactional_id)
        assert wire.add_group(transactional_id, who, group) == 0
        for member, code in (
            ((joined.member_id, joined.generation_id - 1), 22),
            (("somebody else", joined.generation_id), 25),
            ((joined.member_id, joined.generation_id), 0),
        ):
            assert wire.commit_in_transaction(transactional_id, who, group, (topic, 5), member) == code
        assert wire.end_transaction(transactional_id, who, commit=False) == 0


def test_a_second_producer_fences_the_first(broker: Broker) -> None:
    """A new instance of the same transactional id aborts what the old one left open, and the old one can do nothing."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    old = KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=transactional_id)
    old.init_transactions()
    old.begin_transaction()
    old.send(topic, b"zombie").get(WITHIN_S)
    with producer(broker.bootstrap, transactional_id=transactional_id) as new:
        with pytest.raises(KafkaError):
            old.commit_transaction()
        new.begin_transaction()
        new.send(topic, b"new").get(WITHIN_S)
        new.commit_transaction()
    old.close(timeout=1)
    assert _values(broker.bootstrap, topic, 1, "read_committed") == [b"new"]


def test_a_fenced_producer_gets_exact_errors(broker: Broker) -> None:
    """For an older epoch: PRODUCER_FENCED from the coordinator, INVALID_PRODUCER_EPOCH from the partition."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    with Wire(broker.bootstrap) as wire:
        old = wire.new_producer(transactional_id)
        assert wire.add_partition(transactional_id, old, topic) == 0
        data = batch([b"0"], producer=old, sequence=0, transactional=True)
        assert wire.produce(topic, data, transactional_id).error_code == 0
        answer = wire.init_producer(transactional_id)
        assert (answer.error_code, answer.producer_id) == (0, old[0])
        assert answer.producer_epoch > old[1]
        data = batch([b"1"], producer=old, sequence=1, transactional=True)
        assert wire.produce(topic, data, transactional_id).error_code == 47
        assert wire.add_partition(transactional_id, old, topic) == 90
        assert wire.add_group(transactional_id, old, "group") == 90
        assert wire.end_transaction(transactional_id, old, commit=True) == 90
        assert wire.init_producer(transactional_id, known=old).error_code == 90


def test_an_unannounced_partition_is_refused(broker: Broker) -> None:
    """A transactional batch for a partition that was not added would hang for ever, so it is INVALID_TXN_STATE."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    with Wire(broker.bootstrap) as wire:
        who = wire.new_producer(transactional_id)
        data = batch([b"0"], producer=who, sequence=0, transactional=True)
        assert wire.produce(topic, data, transactional_id).error_code == 48
        assert wire.offset(topic, _LATEST)[2] == 0


def test_ending_twice_is_answered_alike(broker: Broker) -> None:
    """A commit whose answer was lost can be repeated; an abort after it is refused."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    with Wire(broker.bootstrap) as wire:
        who = wire.new_producer(transactional_id)
        assert wire.end_transaction(transactional_id, who, commit=True) == 48
        assert wire.add_partition(transactional_id, who, topic) == 0
        assert wire.end_transaction(transactional_id, who, commit=True) == 0
        assert wire.end_transaction(transactional_id, who, commit=True) == 0
        assert wire.end_transaction(transactional_id, who, commit=False) == 48


def test_an_unknown_producer_is_refused(broker: Broker) -> None:
    """A producer id that the transactional id does not have is INVALID_PRODUCER_ID_MAPPING."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    with Wire(broker.bootstrap) as wire:
        answer = wire.init_producer(transactional_id)
        stranger = (answer.producer_id + 100_000, answer.producer_epoch)
        assert wire.add_partition(transactional_id, stranger, topic) == 49
        assert wire.end_transaction(transactional_id, stranger, commit=True) == 49


def test_a_transaction_that_takes_too_long_is_aborted(broker: Broker) -> None:
    """After its timeout it no longer holds readers back, its records stay hidden, and its producer is fenced."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    with Wire(broker.bootstrap) as wire:
        who = wire.new_producer(transactional_id, timeout_ms=1_000)
        assert wire.add_partition(transactional_id, who, topic) == 0
        data = batch([b"slow"], producer=who, sequence=0, transactional=True)
        assert wire.produce(topic, data, transactional_id).error_code == 0
        assert wire.offset(topic, _LATEST, read_committed=True)[2] == 0
        wait_until(lambda: wire.offset(topic, _LATEST, read_committed=True)[2] == 2, "aborted")
        assert wire.end_transaction(transactional_id, who, commit=True) == 90
    with producer(broker.bootstrap) as client:
        client.send(topic, b"after").get(WITHIN_S)
    assert _values(broker.bootstrap, topic, 1, "read_committed") == [b"after"]


def test_a_timeout_beyond_the_limit_is_refused(broker: Broker) -> None:
    """More than transaction.max.timeout.ms (15 minutes) is INVALID_TRANSACTION_TIMEOUT."""
    with Wire(broker.bootstrap) as wire:
        assert wire.init_producer(unique("tx"), timeout_ms=16 * 60 * 1000).error_code == 50


def test_a_transaction_is_aborted_by_hand_in_its_own_epoch_only(broker: Broker) -> None:
    """A marker of an older epoch is refused; one of the same epoch ends what is open in the partition."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    with Wire(broker.bootstrap) as wire, admin_client(broker.bootstrap) as admin:
        wire.new_producer(transactional_id)
        producer_id, epoch = who = wire.new_producer(transactional_id)
        assert wire.add_partition(transactional_id, who, topic) == 0
        data = batch([b"0"], producer=who, sequence=0, transactional=True)
        assert wire.produce(topic, data, transactional_id).error_code == 0
        place = TopicPartition(topic, 0)
        with pytest.raises(InvalidProducerEpochError):
            admin.abort_transaction(AbortTransactionSpec(place, producer_id, epoch - 1, 0))
        assert wire.offset(topic, _LATEST, read_committed=True)[2] == 0
        admin.abort_transaction(AbortTransactionSpec(place, producer_id, epoch, 0))
        assert wire.offset(topic, _LATEST, read_committed=True)[2] == 2
