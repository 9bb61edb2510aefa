"""Long requests let others go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kafka.protocol.metadata import MetadataRequest

from consumers.broker.api.call import Call
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


def test_metadata_of_many_partitions_are_made_in_turns(tmp_path: Path) -> None:
    """Room is taken for them while they are made, and others go on."""
    broker = Broker(tmp_path / "data", FsyncPolicy.NEVER)
    for number in range(5):
        broker.topics.create(f"topic-{number}", 1000, {})
    room = Room(10**9)
    lease = Lease(room)

    async def play() -> None:
        done = asyncio.Event()
        turns = asyncio.create_task(_turns(done))
        answer = await metadata(broker, Call(MetadataRequest(topics=None), 5, "", "", lease))
        done.set()
        assert [len(topic.partitions) for topic in answer.topics] == [1000] * 5
        assert await turns >= 4
        assert lease.held == 10**9 - room.left > 10**6

    asyncio.run(play())
    broker.close()
