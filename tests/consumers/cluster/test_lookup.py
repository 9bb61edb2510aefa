"""Questions to the brokers, which are asked again while a group has no coordinator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    NotCoordinatorError,
)
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from consumers.cluster.lookup import ClusterLookup, NotAllowedError
from consumers.cluster.records import OutgoingRecord, TopicPartition
from consumers.cluster.transaction import TransactionalProducer
from sentiment.errors import BrokerUnavailable
from sentiment.settings import Settings, load_settings
from tests.brokers import ApacheKafka, Broker
from tests.consumers.kafka_io import new_topic

FIRST = TopicPartition("feedback", 0)
SECOND = TopicPartition("feedback", 1)


class ScriptedAdmins:
    """Admin clients that fail with each error of the script in turn, then answer."""

    def __init__(self, *errors: KafkaError) -> None:
        self._errors = list(errors)
        self.n_opened = self.n_closed = 0

    def connect(self, _: Settings) -> Any:
        """Open another client of the same cluster."""
        self.n_opened += 1
        return self

    def list_group_offsets(self, groups: dict[str, Any]) -> dict[str, Any]:
        """Answer that one partition is committed and the other is not."""
        if self._errors:
            raise self._errors.pop(0)
        return {group: {FIRST: OffsetAndMetadata(7, "", -1), SECOND: OffsetAndMetadata(-1, "", -1)} for group in groups}

    def close(self) -> None:
        """Count the call."""
        self.n_closed += 1


def lookup(admins: ScriptedAdmins, patience_s: float = 30.0) -> ClusterLookup:
    return ClusterLookup(Settings.model_construct(), connect=admins.connect, patience_s=patience_s)


@pytest.mark.parametrize(
    "error", [CoordinatorNotAvailableError(), CoordinatorLoadInProgressError(), NotCoordinatorError()]
)
def test_a_missing_coordinator_is_asked_for_again_with_a_new_client(error: KafkaError) -> None:
    """The question is answered in the end. A client that may remember a coordinator that moved is not used twice."""
    admins = ScriptedAdmins(error, error)
    assert lookup(admins).committed("group", [FIRST, SECOND]) == {FIRST: 7}
    assert (admins.n_opened, admins.n_closed) == (3, 2)


def test_a_coordinator_that_never_comes_is_given_up() -> None:
    """After the deadline the error is BrokerUnavailable, for which a worker backs off."""
    admins = ScriptedAdmins(CoordinatorNotAvailableError())
    with pytest.raises(BrokerUnavailable, match="no coordinator"):
        lookup(admins, patience_s=0.0).committed("group", [FIRST])


def test_other_faults_are_not_asked_again() -> None:
    """After a lost connection the worker backs off. A missing permission needs a person."""
    lost, forbidden = ScriptedAdmins(KafkaConnectionError()), ScriptedAdmins(GroupAuthorizationFailedError())
    with pytest.raises(BrokerUnavailable, match="KafkaConnectionError"):
        lookup(lost).committed("group", [FIRST])
    with pytest.raises(NotAllowedError, match="GroupAuthorizationFailedError"):
        lookup(forbidden).committed("group", [FIRST])
    assert lost.n_opened == forbidden.n_opened == 1


@pytest.fixture
def fresh_kafka() -> Iterator[ApacheKafka]:
    """An unused Apache Kafka, in which `__consumer_offsets` does not exist yet."""
    reason = ApacheKafka.missing()
    if reason is not None:
        pytest.skip(reason)
    with ApacheKafka() as broker:
        yield broker


@pytest.mark.slow
def test_the_first_question_to_a_new_cluster_is_answered(fresh_kafka: ApacheKafka) -> None:
    """Apache Kafka has no coordinator until it has created its offsets topic, which the first question triggers."""
    settings = load_settings(None, {"kafka": {"bootstrap_servers": fresh_kafka.bootstrap}})
    with closing(ClusterLookup(settings)) as asked:
        assert asked.committed("nobody", [FIRST]) == {}
        assert asked.members_at_work("nobody") == 0


def test_starts_ends_and_commits_are_those_of_the_cluster(broker: Broker) -> None:
    """A transaction of two records takes the offsets 0 to 2, because its marker takes one too."""
    topic = new_topic(broker.bootstrap, "lookup", 2)
    settings = load_settings(None, {"kafka": {"bootstrap_servers": broker.bootstrap}})
    used, unused = TopicPartition(topic, 0), TopicPartition(topic, 1)
    with (
        closing(TransactionalProducer.open(settings, f"{topic}.id")) as producer,
        closing(ClusterLookup(settings)) as asked,
    ):
        producer.commit([OutgoingRecord(topic, b"{}", partition=0)] * 2, {used: 1}, ConsumerGroupMetadata(topic))
        assert asked.partitions(topic) == [used, unused]
        assert asked.starts([used, unused]) == {used: 0, unused: 0}
        assert asked.stable_ends([used, unused]) == asked.log_ends([used, unused]) == {used: 3, unused: 0}
        assert asked.committed(topic, [used, unused]) == {used: 1}
        assert asked.committed(topic, []) == asked.starts([]) == {}
        assert asked.partitions("no-such-topic") == []
