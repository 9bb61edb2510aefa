"""Offsets in the log: the first, the last, by time; and deleting the records before one."""

from typing import Any

from kafka.protocol.admin import DeleteRecordsResponse
from kafka.protocol.consumer import ListOffsetsResponse

from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.partition import Partition

_LATEST, _EARLIEST, _MAX_TIMESTAMP = -1, -2, -3


def list_offsets(broker: Broker, call: Call) -> ListOffsetsResponse:
    """Earliest, latest (last stable for read-committed clients), first at a time, or that of the newest record."""
    Topic = ListOffsetsResponse.ListOffsetsTopicResponse  # noqa: N806 - a class of the protocol
    read_committed = call.request.isolation_level == 1
    topics = []
    for topic in call.request.topics:
        answers = []
        for item in topic.partitions:
            code, timestamp_ms, offset = Code.NONE, -1, -1
            try:
                partition = broker.topics.partition(topic.name, item.partition_index)
                timestamp_ms, offset = _look_up(partition, item.timestamp, read_committed=read_committed)
            except BrokerError as error:
                code = error.code
            answers.append(
                Topic.ListOffsetsPartitionResponse(
                    partition_index=item.partition_index,
                    error_code=code,
                    timestamp=timestamp_ms,
                    offset=offset,
                    leader_epoch=0 if offset >= 0 else -1,
                )
            )
        topics.append(Topic(name=topic.name, partitions=answers))
    return ListOffsetsResponse(topics=topics)


def _look_up(partition: Partition, timestamp_ms: int, *, read_committed: bool) -> tuple[int, int]:
    if timestamp_ms == _EARLIEST:
        return -1, partition.start_offset
    if timestamp_ms == _LATEST:
        return -1, partition.visible_end(read_committed=read_committed)
    if timestamp_ms == _MAX_TIMESTAMP:
        timestamp_ms = partition.log.max_timestamp_ms
    elif timestamp_ms < 0:
        raise BrokerError(Code.INVALID_REQUEST)
    found = partition.log.offset_for_time(timestamp_ms) if timestamp_ms >= 0 else None
    if found is None or found[1] >= partition.visible_end(read_committed=read_committed):
        return -1, -1
    return found


def delete_records(broker: Broker, call: Call) -> DeleteRecordsResponse:
    """Move the start of partitions up; -1 deletes everything."""
    Topic = DeleteRecordsResponse.DeleteRecordsTopicResult  # noqa: N806 - a class of the protocol

    def delete(topic: str, item: Any) -> Any:
        code, low = Code.NONE, -1
        try:
            partition = broker.topics.partition(topic, item.partition_index)
            broker.topics.delete_records(partition, item.offset)
            low = partition.start_offset
        except BrokerError as error:
            code = error.code
        return Topic.DeleteRecordsPartitionResult(
            partition_index=item.partition_index, low_watermark=low, error_code=code
        )

    return DeleteRecordsResponse(
        topics=[
            Topic(name=topic.name, partitions=[delete(topic.name, item) for item in topic.partitions])
            for topic in call.request.topics
        ]
    )
