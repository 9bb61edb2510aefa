"""Produce: append what producers send."""

from typing import Any

from kafka.protocol.producer import ProduceResponse

from consumers.broker.api.call import Call
from consumers.broker.batch import HEADER_BYTES, read_header
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code


def produce(broker: Broker, call: Call) -> ProduceResponse | None:
    """Each partition succeeds or fails by itself. None (no response) where the client asked for no acknowledgement."""
    request = call.request
    responses = []
    for topic in request.topic_data:
        partitions = [_append(broker, request, topic.name, item) for item in topic.partition_data]
        responses.append(ProduceResponse.TopicProduceResponse(name=topic.name, partition_responses=partitions))
    return None if request.acks == 0 else ProduceResponse(responses=responses)


def _append(broker: Broker, request: Any, topic: str, item: Any) -> Any:
    Answer = ProduceResponse.TopicProduceResponse.PartitionProduceResponse  # noqa: N806 - a class of the protocol
    try:
        if request.acks not in (-1, 0, 1):
            raise BrokerError(Code.INVALID_REQUIRED_ACKS)
        partition = broker.topics.partition(topic, item.index)
        data = bytes(item.records or b"")
        if len(data) >= HEADER_BYTES:
            header = read_header(data)
            if header.is_transactional:
                broker.transactions.check_produce(
                    request.transactional_id, header.producer_id, header.producer_epoch, (topic, item.index)
                )
        now_ms = broker.now_ms()
        offset = partition.append(data, now_ms)
    except BrokerError as error:
        return Answer(
            index=item.index,
            error_code=error.code,
            base_offset=-1,
            log_append_time_ms=-1,
            log_start_offset=-1,
            record_errors=[],
            error_message=error.message,
        )
    return Answer(
        index=item.index,
        error_code=Code.NONE,
        base_offset=offset,
        log_append_time_ms=now_ms if partition.config.log_append_time else -1,
        log_start_offset=partition.start_offset,
        record_errors=[],
        error_message=None,
    )
