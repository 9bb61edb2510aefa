"""Single requests over a plain socket: for what well-behaved clients never send, and for exact error codes."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import kafka.protocol.admin
import kafka.protocol.consumer
import kafka.protocol.metadata
import kafka.protocol.producer
from kafka.protocol.consumer import (
    FetchRequest,
    HeartbeatRequest,
    JoinGroupRequest,
    ListOffsetsRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
)
from kafka.protocol.metadata import FindCoordinatorRequest
from kafka.protocol.producer import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    ProduceRequest,
    TxnOffsetCommitRequest,
)
from kafka.record import MemoryRecordsBuilder

from tests.waiting import WITHIN_S, wait_until

_COORDINATOR_NOT_READY = (14, 15, 16, 51)
_MODULES = (kafka.protocol.admin, kafka.protocol.consumer, kafka.protocol.metadata, kafka.protocol.producer)

SUBSCRIPTION = struct.pack(">hii", 0, 0, -1)
"""What a consumer tells when it joins, in its least form: version 0, no topics, no user data."""
SHARE = struct.pack(">hii", 0, 0, 5) + b"share"
"""An assignment: version 0, no partitions, some user data to know it by."""


def batch(
    values: Sequence[bytes],
    *,
    producer: tuple[int, int] = (-1, -1),
    sequence: int = -1,
    transactional: bool = False,
    timestamp_ms: int | None = None,
) -> bytes:
    """One record batch as a producer would send it; `producer` is (id, epoch)."""
    builder = MemoryRecordsBuilder(2, 0, 1 << 20)
    for value in values:
        builder.append(timestamp=timestamp_ms or int(time.time() * 1000), key=None, value=value)
    if producer[0] >= 0:
        builder.set_producer_state(*producer, sequence, transactional)
    builder.close()
    return bytes(builder.buffer())


class Wire:
    """One connection to a broker."""

    def __init__(self, bootstrap: str) -> None:
        host, port = bootstrap.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=WITHIN_S)
        self._correlation_id = 0

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def send_bytes(self, data: bytes) -> None:
        """Send anything at all."""
        self._socket.sendall(data)

    def finish(self) -> None:
        """Say that nothing more will be sent."""
        with contextlib.suppress(OSError):  # the broker may have closed the connection
            self._socket.shutdown(socket.SHUT_WR)

    def drain(self) -> bytes:
        """Everything that comes until the broker closes the connection."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while part := self._socket.recv(65536):
                received += part
        return received

    def send(self, request: Any, version: int) -> None:
        """Send one request; `receive` gets its response."""
        self._correlation_id += 1
        request.API_VERSION = version
        request.with_header(correlation_id=self._correlation_id, client_id="wire")
        self._socket.sendall(request.encode(header=True, framed=True))

    def receive(self, request: Any, version: int) -> Any:
        """The response to the oldest request without one."""
        (size,) = struct.unpack(">i", self._exactly(4))
        name = type(request).__name__.split("_")[0].replace("Request", "Response")
        response = next(getattr(module, name) for module in _MODULES if hasattr(module, name))
        return response.decode(self._exactly(size), version=version, header=True)

    def ask(self, request: Any, version: int) -> Any:
        """Send a request and wait for its response."""
        self.send(request, version)
        return self.receive(request, version)

    def ask_coordinator(self, request: Any, version: int, code: Callable[[Any], int]) -> Any:
        """Like `ask`, again while the coordinator is still loading or busy with the transaction before."""
        responses = []

        def answered() -> bool:
            responses.append(self.ask(request, version))
            return code(responses[-1]) not in _COORDINATOR_NOT_READY

        wait_until(answered, lambda: f"a coordinator that is ready; the last error code was {code(responses[-1])}")
        return responses[-1]

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data

    # What tests ask for, with the one or two things that they care about.

    def find_coordinator(self, key: str, key_type: int) -> None:
        """Let Apache Kafka make its internal topics; `key_type` 0 is a group, 1 a transactional id."""
        request = FindCoordinatorRequest(key=key, key_type=key_type)
        self.ask_coordinator(request, 2, lambda response: int(response.error_code))

    def produce(self, topic: str, data: bytes, transactional_id: str | None = None, partition: int = 0) -> Any:
        """The answer for one partition."""
        data_class = ProduceRequest.TopicProduceData
        request = ProduceRequest(
            transactional_id=transactional_id,
            acks=-1,
            timeout_ms=10_000,
            topic_data=[
                data_class(name=topic, partition_data=[data_class.PartitionProduceData(index=partition, records=data)])
            ],
        )
        return self.ask(request, 9).responses[0].partition_responses[0]

    def fetch_request(
        self, topic: str, offset: int, *, read_committed: bool = False, max_wait_ms: int = 0, min_bytes: int = 0
    ) -> Any:
        """For partition 0; send it with version 11."""
        topic_class = FetchRequest.FetchTopic
        partition = topic_class.FetchPartition(
            partition=0,
            current_leader_epoch=-1,
            fetch_offset=offset,
            last_fetched_epoch=-1,
            log_start_offset=-1,
            partition_max_bytes=1 << 20,
        )
        return FetchRequest(
            replica_id=-1,
            max_wait_ms=max_wait_ms,
            min_bytes=min_bytes,
            max_bytes=1 << 24,
            isolation_level=int(read_committed),
            session_id=0,
            session_epoch=-1,
            topics=[topic_class(topic=topic, partitions=[partition])],
            forgotten_topics_data=[],
            rack_id="",
        )

    def fetch(self, topic: str, offset: int, *, read_committed: bool = False) -> Any:
        """The answer for partition 0."""
        response = self.ask(self.fetch_request(topic, offset, read_committed=read_committed), 11)
        return response.responses[0].partitions[0]

    def offset(
        self, topic: str, timestamp_ms: int, *, read_committed: bool = False, partition: int = 0
    ) -> tuple[int, int, int]:
        """(error code, timestamp, offset) of ListOffsets."""
        topic_class = ListOffsetsRequest.ListOffsetsTopic
        item = topic_class.ListOffsetsPartition(
            partition_index=partition, current_leader_epoch=-1, timestamp=timestamp_ms
        )
        request = ListOffsetsRequest(
            replica_id=-1,
            isolation_level=int(read_committed),
            topics=[topic_class(name=topic, partitions=[item])],
        )
        answer = self.ask(request, 7).topics[0].partitions[0]
        return answer.error_code, answer.timestamp, answer.offset

    def init_producer(
        self, transactional_id: str | None = None, timeout_ms: int = 60_000, known: tuple[int, int] = (-1, -1)
    ) -> Any:
        """Its error code, producer id and epoch."""
        if transactional_id is not None:
            self.find_coordinator(transactional_id, 1)
        request = InitProducerIdRequest(
            transactional_id=transactional_id,
            transaction_timeout_ms=timeout_ms,
            producer_id=known[0],
            producer_epoch=known[1],
        )
        return self.ask_coordinator(request, 4, lambda response: int(response.error_code))

    def add_partition(self, transactional_id: str, producer: tuple[int, int], topic: str) -> int:
        """Error code for partition 0."""
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=transactional_id,
            v3_and_below_producer_id=producer[0],
            v3_and_below_producer_epoch=producer[1],
            v3_and_below_topics=[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name=topic, partitions=[0])],
        )

        def code(response: Any) -> int:
            topics = response.results_by_topic_v3_and_below
            return int(topics[0].results_by_partition[0].partition_error_code)

        return code(self.ask_coordinator(request, 3, code))

    def end_transaction(self, transactional_id: str, producer: tuple[int, int], *, commit: bool) -> int:
        """Error code."""
        request = EndTxnRequest(
            transactional_id=transactional_id, producer_id=producer[0], producer_epoch=producer[1], committed=commit
        )
        return int(self.ask_coordinator(request, 3, lambda response: int(response.error_code)).error_code)

    def add_group(self, transactional_id: str, producer: tuple[int, int], group: str) -> int:
        """Error code."""
        request = AddOffsetsToTxnRequest(
            transactional_id=transactional_id, producer_id=producer[0], producer_epoch=producer[1], group_id=group
        )
        return int(self.ask_coordinator(request, 3, lambda response: int(response.error_code)).error_code)

    def commit_in_transaction(
        self,
        transactional_id: str,
        producer: tuple[int, int],
        group: str,
        position: tuple[str, int],
        member: tuple[str, int] = ("", -1),
    ) -> int:
        """Error code; `position` is (topic, offset), `member` is (member id, generation)."""
        topic_class = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
        item = topic_class.TxnOffsetCommitRequestPartition(
            partition_index=0, committed_offset=position[1], committed_leader_epoch=-1, committed_metadata=""
        )
        request = TxnOffsetCommitRequest(
            transactional_id=transactional_id,
            group_id=group,
            producer_id=producer[0],
            producer_epoch=producer[1],
            generation_id=member[1],
            member_id=member[0],
            group_instance_id=None,
            topics=[topic_class(name=position[0], partitions=[item])],
        )

        def code(response: Any) -> int:
            return int(response.topics[0].partitions[0].error_code)

        return code(self.ask_coordinator(request, 3, code))

    @staticmethod
    def join_request(
        group: str,
        member_id: str = "",
        *,
        instance_id: str | None = None,
        session_timeout_ms: int = 10_000,
        protocols: Sequence[tuple[str, bytes]] = (("range", SUBSCRIPTION),),
    ) -> Any:
        """For `send`, where the answer has to wait for others."""
        return JoinGroupRequest(
            group_id=group,
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=5_000,
            member_id=member_id,
            group_instance_id=instance_id,
            protocol_type="consumer",
            protocols=[
                JoinGroupRequest.JoinGroupRequestProtocol(name=name, metadata=metadata) for name, metadata in protocols
            ],
        )

    def join(self, group: str, member_id: str = "", *, version: int = 7, **options: Any) -> Any:
        """Join without help; the caller does the second step that MEMBER_ID_REQUIRED asks for."""
        request = self.join_request(group, member_id, **options)
        return self.ask_coordinator(request, version, lambda response: int(response.error_code))

    def join_alone(self, group: str, **options: Any) -> Any:
        """Join an empty group, both steps, and assign SHARE to the one member."""
        self.find_coordinator(group, 0)
        joined = self.join(group, **options)
        if joined.error_code == 79:
            joined = self.join(group, joined.member_id, **options)
        assert joined.error_code == 0
        synced = self.sync(group, joined.member_id, joined.generation_id, {joined.member_id: SHARE})
        assert (synced.error_code, synced.assignment) == (0, SHARE)
        return joined

    def sync(
        self,
        group: str,
        member_id: str,
        generation: int,
        assignments: dict[str, bytes],
        instance_id: str | None = None,
    ) -> Any:
        """The response."""
        request = SyncGroupRequest(
            group_id=group,
            generation_id=generation,
            member_id=member_id,
            group_instance_id=instance_id,
            assignments=[
                SyncGroupRequest.SyncGroupRequestAssignment(member_id=key, assignment=value)
                for key, value in assignments.items()
            ],
        )
        return self.ask(request, 4)

    def heartbeat(self, group: str, member_id: str, generation: int, instance_id: str | None = None) -> int:
        """Error code."""
        request = HeartbeatRequest(
            group_id=group, generation_id=generation, member_id=member_id, group_instance_id=instance_id
        )
        return int(self.ask(request, 3).error_code)

    def commit(self, group: str, position: tuple[str, int], member: tuple[str, int] = ("", -1)) -> int:
        """Error code; `position` is (topic, offset), `member` is (member id, generation)."""
        topic_class = OffsetCommitRequest.OffsetCommitRequestTopic
        item = topic_class.OffsetCommitRequestPartition(
            partition_index=0, committed_offset=position[1], committed_leader_epoch=-1, committed_metadata="note"
        )
        request = OffsetCommitRequest(
            group_id=group,
            generation_id_or_member_epoch=member[1],
            member_id=member[0],
            group_instance_id=None,
            topics=[topic_class(name=position[0], partitions=[item])],
        )

        def code(response: Any) -> int:
            return int(response.topics[0].partitions[0].error_code)

        self.find_coordinator(group, 0)
        return code(self.ask_coordinator(request, 7, code))

    def committed(self, group: str, topic: str, *, require_stable: bool = False) -> tuple[int, int]:
        """(error code, offset) of partition 0."""
        topic_class = OffsetFetchRequest.OffsetFetchRequestTopic
        request = OffsetFetchRequest(
            group_id=group, topics=[topic_class(name=topic, partition_indexes=[0])], require_stable=require_stable
        )
        self.find_coordinator(group, 0)
        response = self.ask_coordinator(request, 7, lambda answer: int(answer.error_code))
        partition = response.topics[0].partitions[0]
        return partition.error_code, partition.committed_offset
