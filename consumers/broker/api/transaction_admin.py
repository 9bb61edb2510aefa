"""What `kafka-transactions` asks: which transactions there are, what is open in a partition, and to end it there."""

from functools import partial
from typing import Any

from kafka.protocol.admin import DescribeProducersResponse, DescribeTransactionsResponse, ListTransactionsResponse
from kafka.protocol.producer import WriteTxnMarkersResponse

from consumers.broker.api.answers import by_partition
from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code, attempt
from consumers.broker.entries import Transaction, TransactionState
from consumers.broker.partition import Partition

_Described = DescribeTransactionsResponse.TransactionState
_MarkerResult = WriteTxnMarkersResponse.WritableTxnMarkerResult
_MarkerTopic = _MarkerResult.WritableTxnMarkerTopicResult
_ProducersTopic = DescribeProducersResponse.TopicResponse


def list_transactions(broker: Broker, call: Call) -> ListTransactionsResponse:
    """Transactional ids and their states, filtered by state, producer id and how long they are open."""
    request = call.request
    now_ms = broker.now_ms()

    def wanted(each: Transaction) -> bool:
        is_long = request.duration_filter < 0 or 0 <= each.started_ms < now_ms - request.duration_filter
        return (
            is_long
            and (not request.state_filters or each.state in request.state_filters)
            and (not request.producer_id_filters or each.producer_id in request.producer_id_filters)
        )

    return ListTransactionsResponse(
        error_code=Code.NONE,
        unknown_state_filters=[state for state in request.state_filters if state not in set(TransactionState)],
        transaction_states=[
            ListTransactionsResponse.TransactionState(
                transactional_id=each.transactional_id,
                producer_id=each.producer_id,
                transaction_state=each.state.value,
            )
            for each in broker.transactions
            if wanted(each)
        ],
    )


def describe_transactions(broker: Broker, call: Call) -> DescribeTransactionsResponse:
    """All about the transactions of some ids, of each once."""
    ids = dict.fromkeys(call.request.transactional_ids)
    return DescribeTransactionsResponse(transaction_states=[_described(broker, each) for each in ids])


def _described(broker: Broker, transactional_id: str) -> Any:
    found = broker.transactions.get(transactional_id)
    if found is None:
        return _Described(error_code=Code.TRANSACTIONAL_ID_NOT_FOUND, transactional_id=transactional_id, topics=[])
    topics: dict[str, list[int]] = {}
    for topic, number in sorted(found.partitions):
        topics.setdefault(topic, []).append(number)
    return _Described(
        error_code=Code.NONE,
        transactional_id=transactional_id,
        transaction_state=found.state.value,
        transaction_timeout_ms=found.timeout_ms,
        transaction_start_time_ms=found.started_ms if found.state is TransactionState.ONGOING else -1,
        producer_id=found.producer_id,
        producer_epoch=found.producer_epoch,
        topics=[_Described.TopicData(topic=topic, partitions=numbers) for topic, numbers in topics.items()],
    )


def describe_producers(broker: Broker, call: Call) -> DescribeProducersResponse:
    """Who has written to a partition lately, and what is open there: the way to find a hanging transaction.

    A partition that is asked for again has no producers in the second answer.
    """
    described = set()

    def describe(topic: str, number: int) -> Any:
        code, message, producers = Code.NONE, None, []
        try:
            if (topic, number) not in described:
                described.add((topic, number))
                producers = _producers(broker.topics.partition(topic, number))
        except BrokerError as error:
            code, message = error.code, error.message
        return _ProducersTopic.PartitionResponse(
            partition_index=number, error_code=code, error_message=message, active_producers=producers
        )

    topics = by_partition(_ProducersTopic, call.request.topics, describe, items="partition_indexes")
    return DescribeProducersResponse(topics=topics)


def _producers(partition: Partition) -> list[Any]:
    return [
        _ProducersTopic.PartitionResponse.ProducerState(
            producer_id=producer_id,
            producer_epoch=state.epoch,
            last_sequence=state.batches[-1][1] if state.batches else -1,
            last_timestamp=state.last_ms,
            coordinator_epoch=0,
            current_txn_start_offset=partition.producers.open.get(producer_id, -1),
        )
        for producer_id, state in partition.producers.by_id.items()
    ]


def write_markers(broker: Broker, call: Call) -> WriteTxnMarkersResponse:
    """End what producers have open in single partitions, without asking the coordinator.

    This is how `kafka-transactions abort` frees readers from a hanging transaction.
    """

    def write(marker: Any, topic: str, number: int) -> None:
        partition = broker.topics.partition(topic, number)
        partition.producers.check_epoch(marker.producer_id, marker.producer_epoch)
        partition.end_transaction(
            marker.producer_id, marker.producer_epoch, commit=marker.transaction_result, now_ms=broker.now_ms()
        )

    def answer(marker: Any, topic: str, number: int) -> Any:
        code = attempt(write, marker, topic, number).code
        return _MarkerTopic.WritableTxnMarkerPartitionResult(partition_index=number, error_code=code)

    def result(marker: Any) -> Any:
        topics = by_partition(_MarkerTopic, marker.topics, partial(answer, marker), items="partition_indexes")
        return _MarkerResult(producer_id=marker.producer_id, topics=topics)

    return WriteTxnMarkersResponse(markers=[result(marker) for marker in call.request.markers])
