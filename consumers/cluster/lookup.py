"""Asking the brokers about partitions and groups: where logs begin and end, and what a group has committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import structlog
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import (
    AuthorizationError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
)

from consumers.cluster.clients import make_admin
from consumers.cluster.closing import close_quietly
from consumers.cluster.records import TopicPartition
from sentiment.errors import BrokerUnavailable, FatalError
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_NO_COORDINATOR = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)
_PATIENCE_S = 30.0
"""A new cluster makes its offsets topic, and a new coordinator loads its part of it, within seconds."""

_PAUSE_S = 0.2


class NotAllowedError(FatalError):
    """The cluster's access rules forbid this question."""


class ClusterLookup:
    """One admin client, opened at the first question and reopened after a fault. Not thread-safe; blocks.

    A group's coordinator may be missing for a while: a new cluster creates `__consumer_offsets` when the first group
    asks for it, and a restarted broker loads it first. Questions about a group are asked again until `patience_s` is
    over, each time with a new client, because the client never forgets a coordinator that it found once.

    Every question raises:
        BrokerUnavailable: no answer, or no coordinator in time.
        NotAllowedError: the access rules forbid it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        connect: Callable[[Settings], KafkaAdminClient] = make_admin,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._patience_s = patience_s
        self._admin: KafkaAdminClient | None = None

    def partitions(self, topic: str) -> list[TopicPartition]:
        """The partitions of a topic; none if there is no such topic."""
        found: list[dict[str, Any]] = self._ask(lambda admin: admin.describe_topics([topic]))
        count = len(found[0]["partitions"]) if found and found[0]["error_code"] == 0 else 0
        return [TopicPartition(topic, number) for number in range(count)]

    def starts(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The oldest offset that each partition still keeps."""
        return self._offsets(partitions, OffsetSpec.EARLIEST)

    def stable_ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The last stable offsets: committed readers get no further now. Before any open transaction."""
        return self._offsets(partitions, OffsetSpec.LATEST, isolation_level="read_committed")

    def log_ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The high watermarks: the ends of the logs, beyond any open transaction."""
        return self._offsets(partitions, OffsetSpec.LATEST)

    def committed(self, group: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset that `group` will read of each partition; those without a commit are left out."""
        wanted = list(partitions)
        if not wanted:
            return {}
        found: dict[TopicPartition, Any] = self._ask(lambda admin: admin.list_group_offsets({group: wanted})[group])
        return {partition: each.offset for partition, each in found.items() if each.offset >= 0}

    def members(self, group: str) -> set[str]:
        """The ids of the present members of `group`."""
        found: dict[str, Any] = self._ask(lambda admin: admin.describe_groups([group])[group])
        return {member["member_id"] for member in found["members"]}

    def members_at_work(self, group: str) -> int:
        """Members that own a partition, once the group is stable; 0 before."""
        found: dict[str, Any] = self._ask(lambda admin: admin.describe_groups([group])[group])
        if found["error"] is not None or found["group_state"] != "Stable":
            return 0
        assignments = [member["member_assignment"] for member in found["members"]]
        return sum(any(topic["partitions"] for topic in each["assigned_partitions"]) for each in assignments if each)

    def close(self) -> None:
        """Disconnect."""
        admin, self._admin = self._admin, None
        if admin is not None:
            close_quietly("admin client", admin.close)

    def _offsets(self, partitions: Iterable[TopicPartition], spec: Any, **options: Any) -> dict[TopicPartition, int]:
        wanted = dict.fromkeys(partitions, spec)
        if not wanted:
            return {}
        found: dict[TopicPartition, Any] = self._ask(lambda admin: admin.list_partition_offsets(wanted, **options))
        return {partition: found[partition].offset for partition in wanted}

    def _ask(self, question: Callable[[KafkaAdminClient], T]) -> T:
        until = time.monotonic() + self._patience_s
        while True:
            try:
                self._admin = self._admin or self._connect(self._settings)
                return question(self._admin)
            except _NO_COORDINATOR as error:
                self.close()
                if time.monotonic() >= until:
                    raise BrokerUnavailable(f"the group has no coordinator ({type(error).__name__})") from error
                _log.debug("waiting_for_coordinator", error=type(error).__name__)
                time.sleep(_PAUSE_S)
            except AuthorizationError as error:
                raise NotAllowedError(
                    f"Kafka does not allow this question ({type(error).__name__})",
                    hint="grant this user Describe on the topics and groups",
                ) from error
            except KafkaError as error:
                self.close()
                raise BrokerUnavailable(f"the cluster gave no answer ({type(error).__name__})") from error
