"""The rules of an exactly-once unit of work, each tested against its fault."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from kafka.errors import (
    CommitFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFencedError,
    TopicAuthorizationFailedError,
)
from kafka.structs import ConsumerGroupMetadata

from consumers.cluster.records import OutgoingRecord, TopicPartition
from consumers.cluster.transaction import TransactionalProducer
from sentiment.errors import FatalError, TransactionFailed
from tests.consumers.cluster.producers import STEPS, Fault, ScriptedProducer, hang, lose_record, make_then_fail, refuse

OFFSETS = {TopicPartition("in", 0): 3}
GROUP = ConsumerGroupMetadata("group", 1, "member")
RECORDS = [OutgoingRecord("out", b"1"), OutgoingRecord("out", b"2")]


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Releases hanging calls when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def started(producer: ScriptedProducer, deadline_s: float = 20.0) -> TransactionalProducer:
    transactional = TransactionalProducer(producer, deadline_s=deadline_s)
    transactional.start()
    return transactional


def test_a_unit_of_work_takes_its_steps_in_order() -> None:
    """Records are sent and confirmed before offsets are added, and offsets before the commit."""
    producer = ScriptedProducer()
    assert started(producer).commit(RECORDS, OFFSETS, GROUP) == 2
    assert producer.steps == [*STEPS[:3], "send", *STEPS[3:]]
    assert producer.unfinished_at_commit == 0


def test_records_alone_need_no_group_and_nothing_makes_no_transaction() -> None:
    """Without offsets, none are sent. Without records and offsets, there is no transaction."""
    producer = ScriptedProducer()
    transactional = started(producer)
    assert transactional.commit([], {}) == 0
    assert producer.steps == ["init_transactions"]
    transactional.commit(RECORDS)
    assert "send_offsets_to_transaction" not in producer.steps
    with pytest.raises(ValueError, match="need a group"):
        transactional.commit([], OFFSETS)


@pytest.mark.parametrize("step", STEPS[1:])
def test_after_any_failure_the_producer_is_used_up(step: str) -> None:
    """Faults 1 and 4: after any failure there is no later transaction that could inherit something."""
    producer = ScriptedProducer({step: refuse(KafkaError("no"))})
    transactional = started(producer)
    with pytest.raises(TransactionFailed, match=f"{step} failed"):
        transactional.commit(RECORDS, OFFSETS, GROUP)
    taken = len(producer.steps)
    with pytest.raises(TransactionFailed, match="must be rebuilt"):
        transactional.commit(RECORDS, OFFSETS, GROUP)
    assert len(producer.steps) == taken


def test_offsets_never_move_without_their_records() -> None:
    """Fault 2: an expired batch stops the unit before offsets are sent, although flushing succeeded."""
    producer = ScriptedProducer({"send": lose_record})
    transactional = started(producer)
    with pytest.raises(TransactionFailed, match="delivery failed"):
        transactional.commit(RECORDS, OFFSETS, GROUP)
    assert "flush" in producer.steps
    assert not {"send_offsets_to_transaction", "commit_transaction"} & set(producer.steps)


@pytest.mark.parametrize("fault", [refuse(ProducerFencedError()), make_then_fail(CommitFailedError("?"))])
def test_a_commit_that_fails_is_never_followed_by_an_abort(fault: Fault) -> None:
    """Fault 4: after asking for a commit only the broker knows the outcome, so the producer is just closed."""
    producer = ScriptedProducer({"commit_transaction": fault})
    transactional = started(producer)
    with pytest.raises(TransactionFailed):
        transactional.commit(RECORDS, OFFSETS, GROUP)
    transactional.close()
    assert "abort_transaction" not in producer.steps
    assert producer.steps[-1] == "close"


def test_an_open_transaction_is_aborted_on_closing_even_if_that_fails() -> None:
    """So readers are not held back longer than necessary, and a failing abort does no harm."""
    producer = ScriptedProducer({"flush": refuse(KafkaError("no")), "abort_transaction": refuse(KafkaError("no"))})
    transactional = started(producer)
    with pytest.raises(TransactionFailed):
        transactional.commit(RECORDS, OFFSETS, GROUP)
    transactional.close()
    assert producer.steps[-2:] == ["abort_transaction", "close"]


@pytest.mark.parametrize("step", ["init_transactions", "flush", "send_offsets_to_transaction", "commit_transaction"])
def test_a_call_that_never_returns_is_given_up(step: str, released: threading.Event) -> None:
    """Fault 5: every call that may block has a deadline, after which the producer cannot be used again."""
    producer = ScriptedProducer({step: hang(released, takes_effect=False)})
    transactional = TransactionalProducer(producer, deadline_s=1.0)

    def work() -> None:
        transactional.start()
        transactional.commit(RECORDS, OFFSETS, GROUP)

    with pytest.raises(TransactionFailed, match=f"{step} failed .DeadlineExceeded"):
        work()


@pytest.mark.parametrize("error", [MessageSizeTooLargeError(), TopicAuthorizationFailedError()])
def test_what_can_never_succeed_is_not_tried_again(error: KafkaError) -> None:
    """A record that the broker will always refuse stops the worker instead of being repeated for ever."""
    transactional = started(ScriptedProducer({"send": refuse(error)}))
    with pytest.raises(FatalError, match="Kafka will never accept this"):
        transactional.commit(RECORDS, OFFSETS, GROUP)
