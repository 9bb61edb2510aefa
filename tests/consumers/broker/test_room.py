"""Memory that clients can make the broker hold: half-sent requests, unread responses, fetches of clients that left."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.protocol.admin import (
    DescribeConfigsRequest,
    DescribeGroupsRequest,
    DescribeProducersRequest,
    DescribeTransactionsRequest,
)
from kafka.protocol.consumer import OffsetFetchRequest
from kafka.protocol.metadata import FindCoordinatorRequest, MetadataRequest

from consumers.broker.frames import MAX_REQUEST_BYTES
from consumers.broker.partition import Partition
from consumers.broker.room import Lease, Room
from consumers.broker.server import Limits
from tests.broker.batches import batch
from tests.broker.support import new_topic
from tests.broker.wire import Wire
from tests.brokers import DevBroker
from tests.consumers.broker.build import serving
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


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=5), max_size=12))
def test_all_that_grow_get_to_their_end(clients: list[list[int]]) -> None:
    """However many hold a part and need more: only one at a time holds more than is left, and all is given back."""
    room = Room(100)
    leases = [Lease(room) for _ in clients]

    async def client(lease: Lease, parts: list[int]) -> None:
        for part in parts:
            await lease.grow(part)
            assert sum(each.held for each in leases) == 100 - room.left <= 100
            await asyncio.sleep(0)  # lets the other clients go on
        lease.release()

    async def all_of_them() -> None:
        await asyncio.gather(*(client(*each) for each in zip(leases, clients, strict=True)))

    asyncio.run(all_of_them())
    assert (room.left, room.beyond) == (100, None)


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
                    assert rss(broker) - before < Limits().responses_bytes + 150 * MIB
            finally:
                for each in lazy:
                    each.close()
            assert wire.fetch(topic, 0).error_code == 0


def _push(wire: Wire, data: bytes) -> None:
    with contextlib.suppress(OSError):  # it is cut off, or the test has ended
        wire.send_bytes(data)


def test_requests_that_are_never_finished_are_bounded(tmp_path: Path) -> None:
    """Forty clients send 8 of 9 MiB each. The broker holds its budget, serves others, and cuts them off in time."""
    limits = Limits(frames_bytes=32 * MIB, stalled_s=2.0)
    data = struct.pack(">i", 9 * MIB) + bytes(8 * MIB)
    process = psutil.Process()
    with serving(tmp_path, limits) as bootstrap, contextlib.ExitStack() as closing:
        stuck = [closing.enter_context(Wire(bootstrap)) for _ in range(40)]
        before = process.memory_info().rss
        with ThreadPoolExecutor(len(stuck)) as threads:
            pushing = [threads.submit(_push, each, data) for each in stuck]
            ended = [threads.submit(each.drain) for each in stuck]
            with Wire(bootstrap) as wire:
                while not all(each.done() for each in (*pushing, *ended)):
                    assert len(wire.ask(MetadataRequest(topics=None), 5).brokers) == 1
                    assert process.memory_info().rss - before < limits.frames_bytes + 80 * MIB


def test_what_is_announced_and_not_sent_takes_no_room(dev_broker: DevBroker) -> None:
    """Forty clients announce the largest frame; a large request of another one is served at once."""
    topic = new_topic(dev_broker.bootstrap)
    with contextlib.ExitStack() as closing:
        for _ in range(40):
            idle = closing.enter_context(Wire(dev_broker.bootstrap))
            idle.send_bytes(struct.pack(">i", MAX_REQUEST_BYTES) + bytes(100))
        with Wire(dev_broker.bootstrap) as wire:
            assert wire.produce(topic, batch([bytes(900_000)])).error_code == 0


def test_there_is_room_for_one_more_when_all_is_taken(tmp_path: Path) -> None:
    """Clients that stop in the middle of their requests fill the room; another one's large request is served.

    If one of them has the place beyond it, that one loses it before its time is up.
    """
    with serving(tmp_path, Limits(frames_bytes=MIB, stalled_s=10.0)) as bootstrap, contextlib.ExitStack() as closing:
        for _ in range(4):
            stuck = closing.enter_context(Wire(bootstrap))
            stuck.send_bytes(struct.pack(">i", MIB) + bytes(MIB // 4))
        with Wire(bootstrap) as wire:
            for _ in range(3):
                assert wire.produce("topic", batch([bytes(900_000)])).error_code == 0


@pytest.mark.parametrize("sent", [b"\0", b"\0\0\0\x64", struct.pack(">i", 100) + bytes(99)])
def test_a_request_has_to_come_to_its_end(tmp_path: Path, sent: bytes) -> None:
    """A client that stops in the length or in the request is cut off; one that is silent between two is not."""
    with serving(tmp_path, Limits(stalled_s=0.2)) as bootstrap, Wire(bootstrap) as silent:
        assert len(silent.ask(MetadataRequest(topics=None), 5).brokers) == 1
        with Wire(bootstrap) as stuck:
            stuck.send_bytes(sent)
            assert stuck.drain() == b""
        assert len(silent.ask(MetadataRequest(topics=None), 5).brokers) == 1


def test_connections_are_bounded(tmp_path: Path) -> None:
    """One too many is closed; when another has ended, there is a place."""
    request = MetadataRequest(topics=None)

    def is_served(wire: Wire) -> bool:
        with contextlib.suppress(ConnectionError):
            return len(wire.ask(request, 5).brokers) == 1
        return False

    def newcomer_is_served() -> bool:
        with Wire(bootstrap) as newcomer:
            return is_served(newcomer)

    with serving(tmp_path, Limits(connections=2)) as bootstrap, Wire(bootstrap) as first:
        with Wire(bootstrap) as second:
            assert is_served(first)
            assert is_served(second)
            assert not newcomer_is_served()
            assert is_served(first)
        wait_until(newcomer_is_served, "a place")


def test_a_client_that_drips_is_cut_off(tmp_path: Path) -> None:
    """The limit is for the whole request: a byte now and then does not extend it."""
    with serving(tmp_path, Limits(stalled_s=0.2)) as bootstrap, Wire(bootstrap) as dripping:
        dripping.send_bytes(struct.pack(">i", 10**6))
        with pytest.raises(ConnectionError):
            wait_until(lambda: dripping.send_bytes(b"x"), "the end of the connection")


@pytest.mark.parametrize("unread", [0, 1, 400_000])
def test_a_client_that_has_left_holds_nothing(unread: int) -> None:
    """A fetch that wants to wait for days ends soon after its connection is closed, whatever else was sent there."""
    with DevBroker() as broker:
        topic = new_topic(broker.bootstrap)
        before = descriptors(broker)
        for _ in range(20):
            with Wire(broker.bootstrap) as wire:
                wire.send(wire.fetch_request(topic, 0, max_wait_ms=2**31 - 1, min_bytes=1), 11)
                wire.send_bytes(bytes(unread))
        wait_until(lambda: descriptors(broker) <= before, "their descriptors")


def test_a_fetch_without_room_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If others hold all the room, it has no records, and all that is known without them."""
    monkeypatch.setattr("consumers.broker.api.fetch.ROOM_WAIT_S", 0.1)
    with serving(tmp_path, Limits(responses_bytes=8 * MIB)) as bootstrap, contextlib.ExitStack() as closing:
        wire = closing.enter_context(Wire(bootstrap))
        for _ in range(9):
            assert wire.produce("topic", batch([random.Random(1).randbytes(900_000)])).error_code == 0
        request = wire.fetch_request("topic", 0)
        request.topics[0].partitions[0].partition_max_bytes = 8 * MIB
        closing.enter_context(Wire(bootstrap)).send(request, 11)

        def is_full() -> bool:
            answer = wire.fetch("topic", 0)
            assert (answer.error_code, answer.high_watermark) == (0, 9)
            return not answer.records

        wait_until(is_full, "an answer without records")


def test_a_fetch_reads_no_more_than_it_may_return(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it names a partition whose next batch is too large for the answer, and one batch more."""
    n_read = 0
    read = Partition.read

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal n_read
        answer = read(*arguments, **options)
        n_read += len(answer[0])
        return answer

    monkeypatch.setattr(Partition, "read", counted)
    data = batch([bytes(100_000)])
    with serving(tmp_path, Limits()) as bootstrap, Wire(bootstrap) as wire:
        assert wire.produce("topic", data).error_code == 0
        request = wire.fetch_request("topic", 0)
        request.max_bytes = 1_000_000
        request.topics[0].partitions[0].partition_max_bytes = 1
        request.topics[0].partitions *= 500
        answers = wire.ask(request, 11).responses[0].partitions
    assert [len(each.records) for each in answers] == [len(data)] + [0] * 499
    assert n_read <= request.max_bytes + len(data)


def test_a_large_response_without_room_is_not_kept(tmp_path: Path) -> None:
    """Its connection is closed, and smaller ones are answered, also to long requests."""
    with serving(tmp_path, Limits(responses_bytes=MIB)) as bootstrap:
        for n_keys, is_answered in ((10_000, True), (50_000, False), (10_000, True)):
            request = FindCoordinatorRequest(key_type=0, coordinator_keys=[str(key) for key in range(n_keys)])
            with Wire(bootstrap) as wire:
                wire.send(request, 4)
                wire.finish()
                assert (wire.drain() != b"") is is_answered


def test_what_is_asked_for_twice_is_described_once(tmp_path: Path) -> None:
    """Else a short request could make a response of any size."""
    resource = DescribeConfigsRequest.DescribeConfigsResource(
        resource_type=2, resource_name="topic", configuration_keys=None
    )
    group = OffsetFetchRequest.OffsetFetchRequestGroup(group_id="group", topics=None)
    partitions = DescribeProducersRequest.TopicRequest(name="topic", partition_indexes=[0, 0])
    with serving(tmp_path, Limits()) as bootstrap, Wire(bootstrap) as wire:
        producer = wire.new_producer()
        assert wire.produce("topic", batch([b"x"], producer=producer, sequence=0)).error_code == 0
        assert len(wire.ask(DescribeConfigsRequest(resources=[resource] * 3), 4).results) == 1
        assert len(wire.ask(OffsetFetchRequest(groups=[group] * 3), 8).groups) == 1
        assert len(wire.ask(DescribeGroupsRequest(groups=["group"] * 3), 5).groups) == 1
        assert len(wire.ask(DescribeTransactionsRequest(transactional_ids=["id"] * 3), 0).transaction_states) == 1
        (topic,) = wire.ask(DescribeProducersRequest(topics=[partitions]), 0).topics
        assert [len(each.active_producers) for each in topic.partitions] == [1, 0]
