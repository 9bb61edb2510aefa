"""The partitions of a Produce request are counted as kafka-python writes them, without decoding it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.protocol.producer import ProduceRequest

from consumers.broker.api import produce_size
from consumers.broker.api.produce_size import has_too_many_partitions
from consumers.broker.api.table import APIS
from tests.broker.wire import Wire
from tests.brokers import DevBroker

_Topic = ProduceRequest.TopicProduceData
_API = APIS[ProduceRequest.API_KEY]
_records = st.one_of(st.none(), st.binary(max_size=300))
_topics = st.lists(st.tuples(st.text(max_size=200), st.lists(_records, max_size=4)), max_size=4)


def _request(topics: list[tuple[str, list[bytes | None]]], transactional_id: str | None, version: int) -> Any:
    part = _Topic.PartitionProduceData
    data = [
        _Topic(name=name, partition_data=[part(index=n, records=each) for n, each in enumerate(rows)])
        for name, rows in topics
    ]
    return ProduceRequest(version=version, transactional_id=transactional_id, acks=-1, timeout_ms=1000, topic_data=data)


@given(
    topics=_topics,
    transactional_id=st.one_of(st.none(), st.text(max_size=20)),
    client_id=st.text(max_size=20),
    version=st.integers(_API.min_version, _API.max_version),
    most=st.integers(0, 16),
)
def test_partitions_are_counted(
    topics: list[tuple[str, list[bytes | None]]], transactional_id: str | None, client_id: str, version: int, most: int
) -> None:
    """In every version, whatever else is in the request."""
    request = _request(topics, transactional_id, version)
    request.with_header(correlation_id=1, client_id=client_id)
    frame = bytes(request.encode(header=True, framed=False))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(produce_size, "MAX_PARTITIONS", most)
        assert has_too_many_partitions(frame, version) is (sum(len(rows) for _, rows in topics) > most)


@pytest.mark.parametrize("version", [_API.min_version, _API.max_version])
def test_a_request_with_too_many_partitions_is_refused(dev_broker: DevBroker, version: int) -> None:
    """As many as there may be are answered, one by one."""
    with Wire(dev_broker.bootstrap) as wire:
        most: list[bytes | None] = [None] * produce_size.MAX_PARTITIONS
        answer = wire.ask(_request([("missing", most)], None, version), version)
        assert {each.error_code for each in answer.responses[0].partition_responses} == {3}
        wire.send(_request([("missing", most), ("other", [None])], None, version), version)
        assert wire.drain() == b""
