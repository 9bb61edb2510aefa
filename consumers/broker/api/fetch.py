"""Fetch: return records, or wait a while for some."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from kafka.protocol.consumer import FetchResponse

from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.partition import Partition
from consumers.broker.producers import Aborted

_Topic = FetchResponse.FetchableTopicResponse
_Answer = _Topic.PartitionData

MAX_RESPONSE_BYTES = 16 * 1024 * 1024
"""`fetch.max.bytes`: no response is larger, whatever the client allows, except for a single larger batch."""

MAX_WAIT_S = 60.0
"""No fetch waits longer. Its client gets an empty answer and asks again."""

ROOM_WAIT_S = 5.0
"""How much longer it may wait for room: who asks again has to queue again."""

_NOTHING: tuple[bytes, list[Aborted]] = (b"", [])


async def fetch(broker: Broker, call: Call) -> FetchResponse:
    """Answer when there are `min_bytes`, when `max_wait_ms` have passed, or when a partition has an error.

    Records are read when there is room for them, and nothing is held while the client waits. If no room comes in time,
    the answer has no records.
    Session id 0 tells the client that there are no fetch sessions: it names all its partitions every time.
    """
    request = call.request
    deadline_s = broker.now_s() + min(request.max_wait_ms / 1000, MAX_WAIT_S)
    event = asyncio.Event()
    watched = _partitions(broker, request)
    most = max(0, min(request.max_bytes, MAX_RESPONSE_BYTES))
    with_one_batch = max([most, *(partition.config.max_message_bytes for partition in watched)])
    for partition in watched:
        partition.watch(event)
    try:
        while True:
            event.clear()
            has_room = await call.lease.take_within(with_one_batch, deadline_s - broker.now_s() + ROOM_WAIT_S)
            response, size, failed = _read(broker, request, most if has_room else None)
            call.lease.shrink(size)
            left_s = deadline_s - broker.now_s()
            if size >= request.min_bytes or failed or left_s <= 0:
                return response
            del response
            call.lease.release()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), left_s)
    finally:
        for partition in watched:
            partition.unwatch(event)


def _partitions(broker: Broker, request: Any) -> list[Partition]:
    return [
        broker.topics.partition(topic.topic, item.partition)
        for topic in request.topics
        for item in topic.partitions
        if broker.topics.has_partition(topic.topic, item.partition)
    ]


def _read(broker: Broker, request: Any, most: int | None) -> tuple[FetchResponse, int, bool]:
    """The response as it would be now, its bytes of records, and whether a partition has an error.

    It has about `most` bytes of records, at least one batch if there is one, and none if there is no room (None).
    """
    left, size, failed, responses = most or 0, 0, False, []
    for topic in request.topics:
        partitions = []
        for item in topic.partitions:
            max_bytes = max(0, min(item.partition_max_bytes, left))
            answer, n_read = _partition(
                broker,
                topic.topic,
                item,
                max_bytes,
                read_committed=request.isolation_level == 1,
                first=most is not None and size == 0,
            )
            left -= n_read
            size += len(answer.records)
            failed = failed or answer.error_code != Code.NONE
            partitions.append(answer)
        responses.append(_Topic(topic=topic.topic, partitions=partitions))
    return FetchResponse(error_code=Code.NONE, session_id=0, responses=responses), size, failed


def _partition(
    broker: Broker, topic: str, item: Any, max_bytes: int, *, read_committed: bool, first: bool
) -> tuple[Any, int]:
    """The answer, and the bytes that were read for it: a batch that turns out to be too large is not in the answer.

    `first`: the response is empty so far, so a batch is returned even if it is too large. Otherwise its reader would
    never get past it.
    """
    data, aborted = _NOTHING
    try:
        partition = broker.topics.partition(topic, item.partition)
        partition.check_offset(item.fetch_offset)
        if first or max_bytes:
            data, aborted = partition.read(item.fetch_offset, max_bytes, read_committed=read_committed)
    except BrokerError as error:
        return _answer(item.partition, code=error.code), 0
    n_read = len(data)
    if n_read > max_bytes and not first:
        data, aborted = _NOTHING
    answer = _answer(
        item.partition,
        high_watermark=partition.end_offset,
        last_stable_offset=partition.stable_offset,
        log_start_offset=partition.start_offset,
        aborted=aborted,
        records=data,
    )
    return answer, n_read


def _answer(
    number: int,
    *,
    code: Code = Code.NONE,
    high_watermark: int = -1,
    last_stable_offset: int = -1,
    log_start_offset: int = -1,
    aborted: Sequence[Aborted] = (),
    records: bytes = b"",
) -> Any:
    return _Answer(
        partition_index=number,
        error_code=code,
        high_watermark=high_watermark,
        last_stable_offset=last_stable_offset,
        log_start_offset=log_start_offset,
        aborted_transactions=[
            _Answer.AbortedTransaction(producer_id=each.producer_id, first_offset=each.first_offset) for each in aborted
        ],
        preferred_read_replica=-1,
        records=records,
    )
