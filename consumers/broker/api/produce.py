"""Produce: append what producers send."""

from typing import Any

from kafka.protocol.producer import ProduceResponse

from consumers.broker.api.call import Call
from consumers.broker.batch import HEADER_BYTES, read_header
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.partition import Partition
from consumers.broker.transactions import ProducerClaim

_Topic = ProduceResponse.TopicProduceResponse


def produce(broker: Broker, call: Call) -> ProduceResponse | None:
    """Each partition succeeds or fails by itself. None (no response) if the client wants no acknowledgement."""
    request = call.request
    responses = [
        _Topic(
            name=topic.name,
            partition_responses=[_append(broker, request, topic.name, item) for item in topic.partition_data],
        )
        for topic in request.topic_data
    ]
    return None if request.acks == 0 else ProduceResponse(responses=responses)


def _append(broker: Broker, request: Any, topic: str, item: Any) -> Any:
    code, message, offset, start_offset, append_ms = Code.NONE, None, -1, -1, -1
    try:
        if request.acks not in (-1, 0, 1):
            raise BrokerError(Code.INVALID_REQUIRED_ACKS)
        partition = broker.topics.partition(topic, item.index)
        data = bytes(item.records or b"")
        _check_transaction(broker, request.transactional_id, partition, data)
        now_ms = broker.now_ms()
        offset = partition.append(data, now_ms)
        start_offset = partition.start_offset
        append_ms = now_ms if partition.config.log_append_time else -1
    except BrokerError as error:
        code, message = error.code, error.message
    return _Topic.PartitionProduceResponse(
        index=item.index,
        error_code=code,
        base_offset=offset,
        log_append_time_ms=append_ms,
        log_start_offset=start_offset,
        record_errors=[],
        error_message=message,
    )


def _check_transaction(broker: Broker, transactional_id: str | None, partition: Partition, data: bytes) -> None:
    """Raise BrokerError for a transactional batch outside the open transaction of its producer."""
    if len(data) < HEADER_BYTES:
        return  # `append` says what is wrong with it
    header = read_header(data)
    if header.is_transactional:
        claim = ProducerClaim(transactional_id or "", header.producer_id, header.producer_epoch)
        broker.transactions.check_produce(claim, (partition.topic, partition.number))
