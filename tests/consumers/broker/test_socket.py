"""The socket: junk harms only its sender, every advertised version is answered, memory stays bounded."""

from __future__ import annotations

import random
import struct
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka.protocol.admin import ListGroupsRequest
from kafka.protocol.consumer import OffsetCommitRequest
from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest

from consumers.broker.api.nulls import first_null
from consumers.broker.api.table import APIS
from consumers.broker.frames import MAX_OTHER_BYTES
from tests.broker.batches import batch
from tests.broker.support import new_topic
from tests.broker.wire import Wire
from tests.brokers import DevBroker
from tests.consumers.broker.fuzz import attack

_SHARED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _still_serves(broker: DevBroker) -> bool:
    with Wire(broker.bootstrap) as wire:
        return len(wire.ask(MetadataRequest(topics=None), 5).brokers) == 1


@_SHARED
@given(junk=st.binary(min_size=1, max_size=200))
def test_bytes_that_are_no_request_close_their_connection_only(dev_broker: DevBroker, junk: bytes) -> None:
    """Bytes in a frame are answered or refused, whatever they are; other connections are served."""
    with Wire(dev_broker.bootstrap) as wire:
        wire.send_bytes(struct.pack(">i", len(junk)) + junk)
        wire.finish()
        wire.drain()
    assert _still_serves(dev_broker)


@_SHARED
@given(key=st.sampled_from(sorted(APIS)), data=st.data(), junk=st.binary(max_size=120))
def test_requests_with_a_junk_body_close_their_connection_only(
    dev_broker: DevBroker, key: int, data: st.DataObject, junk: bytes
) -> None:
    """Even if the header is right."""
    version = data.draw(st.integers(APIS[key].min_version, APIS[key].max_version))
    frame = struct.pack(">hhih", key, version, 1, -1) + junk
    with Wire(dev_broker.bootstrap) as wire:
        wire.send_bytes(struct.pack(">i", len(frame)) + frame)
        wire.finish()
        wire.drain()
    assert _still_serves(dev_broker)


def test_odd_and_damaged_requests_harm_nobody() -> None:
    """Each of 2,000 is answered or refused, and the broker starts again with what they left."""
    attack(seed=1, count=2_000)


_NEVER_NULL = [
    (api.request, name)
    for api in APIS.values()
    for name, field in api.request.fields.items()
    if field.type_str in ("string", "bytes", "records") and field.for_version_q(api.max_version)
    if not field.nullable_for_version_q(api.max_version)
]


@pytest.mark.parametrize(("request_class", "name"), _NEVER_NULL)
def test_a_null_where_none_may_be_is_refused(dev_broker: DevBroker, request_class: Any, name: str) -> None:
    """It does not reach the journal, which could not be read again."""
    with Wire(dev_broker.bootstrap) as wire:
        wire.send(request_class(**{name: None}), APIS[request_class.API_KEY].max_version)
        assert wire.drain() == b""


def test_a_null_deep_in_a_request_is_found() -> None:
    """With the way to it; a field that may be null is none."""
    topic_class = OffsetCommitRequest.OffsetCommitRequestTopic
    partition = topic_class.OffsetCommitRequestPartition(partition_index=0, committed_metadata=None)
    topics = [topic_class(name="a", partitions=[partition]), topic_class(name=None, partitions=[])]
    assert first_null(OffsetCommitRequest(group_id="group", topics=topics[:1]), 8) is None
    assert first_null(OffsetCommitRequest(group_id="group", topics=topics), 8) == "topics.name"
    assert first_null(ListGroupsRequest(states_filter=["Stable", None]), 4) == "states_filter"


@pytest.mark.parametrize("size", [-1, 0, 7, 2**31 - 1])
def test_a_frame_of_an_impossible_size_is_refused(dev_broker: DevBroker, size: int) -> None:
    """The connection is closed at once, before the bytes come or memory is taken for them."""
    with Wire(dev_broker.bootstrap) as wire:
        wire.send_bytes(struct.pack(">i", size))
        assert wire.drain() == b""
    assert _still_serves(dev_broker)


def test_only_a_request_with_records_may_be_large(dev_broker: DevBroker) -> None:
    """Any other is refused before its bytes come: its small parts would take a multiple in memory."""
    with Wire(dev_broker.bootstrap) as wire:
        wire.send_bytes(struct.pack(">ih", MAX_OTHER_BYTES + 1, MetadataRequest.API_KEY))
        assert wire.drain() == b""
    assert _still_serves(dev_broker)


@pytest.mark.parametrize(("key", "version"), [(99, 0), (4, 0), (1, 99), (-1, 0)])
def test_an_unknown_request_is_refused(dev_broker: DevBroker, key: int, version: int) -> None:
    """Unknown APIs and versions close the connection, as in Apache Kafka."""
    with Wire(dev_broker.bootstrap) as wire:
        wire.send_bytes(struct.pack(">ihhih", 10, key, version, 1, -1))
        assert wire.drain() == b""


def test_a_newer_client_is_told_what_there_is(dev_broker: DevBroker) -> None:
    """ApiVersions in an unknown version is answered in version 0, with UNSUPPORTED_VERSION and the list (KIP-511)."""
    with Wire(dev_broker.bootstrap) as wire:
        wire.send_bytes(struct.pack(">ihhih", 10, ApiVersionsRequest.API_KEY, 99, 1, -1))
        answer = wire.receive(ApiVersionsRequest(), 0)
    assert answer.error_code == 35
    assert {each.api_key for each in answer.api_keys} == set(APIS)


@pytest.mark.parametrize("key", sorted(APIS))
def test_every_advertised_version_is_answered(dev_broker: DevBroker, key: int) -> None:
    """An empty request of each version gets a response that decodes."""
    api = APIS[key]
    for version in range(api.min_version, api.max_version + 1):
        with Wire(dev_broker.bootstrap) as wire:
            response = wire.ask(_empty(api.request, version), version)
        assert response is not None


def _empty(request: Any, version: int) -> Any:
    """All fields at their defaults, but with acknowledgement of what is produced."""
    return request(version=version, acks=-1) if request.name == "ProduceRequest" else request(version=version)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log() -> None:
    """300 MB of records, written and read again, take less than 60 MB."""
    values = [random.Random(1).randbytes(900_000)]
    data = batch(values)
    with DevBroker() as broker:
        topic = new_topic(broker.bootstrap)
        with Wire(broker.bootstrap) as wire:
            for _ in range(20):
                wire.produce(topic, data)
                wire.fetch(topic, 0)
            assert broker.process is not None
            process = psutil.Process(broker.process.pid)
            before = process.memory_info().rss
            for _ in range(330):
                assert wire.produce(topic, data).error_code == 0
            for offset in range(0, 350, 5):
                assert wire.fetch(topic, offset).error_code == 0
            assert process.memory_info().rss - before < 60_000_000
