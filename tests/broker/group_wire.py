"""The requests of a member of a consumer group, one by one."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from kafka.protocol.consumer import (
    HeartbeatRequest,
    JoinGroupRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
)
from kafka.protocol.metadata import FindCoordinatorRequest

from tests.broker.connection import Connection

SUBSCRIPTION = struct.pack(">hii", 0, 0, -1)
"""The least that a consumer says when it joins: version 0, no topics, no user data."""
SHARE = struct.pack(">hii", 0, 0, 5) + b"share"
"""An assignment: version 0, no partitions, and user data to recognise it by."""


class GroupWire(Connection):
    """Joins, syncs, heartbeats and commits for partition 0, with the one or two values that tests care about."""

    def find_coordinator(self, key: str, key_type: int) -> None:
        """Let Apache Kafka make its internal topics; `key_type` 0 is a group, 1 a transactional id."""
        request = FindCoordinatorRequest(key=key, key_type=key_type)
        self.ask_coordinator(request, 2, lambda response: int(response.error_code))

    @staticmethod
    def join_request(
        group: str,
        member_id: str = "",
        *,
        instance_id: str | None = None,
        session_timeout_ms: int = 10_000,
        protocols: Sequence[tuple[str, bytes]] = (("range", SUBSCRIPTION),),
    ) -> Any:
        """The request alone, for `send`: its answer has to wait for other members."""
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
        """One join. The caller sends the second one that MEMBER_ID_REQUIRED asks for."""
        request = self.join_request(group, member_id, **options)
        return self.ask_coordinator(request, version, lambda response: int(response.error_code))

    def join_alone(self, group: str, **options: Any) -> Any:
        """Join an empty group in both steps, and assign SHARE to its one member."""
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

    def commit(
        self, group: str, position: tuple[str, int], member: tuple[str, int] = ("", -1), metadata: str = "note"
    ) -> int:
        """Error code; `position` is (topic, offset), `member` is (member id, generation)."""
        topic_class = OffsetCommitRequest.OffsetCommitRequestTopic
        item = topic_class.OffsetCommitRequestPartition(
            partition_index=0, committed_offset=position[1], committed_leader_epoch=-1, committed_metadata=metadata
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
