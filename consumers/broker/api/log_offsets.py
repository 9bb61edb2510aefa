"""Offsets in the log: the first, the last, by time; and deleting the records before one."""

from typing import Any

from kafka.protocol.admin import DeleteRecordsResponse
from kafka.protocol.consumer import ListOffsetsResponse

from consumers.broker.api.answers import by_partition
from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.partition import Partition

_ListTopic = ListOffsetsResponse.ListOffsetsTopicResponse
_DeleteTopic = DeleteRecordsResponse.DeleteRecordsTopicResult

_LATEST, _EARLIEST, _MAX_TIMESTAMP = -1, -2, -3
_NOTHING = (-1, -1)


def list_offsets(broker: Broker, call: Call) -> ListOffsetsResponse:
    """The first, the last (for read-committed clients the last stable), by time, or that of the newest record."""
    read_committed = call.request.isolation_level == 1

    def answer(topic: str, item: Any) -> Any:
        code, found = Code.NONE, _NOTHING
        try:
            partition = broker.topics.partition(topic, item.partition_index)
            found = _look_up(partition, item.timestamp, read_committed=read_committed)
        except BrokerError as error:
            code = error.code
        timestamp_ms, offset = found
        return _ListTopic.ListOffsetsPartitionResponse(
            partition_index=item.partition_index,
            error_code=code,
            timestamp=timestamp_ms,
            offset=offset,
            leader_epoch=0 if offset >= 0 else -1,
        )

    return ListOffsetsResponse(topics=by_partition(_ListTopic, call.request.topics, answer))


def _look_up(partition: Partition, timestamp_ms: int, *, read_committed: bool) -> tuple[int, int]:
    """(timestamp, offset) for a time, or for one of the negative numbers that stand for a place in the log."""
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
        return _NOTHING
    return found


def delete_records(broker: Broker, call: Call) -> DeleteRecordsResponse:
    """Move the start of partitions up; -1 deletes everything."""

    def delete(topic: str, item: Any) -> Any:
        code, low = Code.NONE, -1
        try:
            partition = broker.topics.partition(topic, item.partition_index)
            broker.topics.delete_records(partition, item.offset)
            low = partition.start_offset
        except BrokerError as error:
            code = error.code
        return _DeleteTopic.DeleteRecordsPartitionResult(
            partition_index=item.partition_index, low_watermark=low, error_code=code
        )

    return DeleteRecordsResponse(topics=by_partition(_DeleteTopic, call.request.topics, delete))
