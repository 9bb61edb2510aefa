"""A consumer and its transactional producer, which are built and discarded together."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, TypeVar

from kafka import KafkaConsumer
from kafka.errors import (
    AuthorizationError,
    FencedInstanceIdError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidProducerEpochError,
    InvalidSessionTimeoutError,
    KafkaError,
    ProducerFencedError,
)
from kafka.structs import ConsumerGroupMetadata, MemberState, OffsetAndMetadata

from consumers.cluster.client_internals import note_fencing
from consumers.cluster.clients import make_consumer
from consumers.cluster.closing import CLOSE_S, close_quietly
from consumers.cluster.lookup import ClusterLookup, NotAllowedError
from consumers.cluster.polling import Gap, obstacles, poll, take_gaps
from consumers.cluster.records import OutgoingRecord, Record, TopicPartition
from consumers.cluster.transaction import TransactionalProducer
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.ownership import Rebalance, RebalanceLog
from consumers.runtime.read_position import ReadPosition
from consumers.timing.deadline import run_with_deadline
from sentiment.errors import (
    BrokerUnavailable,
    ConfigurationError,
    DeadlineExceeded,
    FatalError,
    SentimentError,
    TransactionFailed,
)
from sentiment.settings import Settings

T = TypeVar("T")

_FENCING = (ProducerFencedError, InvalidProducerEpochError)
"""Either a rival has our transactional id, or the broker has ended our transaction because it took too long."""

_RIVAL_JOINS_S = 2.0
"""A rival joins the group this soon after it has fenced our producer."""


def transactional_id(config: LoopConfig) -> str:
    """Group and instance id; without an instance id, a random one for each process."""
    return f"{config.group_id}.{config.instance_id or uuid.uuid4().hex}"


class Session:
    """The two clients between two rebuilds. For the loop's thread only: kafka-python's consumer has no locks."""

    def __init__(
        self,
        settings: Settings,
        group_id: str,
        consumer: KafkaConsumer,
        producer: TransactionalProducer,
        rebalances: RebalanceLog,
        instance_id: str | None = None,
        notices_s: float = 0.0,
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._rebalances = rebalances
        self._instance_id = instance_id
        self._notices_s = notices_s
        """Within this time after a rival has joined, a heartbeat says so."""
        self._settings = settings
        self._group_id = group_id
        self._fenced = threading.Event() if instance_id is None else note_fencing(consumer)

    @classmethod
    def open(cls, settings: Settings, config: LoopConfig, transactional_id: str) -> Session:
        """Fence the producer's predecessor, then join the group. In this order, so that its offsets are final.

        Raises:
            TransientError: another attempt may succeed.
            ConfigurationError, FatalError: no attempt will.
        """
        producer = TransactionalProducer.open(settings, transactional_id, config.transaction_deadline_s)
        rebalances = RebalanceLog()
        try:
            consumer = make_consumer(
                settings,
                group_id=config.group_id,
                topics=config.topics,
                listener=rebalances,
                instance_id=config.instance_id,
                max_poll_records=config.max_batch_records,
            )
        except SentimentError:
            producer.close()
            raise
        notices_s = 2 * settings.kafka.heartbeat_interval_ms / 1000
        session = cls(settings, config.group_id, consumer, producer, rebalances, config.instance_id, notices_s)
        session._learn_partitions(config.topics, settings.kafka.request_timeout_ms / 1000)
        return session

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
        """Return new records. Also drives joins and rejoins, which `rebalances` then reports.

        Raises:
            ConfigurationError: another worker has taken over the instance id, or the group rejects this member.
            BrokerUnavailable, FatalError: see `polling.poll`.
        """
        if self._fenced.is_set():
            raise self._displaced()
        polled: dict[TopicPartition, list[Record]] = self._translated(lambda: poll(self._consumer, timeout_ms))
        return polled

    def gaps(self) -> list[Gap]:
        """Records that were removed before they were read, since the last call."""
        return take_gaps(self._consumer)

    def obstacles(self) -> dict[TopicPartition, FatalError]:
        """The partitions that will not be read until somebody does something, and why."""
        return obstacles(self._consumer)

    def rebalances(self) -> list[Rebalance]:
        """The rebalances since the last call, in order."""
        return self._rebalances.drain()

    def stable_membership(self) -> ConsumerGroupMetadata | None:
        """The membership in the group. None during a rebalance, or if it was lost.

        Right after a poll, a stable membership matches the assignment, because a join only starts inside a poll.
        """
        membership = self._consumer.group_metadata()
        return membership if membership.state == MemberState.STABLE else None

    def read_positions(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, ReadPosition]:
        """How far each of the owned `partitions` is read. May ask the broker for a position."""
        assigned = self._consumer.assignment()
        return {
            partition: ReadPosition(
                self._translated(lambda p=partition: self._consumer.position(p, timeout_ms=100)),
                self._consumer.highwater(partition),
            )
            for partition in partitions
            if partition in assigned
        }

    def set_paused(self, paused: bool) -> None:
        """Pause or resume fetching from all assigned partitions. Keep polling either way."""
        assigned: set[Any] = self._consumer.assignment()
        already: set[Any] = self._consumer.paused()
        if paused:
            self._consumer.pause(*(assigned - already))
        elif already:
            self._consumer.resume(*(already & assigned))

    def commit(
        self,
        records: Iterable[OutgoingRecord],
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        group: ConsumerGroupMetadata,
    ) -> int:
        """Commit records and offsets in one transaction; see `TransactionalProducer.commit`.

        Raises:
            ConfigurationError: another worker has taken over the instance id. It must not be taken back, or the two
                would fence each other for ever.
        """
        try:
            return self._producer.commit(records, offsets, group)
        except TransactionFailed as error:
            if self._instance_id is None:
                raise
            fenced = isinstance(error.__cause__, _FENCING)
            displaced = fenced and self._fenced.wait(_RIVAL_JOINS_S + self._notices_s)
            if displaced or isinstance(error.__cause__, FencedInstanceIdError):
                raise self._displaced() from error
            raise

    def annotate(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> bool:
        """Commit offsets with metadata, and nothing else. False, and nothing is done, during a rebalance."""
        membership = self.stable_membership()
        if membership is None:
            return False
        self.commit((), offsets, membership)
        return True

    def metadata(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, str]]:
        """The committed offset of each of `partitions`, with its metadata; those without a commit are left out."""
        limit_ms = self._settings.kafka.request_timeout_ms
        found: dict[TopicPartition, tuple[int, str]] = {}
        for partition in partitions:
            committed = self._translated(
                lambda each=partition: self._consumer.committed(each, metadata=True, timeout_ms=limit_ms)
            )
            if committed is not None:
                found[partition] = (committed.offset, committed.metadata or "")
        return found

    @property
    def member_id(self) -> str:
        """Our id in the group; empty before the first join."""
        return self._consumer.group_metadata().member_id or ""

    def members(self) -> set[str]:
        """The ids of the present members of the group; none if the access rules hide them."""
        with closing(ClusterLookup(self._settings)) as lookup:
            try:
                return lookup.members(self._group_id)
            except NotAllowedError:
                return set()

    def close(self) -> None:
        """Leave the group (a static member keeps its place) and close both clients, within seconds."""
        self._producer.close()
        close_quietly("consumer", lambda: self._consumer.close(timeout_ms=int(CLOSE_S * 1000)))

    def _learn_partitions(self, topics: Iterable[str], deadline_s: float) -> None:
        """Fetch the topics' metadata before joining: a group leader without it assigns nothing at first."""

        def ask() -> None:
            for topic in topics:
                self._consumer.partitions_for_topic(topic)

        try:
            self._translated(lambda: run_with_deadline(ask, deadline_s, "reading the topics' metadata"))
        except SentimentError as error:
            self.close()
            if isinstance(error, DeadlineExceeded):
                raise BrokerUnavailable(error.message) from None
            raise

    def _translated(self, call: Any) -> Any:
        try:
            return call()
        except FencedInstanceIdError:
            raise self._displaced() from None
        except (InconsistentGroupProtocolError, InvalidGroupIdError, InvalidSessionTimeoutError) as error:
            raise ConfigurationError(
                f"the group rejects this member ({type(error).__name__})",
                hint="does another program use this group id? Is kafka.session_timeout_ms outside the broker's range?",
            ) from None
        except AuthorizationError as error:
            raise FatalError(f"Kafka does not allow this ({type(error).__name__})", hint="ask for the ACLs") from None
        except KafkaError as error:
            raise BrokerUnavailable(f"consuming failed ({type(error).__name__})") from error

    def _displaced(self) -> ConfigurationError:
        return ConfigurationError(
            f"another worker has taken over the instance id {self._instance_id!r}",
            hint="give each worker its own --instance-id; nothing is lost, the other worker goes on",
        )
