"""Producer ids and transactions."""

from typing import Any

from kafka.protocol.admin import DescribeProducersResponse, DescribeTransactionsResponse, ListTransactionsResponse
from kafka.protocol.producer import (
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnResponse,
    EndTxnResponse,
    InitProducerIdResponse,
    TxnOffsetCommitResponse,
)

from consumers.broker.api.call import Call
from consumers.broker.api.offered_offsets import judge
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.entries import TransactionState
from consumers.broker.partition import Partition

_PRODUCER_FENCED_SINCE = 2
_PRODUCER_FENCED_SINCE_INIT = 4


def _code(error: BrokerError, version: int, since: int = _PRODUCER_FENCED_SINCE) -> Code:
    """Older clients know fencing only as INVALID_PRODUCER_EPOCH."""
    old = error.code is Code.PRODUCER_FENCED and version < since
    return Code.INVALID_PRODUCER_EPOCH if old else error.code


def init_producer_id(broker: Broker, call: Call) -> InitProducerIdResponse:
    """A fresh id for an idempotent producer; id and next epoch for a transactional one."""
    request = call.request
    if request.transactional_id is None:
        return InitProducerIdResponse(
            error_code=Code.NONE, producer_id=broker.transactions.new_producer_id(), producer_epoch=0
        )
    try:
        if not request.transactional_id:
            raise BrokerError(Code.INVALID_REQUEST)
        producer_id, epoch = broker.transactions.init_producer(
            request.transactional_id,
            request.transaction_timeout_ms,
            (request.producer_id, request.producer_epoch),
            broker.now_ms(),
        )
    except BrokerError as error:
        code = _code(error, call.version, _PRODUCER_FENCED_SINCE_INIT)
        return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
    return InitProducerIdResponse(error_code=Code.NONE, producer_id=producer_id, producer_epoch=epoch)


def add_partitions(broker: Broker, call: Call) -> AddPartitionsToTxnResponse:
    """All partitions are added, or none."""
    request = call.request
    Topic = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult  # noqa: N806 - a class of the protocol
    wanted = {(topic.name, number) for topic in request.v3_and_below_topics for number in topic.partitions}
    unknown = {partition for partition in wanted if not broker.topics.has_partition(*partition)}
    code = Code.OPERATION_NOT_ATTEMPTED if unknown else Code.NONE
    if not unknown:
        try:
            broker.transactions.add_partitions(
                request.v3_and_below_transactional_id,
                request.v3_and_below_producer_id,
                request.v3_and_below_producer_epoch,
                wanted,
                broker.now_ms(),
            )
        except BrokerError as error:
            code = _code(error, call.version)
    return AddPartitionsToTxnResponse(
        results_by_topic_v3_and_below=[
            Topic(
                name=topic.name,
                results_by_partition=[
                    Topic.AddPartitionsToTxnPartitionResult(
                        partition_index=number,
                        partition_error_code=(
                            Code.UNKNOWN_TOPIC_OR_PARTITION if (topic.name, number) in unknown else code
                        ),
                    )
                    for number in topic.partitions
                ],
            )
            for topic in request.v3_and_below_topics
        ]
    )


def add_offsets(broker: Broker, call: Call) -> AddOffsetsToTxnResponse:
    """Make a group's offsets part of the transaction."""
    request = call.request
    code = Code.NONE
    try:
        if not request.group_id:
            raise BrokerError(Code.INVALID_GROUP_ID)
        broker.transactions.add_group(
            request.transactional_id, request.producer_id, request.producer_epoch, request.group_id, broker.now_ms()
        )
    except BrokerError as error:
        code = _code(error, call.version)
    return AddOffsetsToTxnResponse(error_code=code)


def commit_offsets(broker: Broker, call: Call) -> TxnOffsetCommitResponse:
    """Hold offsets until the transaction ends; a group without members needs none to be named."""
    request = call.request
    Topic = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic  # noqa: N806 - a class of the protocol
    code = Code.NONE
    try:
        broker.transactions.check_offsets(
            request.transactional_id,
            request.producer_id,
            request.producer_epoch,
            request.group_id,
            request.member_id,
            request.generation_id,
            request.group_instance_id,
        )
    except BrokerError as error:
        code = error.code
    topics, held = judge(
        broker, request.topics, code, topic_class=Topic, partition_class=Topic.TxnOffsetCommitResponsePartition
    )
    if held:
        broker.transactions.hold_offsets(request.producer_id, request.group_id, held)
        broker.groups.seen(request.group_id, request.member_id, broker.now_s())
    return TxnOffsetCommitResponse(topics=topics)


def end_transaction(broker: Broker, call: Call) -> EndTxnResponse:
    """Commit or abort. When this is answered, readers see the outcome."""
    request = call.request
    code = Code.NONE
    try:
        broker.transactions.end(
            request.transactional_id,
            request.producer_id,
            request.producer_epoch,
            commit=request.committed,
            now_ms=broker.now_ms(),
        )
    except BrokerError as error:
        code = _code(error, call.version)
    return EndTxnResponse(error_code=code)


def list_transactions(broker: Broker, call: Call) -> ListTransactionsResponse:
    """Transactional ids and their states, filtered by state, producer id and how long they are open."""
    request = call.request
    states = {state.value for state in TransactionState}
    now_ms = broker.now_ms()
    listed = [
        ListTransactionsResponse.TransactionState(
            transactional_id=each.transactional_id, producer_id=each.producer_id, transaction_state=each.state.value
        )
        for each in broker.transactions
        if (not request.state_filters or each.state in request.state_filters)
        and (not request.producer_id_filters or each.producer_id in request.producer_id_filters)
        and (
            request.duration_filter < 0 or (each.started_ms >= 0 and now_ms - each.started_ms > request.duration_filter)
        )
    ]
    return ListTransactionsResponse(
        error_code=Code.NONE,
        unknown_state_filters=[state for state in request.state_filters if state not in states],
        transaction_states=listed,
    )


def describe_transactions(broker: Broker, call: Call) -> DescribeTransactionsResponse:
    """Everything about some transactional ids."""
    Answer = DescribeTransactionsResponse.TransactionState  # noqa: N806 - a class of the protocol
    answers = []
    for transactional_id in call.request.transactional_ids:
        found = broker.transactions.get(transactional_id)
        if found is None:
            answers.append(
                Answer(error_code=Code.TRANSACTIONAL_ID_NOT_FOUND, transactional_id=transactional_id, topics=[])
            )
            continue
        topics: dict[str, list[int]] = {}
        for topic, number in sorted(found.partitions):
            topics.setdefault(topic, []).append(number)
        answers.append(
            Answer(
                error_code=Code.NONE,
                transactional_id=transactional_id,
                transaction_state=found.state.value,
                transaction_timeout_ms=found.timeout_ms,
                transaction_start_time_ms=found.started_ms if found.state is TransactionState.ONGOING else -1,
                producer_id=found.producer_id,
                producer_epoch=found.producer_epoch,
                topics=[Answer.TopicData(topic=topic, partitions=numbers) for topic, numbers in topics.items()],
            )
        )
    return DescribeTransactionsResponse(transaction_states=answers)


def describe_producers(broker: Broker, call: Call) -> DescribeProducersResponse:
    """Who has written to a partition lately, and what is open there: the way to find a hanging transaction."""
    Topic = DescribeProducersResponse.TopicResponse  # noqa: N806 - a class of the protocol

    def describe(topic: str, number: int) -> Any:
        try:
            partition = broker.topics.partition(topic, number)
        except BrokerError as error:
            return Topic.PartitionResponse(
                partition_index=number, error_code=error.code, error_message=error.message, active_producers=[]
            )
        return Topic.PartitionResponse(
            partition_index=number, error_code=Code.NONE, error_message=None, active_producers=_producers(partition)
        )

    return DescribeProducersResponse(
        topics=[
            Topic(name=topic.name, partitions=[describe(topic.name, number) for number in topic.partition_indexes])
            for topic in call.request.topics
        ]
    )


def _producers(partition: Partition) -> list[Any]:
    State = DescribeProducersResponse.TopicResponse.PartitionResponse.ProducerState  # noqa: N806
    return [
        State(
            producer_id=producer_id,
            producer_epoch=state.epoch,
            last_sequence=state.batches[-1][1] if state.batches else -1,
            last_timestamp=state.last_ms,
            coordinator_epoch=0,
            current_txn_start_offset=partition.producers.open.get(producer_id, -1),
        )
        for producer_id, state in partition.producers.producers.items()
    ]
