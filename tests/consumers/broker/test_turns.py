"""Long requests let others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kafka.protocol.admin import DescribeConfigsRequest
from kafka.protocol.metadata import MetadataRequest

from consumers.broker.api.call import Call
from consumers.broker.api.configs import describe
from consumers.broker.api.metadata import metadata
from consumers.broker.api.turns import in_turns
from consumers.broker.broker import Broker
from consumers.broker.durability import FsyncPolicy
from consumers.broker.room import Lease, Room


async def _turns(others: asyncio.Event) -> int:
    """How often somebody else had a turn until `others` is set."""
    count = 0
    while not others.is_set():
        count += 1
        await asyncio.sleep(0)  # one turn
    return count


def test_work_stops_after_so_much() -> None:
    """All items come, in order, and others have a turn after each piece of work."""

    async def play() -> None:
        done = asyncio.Event()
        turns = asyncio.create_task(_turns(done))
        items = [each async for each in in_turns([3, 3, 3, 1, 1, 1, 7], 5, lambda each: each)]
        assert items == [3, 3, 3, 1, 1, 1, 7]
        done.set()
        assert await turns >= 2

    asyncio.run(play())


_Resource = DescribeConfigsRequest.DescribeConfigsResource
_RESOURCES = [_Resource(resource_type=2, resource_name=f"topic-{n}", configuration_keys=None) for n in range(100)]


@pytest.mark.parametrize(
    ("handler", "request_of_all", "version"),
    [(metadata, MetadataRequest(topics=None), 5), (describe, DescribeConfigsRequest(resources=_RESOURCES), 4)],
)
def test_many_topics_are_described_in_turns(
    tmp_path: Path, handler: Callable[[Broker, Call], Awaitable[Any]], request_of_all: Any, version: int
) -> None:
    """Room is taken for them while they are made, and others go on."""
    broker = Broker(tmp_path / "data", FsyncPolicy.NEVER)
    for number in range(100):
        broker.topics.create(f"topic-{number}", 50, {})
    room = Room(10**9)
    lease = Lease(room)

    async def play() -> None:
        done = asyncio.Event()
        turns = asyncio.create_task(_turns(done))
        answer = await handler(broker, Call(request_of_all, version, "", "", lease))
        done.set()
        assert len(getattr(answer, "topics", None) or answer.results) == 100
        assert await turns >= 4
        assert lease.held == 10**9 - room.left >= 10**6

    asyncio.run(play())
    broker.close()
