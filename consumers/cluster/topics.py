"""The topics: how each is created, and which exist.

Dead letters contain unredacted text, so their topic deletes them after `dead_letter_retention_ms`. The alert state is
compacted and has as many partitions as `sentiment`, because an alert worker owns the same partition of both. The
state of `ingest` and the silences are compacted, too, and have one partition each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import structlog
from kafka.admin import KafkaAdminClient
from kafka.errors import (
    AuthorizationError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    KafkaError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from consumers.cluster.clients import make_admin
from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.records import TopicPartition
from consumers.cluster.topic_limits import require_compaction
from sentiment.errors import BrokerUnavailable, ConfigurationError, SentimentError
from sentiment.settings import Settings, TopicSettings

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How to create a topic. It must have as many partitions as the topic `partitions_of`, if that is given."""

    name: str
    partitions: int
    replication_factor: int
    configs: dict[str, str]
    partitions_of: str | None = None

    @property
    def is_compacted(self) -> bool:
        """Whether Kafka keeps the newest record of every key for ever."""
        return self.configs.get("cleanup.policy") == "compact"


@dataclass(frozen=True, slots=True)
class PartitionInfo:
    """Offsets of one partition: the oldest that is kept, the last stable offset, and the end of the log.

    Control records take offsets too, so `high - low` is not a number of records. `stable < high` means that a
    transaction is open, and read-committed readers wait there.
    """

    topic: str
    partition: int
    low: int
    stable: int
    high: int


def plans(topics: TopicSettings) -> dict[str, TopicPlan]:
    """How to create each of the project's topics, by name, in the order in which the data passes them."""

    def plan(
        name: str, partitions_of: str | None = None, partitions: int = topics.partitions, **configs: str
    ) -> TopicPlan:
        return TopicPlan(
            name,
            partitions,
            topics.replication_factor,
            {k.replace("_", "."): v for k, v in configs.items()},
            partitions_of,
        )

    every = [
        plan(topics.feedback),
        plan(topics.sentiment),
        plan(topics.dead_letter, cleanup_policy="delete", retention_ms=str(topics.dead_letter_retention_ms)),
        plan(topics.alerts),
        plan(topics.parked_alerts),
        plan(topics.alert_state, partitions_of=topics.sentiment, cleanup_policy="compact"),
        plan(topics.ingest_state, partitions=1, cleanup_policy="compact"),
        plan(topics.silences, partitions=1, cleanup_policy="compact"),
        plan(topics.labels),
    ]
    return {each.name: each for each in every}


def ensure_topics(settings: Settings, names: Iterable[str] | None = None) -> list[str]:
    """Create the missing ones of `names` (by default, of all the project's topics), and return what was created.

    A name that is not one of the configured topics gets the default configuration. Several processes may call this at
    once. Blocks until every new partition has a leader, for about ten seconds at most.

    Raises:
        ConfigurationError: a topic is missing and must not be created, cannot exist with this configuration, or exists
            and would lose state.
        BrokerUnavailable: the cluster did not answer.
    """
    known = plans(settings.topics)
    wanted = list(dict.fromkeys(known if names is None else names))
    with closing(make_admin(settings)) as admin:
        counts = _partition_counts(
            admin, {*wanted, *(p.partitions_of for n in wanted if (p := known.get(n)) and p.partitions_of)}
        )
        missing = [
            _sized(known.get(name) or _default_plan(name, settings.topics), counts)
            for name in wanted
            if name not in counts
        ]
        if missing and not settings.topics.create:
            raise ConfigurationError(
                f"topics are missing: {', '.join(plan.name for plan in missing)}",
                hint="create them with `sentiment topics create`, or leave out --no-create-topics",
            )
        compacted = (name for name in wanted if name in counts and name in known and known[name].is_compacted)
        require_compaction(admin, compacted)
        for plan in missing:
            _create(admin, plan)
        if missing:
            _wait_for_leaders(admin, [plan.name for plan in missing])
        _check_partition_pairs(known, {**counts, **{plan.name: plan.partitions for plan in missing}}, wanted)
    return [plan.name for plan in missing]


def list_partitions(settings: Settings, names: Sequence[str] | None = None) -> list[PartitionInfo]:
    """Every partition of `names`, sorted. By default of all topics except the broker's internal ones.

    Raises:
        ConfigurationError: a named topic does not exist.
        BrokerUnavailable: the cluster did not answer.
    """
    with closing(make_admin(settings)) as admin:
        counts = _partition_counts(admin, names)
        if names is not None and (absent := [name for name in names if name not in counts]):
            raise ConfigurationError(f"no such topic: {', '.join(absent)}", hint="`sentiment topics list` shows all")
    partitions = [TopicPartition(name, number) for name in sorted(counts) for number in range(counts[name])]
    with closing(ClusterLookup(settings)) as lookup:
        low, high, stable = lookup.starts(partitions), lookup.log_ends(partitions), lookup.stable_ends(partitions)
    return [PartitionInfo(p.topic, p.partition, low[p], stable[p], high[p]) for p in partitions]


def partition_count(settings: Settings, name: str) -> int:
    """The number of partitions of a topic. Raises ConfigurationError if there is no such topic."""
    with closing(make_admin(settings)) as admin:
        counts = _partition_counts(admin, [name])
    if name not in counts:
        raise ConfigurationError(f"no such topic: {name}", hint="`sentiment topics list` shows all")
    return counts[name]


def _default_plan(name: str, topics: TopicSettings) -> TopicPlan:
    return TopicPlan(name, topics.partitions, topics.replication_factor, {})


def _sized(plan: TopicPlan, counts: dict[str, int]) -> TopicPlan:
    """`plan` with the partition count of the topic that it must match, if that topic exists already."""
    if plan.partitions_of is None or plan.partitions_of not in counts:
        return plan
    return TopicPlan(plan.name, counts[plan.partitions_of], plan.replication_factor, plan.configs, plan.partitions_of)


def _partition_counts(admin: KafkaAdminClient, names: Iterable[str] | None) -> dict[str, int]:
    """The number of partitions of each topic that exists; without names, of all except internal ones."""
    try:
        found: list[dict[str, Any]] = admin.describe_topics(None if names is None else list(names))
    except KafkaError as error:
        raise _unavailable("cannot list the topics", error) from error
    counts: dict[str, int] = {}
    for topic in found:
        error_type = for_code(topic["error_code"])
        if error_type is UnknownTopicOrPartitionError or (names is None and topic.get("is_internal")):
            continue
        if topic["error_code"] != 0 and not topic["partitions"]:
            raise _refused(topic["name"], error_type())
        counts[topic["name"]] = len(topic["partitions"])
    return counts


def _create(admin: KafkaAdminClient, plan: TopicPlan) -> None:
    spec = {
        "num_partitions": plan.partitions,
        "replication_factor": plan.replication_factor,
        "configs": plan.configs,
    }
    try:
        admin.create_topics({plan.name: spec})
    except TopicAlreadyExistsError:
        return  # another process created it first
    except KafkaError as error:
        raise _refused(plan.name, error) from error
    _log.info("topic_created", topic=plan.name, partitions=plan.partitions)


def _wait_for_leaders(admin: KafkaAdminClient, names: list[str]) -> None:
    try:
        admin.wait_for_topics(names)
    except KafkaError as error:
        raise _unavailable(f"the new topics have no leader ({', '.join(names)})", error) from error


def _check_partition_pairs(known: dict[str, TopicPlan], counts: dict[str, int], wanted: list[str]) -> None:
    for name in wanted:
        other = known[name].partitions_of if name in known else None
        if other is not None and other in counts and counts[name] != counts[other]:
            raise ConfigurationError(
                f"topic {name} has {counts[name]} partitions and {other} has {counts[other]}: they must be equal",
                hint=f"delete {name} (alerting then starts from scratch), or add partitions until both have as many",
            )


def _refused(name: str, error: KafkaError) -> SentimentError:
    """The error to show when a broker refuses a topic."""
    kind = type(error).__name__
    if isinstance(error, AuthorizationError):
        return ConfigurationError(f"not allowed to create or describe topic {name} ({kind})", hint="ask for the ACLs")
    if isinstance(error, InvalidReplicationFactorError):
        return ConfigurationError(
            f"topic {name} cannot be created with this replication factor",
            hint="topics.replication_factor must not exceed the number of brokers; -1 takes the broker's default",
        )
    if isinstance(error, InvalidTopicError | PolicyViolationError):
        return ConfigurationError(
            f"the cluster refuses topic {name} ({kind})", hint="check its name and the cluster's policy"
        )
    return _unavailable(f"cannot create topic {name}", error)


def _unavailable(what: str, error: KafkaError) -> BrokerUnavailable:
    return BrokerUnavailable(f"{what} ({type(error).__name__})", hint="is the broker running, and in good health?")
