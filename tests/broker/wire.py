"""Single requests over a plain socket: for what well-behaved clients never send, and for exact error codes."""

from __future__ import annotations

from typing import Any

from kafka.protocol.consumer import FetchRequest, ListOffsetsRequest
from kafka.protocol.producer import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    ProduceRequest,
    TxnOffsetCommitRequest,
)

from tests.broker.group_wire import GroupWire


class Wire(GroupWire):
    """One connection to a broker, with the requests of members, producers and readers."""

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
        """A fetch of partition 0, to be sent with version 11."""
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

    def new_producer(self, transactional_id: str | None = None, timeout_ms: int = 60_000) -> tuple[int, int]:
        """Producer id and epoch of a new producer."""
        answer = self.init_producer(transactional_id, timeout_ms)
        assert answer.error_code == 0
        return answer.producer_id, answer.producer_epoch

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
