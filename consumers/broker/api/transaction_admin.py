"""What `kafka-transactions` asks: which transactions there are, what is open in a partition, and to end it there."""

from typing import Any

from kafka.protocol.admin import DescribeProducersResponse, DescribeTransactionsResponse, ListTransactionsResponse
from kafka.protocol.producer import WriteTxnMarkersResponse

from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.entries import TransactionState
from consumers.broker.partition import Partition


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


def write_markers(broker: Broker, call: Call) -> WriteTxnMarkersResponse:
    """End what producers have open in single partitions, without asking the coordinator.

    This is how `kafka-transactions abort` frees readers from a hanging transaction.
    """
    Answer = WriteTxnMarkersResponse.WritableTxnMarkerResult  # noqa: N806 - a class of the protocol
    Topic = Answer.WritableTxnMarkerTopicResult  # noqa: N806 - a class of the protocol

    def write(marker: Any, topic: str, number: int) -> Code:
        try:
            partition = broker.topics.partition(topic, number)
            partition.producers.check_epoch(marker.producer_id, marker.producer_epoch)
            partition.end_transaction(
                marker.producer_id, marker.producer_epoch, commit=marker.transaction_result, now_ms=broker.now_ms()
            )
        except BrokerError as error:
            return error.code
        return Code.NONE

    def answer(marker: Any, topic: Any) -> Any:
        return Topic(
            name=topic.name,
            partitions=[
                Topic.WritableTxnMarkerPartitionResult(
                    partition_index=number, error_code=write(marker, topic.name, number)
                )
                for number in topic.partition_indexes
            ],
        )

    return WriteTxnMarkersResponse(
        markers=[
            Answer(producer_id=marker.producer_id, topics=[answer(marker, topic) for topic in marker.topics])
            for marker in call.request.markers
        ]
    )
