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

_LOOK_EVERY_S = 1.0
"""How often a waiting fetch looks whether its client has gone."""


async def fetch(broker: Broker, call: Call) -> FetchResponse:
    """Answer when there are `min_bytes`, when `max_wait_ms` have passed, or when a partition has an error.

    Records are read when there is room for them, and nothing is held while the client waits.
    Session id 0 tells the client that there are no fetch sessions: it names all its partitions every time.
    """
    request = call.request
    deadline_s = broker.now_s() + min(request.max_wait_ms / 1000, MAX_WAIT_S)
    most = max(0, min(request.max_bytes, MAX_RESPONSE_BYTES))
    event = asyncio.Event()
    watched = _partitions(broker, request)
    for partition in watched:
        partition.watch(event)
    try:
        while True:
            event.clear()
            await call.lease.take(most)
            response, size, failed = _read(broker, request)
            call.lease.shrink(size)
            left_s = deadline_s - broker.now_s()
            if size >= request.min_bytes or failed or left_s <= 0 or call.has_gone():
                return response
            del response
            call.lease.release()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), min(left_s, _LOOK_EVERY_S))
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


def _read(broker: Broker, request: Any) -> tuple[FetchResponse, int, bool]:
    """The response as it would be now, its bytes of records, and whether a partition has an error."""
    left = min(request.max_bytes, MAX_RESPONSE_BYTES)
    size, failed, responses = 0, False, []
    for topic in request.topics:
        partitions = []
        for item in topic.partitions:
            max_bytes = min(item.partition_max_bytes, left - size)
            answer = _partition(
                broker, topic.topic, item, max_bytes, read_committed=request.isolation_level == 1, first=size == 0
            )
            size += len(answer.records)
            failed = failed or answer.error_code != Code.NONE
            partitions.append(answer)
        responses.append(_Topic(topic=topic.topic, partitions=partitions))
    return FetchResponse(error_code=Code.NONE, session_id=0, responses=responses), size, failed


def _partition(broker: Broker, topic: str, item: Any, max_bytes: int, *, read_committed: bool, first: bool) -> Any:
    """`first`: the response is empty so far, so a batch is returned even if it is too large.

    Otherwise its reader would never get past it.
    """
    try:
        partition = broker.topics.partition(topic, item.partition)
        data, aborted = partition.read(item.fetch_offset, max(max_bytes, 0), read_committed=read_committed)
    except BrokerError as error:
        return _answer(item.partition, code=error.code)
    if len(data) > max_bytes and not first:
        data, aborted = b"", []
    return _answer(
        item.partition,
        high_watermark=partition.end_offset,
        last_stable_offset=partition.stable_offset,
        log_start_offset=partition.start_offset,
        aborted=aborted,
        records=data,
    )


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
