"""Memory that clients can make the broker hold: half-sent requests, unread responses, fetches of clients that left."""

from __future__ import annotations

import asyncio
import random
import struct

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.protocol.metadata import MetadataRequest

from consumers.broker.room import Lease, Room
from consumers.broker.server import FRAMES_BYTES, MAX_REQUEST_BYTES, RESPONSES_BYTES
from tests.broker.batches import batch
from tests.broker.support import new_topic
from tests.broker.wire import Wire
from tests.brokers import DevBroker
from tests.waiting import wait_until

MIB = 1 << 20


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 150), st.integers(0, 3)), max_size=20))
def test_never_more_is_held_than_there_is(clients: list[tuple[int, int, int]]) -> None:
    """However many ask for however much, all get their turn, and all is given back."""
    room = Room(100)
    most = 0

    async def client(wanted: int, kept: int, pauses: int) -> None:
        nonlocal most
        lease = Lease(room)
        await lease.take(wanted)
        assert lease.held == min(wanted, 100)
        lease.shrink(kept)
        for _ in range(pauses):
            most = max(most, 100 - room.left)
            await asyncio.sleep(0)  # lets the other clients go on
        lease.release()

    async def all_of_them() -> None:
        await asyncio.gather(*(client(*each) for each in clients))

    asyncio.run(all_of_them())
    assert most <= 100
    assert room.left == 100


def rss(broker: DevBroker) -> int:
    assert broker.process is not None
    return int(psutil.Process(broker.process.pid).memory_info().rss)


def descriptors(broker: DevBroker) -> int:
    assert broker.process is not None
    return int(psutil.Process(broker.process.pid).num_fds())


@pytest.mark.slow
def test_responses_that_nobody_reads_are_bounded() -> None:
    """Sixty clients ask for sixteen megabytes each and read nothing: the broker holds its budget, and serves others."""
    data = batch([random.Random(1).randbytes(900_000)])
    with DevBroker() as broker:
        topic = new_topic(broker.bootstrap)
        with Wire(broker.bootstrap) as wire:
            for _ in range(20):
                assert wire.produce(topic, data).error_code == 0
            before = rss(broker)
            request = wire.fetch_request(topic, 0)
            request.topics[0].partitions[0].partition_max_bytes = 16 * MIB
            lazy = [Wire(broker.bootstrap) for _ in range(60)]
            try:
                for each in lazy:
                    each.send(request, 11)
                for _ in range(20):
                    assert len(wire.ask(MetadataRequest(topics=None), 5).brokers) == 1
                    assert rss(broker) - before < RESPONSES_BYTES + 150 * MIB
            finally:
                for each in lazy:
                    each.close()
            assert wire.fetch(topic, 0).error_code == 0


def test_requests_that_are_never_finished_are_bounded() -> None:
    """Forty clients announce the largest frame and send two megabytes of it; others are served."""
    with DevBroker() as broker:
        before = rss(broker)
        stuck = [Wire(broker.bootstrap) for _ in range(40)]
        try:
            for each in stuck:
                each.send_bytes(struct.pack(">i", MAX_REQUEST_BYTES) + bytes(64 * 1024))
            with Wire(broker.bootstrap) as wire:
                assert len(wire.ask(MetadataRequest(topics=None), 5).brokers) == 1
            assert rss(broker) - before < FRAMES_BYTES
        finally:
            for each in stuck:
                each.close()


def test_a_client_that_has_left_holds_nothing() -> None:
    """A fetch that wants to wait for days ends soon after its connection is closed."""
    with DevBroker() as broker:
        topic = new_topic(broker.bootstrap)
        before = descriptors(broker)
        for _ in range(20):
            with Wire(broker.bootstrap) as wire:
                wire.send(wire.fetch_request(topic, 0, max_wait_ms=2**31 - 1, min_bytes=1), 11)
        wait_until(lambda: descriptors(broker) <= before, "their descriptors")
