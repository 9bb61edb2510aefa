"""Topics are created once, as the contracts require, and listed as they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import uuid4

import msgspec
import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from consumers.cluster.clients import make_producer
from consumers.cluster.topics import PartitionInfo, ensure_topics, list_partitions, partition_count, plans
from sentiment.cli.main import run
from sentiment.errors import ConfigurationError
from sentiment.settings import Settings, load_settings
from tests.brokers import Broker
from tests.waiting import WITHIN_S


def settings_for(broker: Broker, **topics: object) -> Settings:
    """Settings with topics that no other test uses."""
    prefix = uuid4().hex[:10]
    every = ("feedback", "sentiment", "dead_letter", "alerts", "parked_alerts", "alert_state", "ingest_state")
    every += ("silences", "labels")
    names = {name: f"{prefix}.{name}" for name in every}
    overrides = {"kafka": {"bootstrap_servers": broker.bootstrap}, "topics": {**names, **topics}}
    return load_settings(None, overrides)


def with_topics(settings: Settings, **topics: object) -> Settings:
    """The same settings with these topic settings changed."""
    return settings.model_copy(update={"topics": settings.topics.model_copy(update=topics)})


def config_of(broker: Broker, topic: str, name: str) -> str:
    """One setting of a topic, according to the broker."""
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return str(described["topic"][topic][name]["value"])


def test_missing_topics_are_made_in_the_shapes_of_the_contracts(broker: Broker) -> None:
    """Dead letters are deleted after a week, and states are compacted. Existing topics are left alone."""
    settings = settings_for(broker, partitions=3)
    topics = settings.topics
    assert ensure_topics(settings, [topics.feedback]) == [topics.feedback]
    others = [topics.sentiment, topics.dead_letter, topics.alerts, topics.parked_alerts, topics.alert_state]
    others += [topics.ingest_state, topics.silences, topics.labels]
    assert ensure_topics(settings) == others
    assert ensure_topics(settings) == []
    single = {topics.ingest_state, topics.silences}
    assert {partition_count(settings, name) for name in plans(topics) if name not in single} == {3}
    assert {partition_count(settings, name) for name in single} == {1}
    assert config_of(broker, topics.dead_letter, "retention.ms") == str(7 * 24 * 3600 * 1000)
    for compacted in (topics.alert_state, topics.ingest_state, topics.silences):
        assert config_of(broker, compacted, "cleanup.policy") == "compact"


def test_the_alert_state_follows_the_partitions_of_the_results(broker: Broker) -> None:
    """Even if the results topic has another number than configured. If both exist and differ, it is an error."""
    settings = settings_for(broker, partitions=2)
    topics = settings.topics
    ensure_topics(settings, [topics.sentiment])
    ensure_topics(with_topics(settings, partitions=5), [topics.alert_state])
    assert partition_count(settings, topics.alert_state) == 2
    other = settings_for(broker, partitions=2)
    ensure_topics(other, [other.topics.alert_state])
    ensure_topics(with_topics(other, partitions=5), [other.topics.sentiment])
    with pytest.raises(ConfigurationError, match="must be equal"):
        ensure_topics(other)


@pytest.mark.parametrize("state", ["alert_state", "ingest_state", "silences"])
def test_a_state_that_kafka_would_delete_is_refused(broker: Broker, state: str) -> None:
    """Somebody made the topic with Kafka's defaults, or with both policies. The error says what to change."""
    settings = settings_for(broker)
    name = getattr(settings.topics, state)
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        admin.create_topics({name: {"num_partitions": settings.topics.partitions, "replication_factor": 1}})
        admin.wait_for_topics([name])
        for policy in ("delete", "compact,delete"):
            change = ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": policy})
            admin.alter_configs([change])
            with pytest.raises(ConfigurationError, match=f"{name} has cleanup.policy={policy}") as refused:
                ensure_topics(settings)
            assert "cleanup.policy=compact" in str(refused.value.hint)
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": "compact"})])
    assert name not in ensure_topics(settings)


def test_several_processes_may_make_the_same_topics_at_once(broker: Broker) -> None:
    """The first process creates it, and none fails."""
    settings = settings_for(broker)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ensure_topics(settings), range(4)))
    every = plans(settings.topics)
    assert {name for names in made for name in names} == every.keys()
    assert len(list_partitions(settings, list(every))) == sum(plan.partitions for plan in every.values())


def test_topics_are_not_made_where_that_is_forbidden(broker: Broker) -> None:
    """The error names the missing topics, and is a configuration error."""
    settings = settings_for(broker, create=False)
    with pytest.raises(ConfigurationError) as refused:
        ensure_topics(settings, [settings.topics.feedback, settings.topics.alerts])
    assert settings.topics.feedback in refused.value.message
    assert settings.topics.alerts in refused.value.message
    assert refused.value.exit_code == 2


def test_a_topic_that_cannot_be_is_refused_in_words(broker: Broker) -> None:
    """Too many replicas for one broker, or a name that Kafka rejects, gives a clear error."""
    settings = settings_for(broker, replication_factor=3)
    with pytest.raises(ConfigurationError, match="replication factor"):
        ensure_topics(settings, [settings.topics.feedback])
    with pytest.raises(ConfigurationError, match="refuses topic"):
        ensure_topics(settings_for(broker), ["no spaces/please"])


def test_offsets_are_listed_with_an_open_transaction_in_sight(broker: Broker) -> None:
    """The listing shows the oldest offset, the last stable offset, and the end of the log."""
    settings = settings_for(broker, partitions=1)
    topic = settings.topics.feedback
    ensure_topics(settings, [topic])
    with closing(make_producer(settings, transactional_id=topic)) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, b"a").get(timeout=WITHIN_S)
        assert list_partitions(settings, [topic]) == [PartitionInfo(topic, 0, low=0, stable=0, high=1)]
        producer.commit_transaction()
        assert list_partitions(settings, [topic]) == [PartitionInfo(topic, 0, low=0, stable=2, high=2)]
    with pytest.raises(ConfigurationError, match="no such topic"):
        list_partitions(settings, ["absent"])


def test_the_command_makes_and_lists_topics(
    dev_broker: Broker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`create` says what it created and what existed. `list` shows every partition, for people and for machines."""
    monkeypatch.setenv("SENTIMENT_KAFKA__BOOTSTRAP_SERVERS", dev_broker.bootstrap)
    name = f"t-{uuid4().hex[:10]}"
    assert run(["topics", "create", name, "--partitions", "2"]) == 0
    assert run(["topics", "create", name]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{name}: created", f"{name}: exists"]
    assert run(["topics", "list", "--json"]) == 0
    listed = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["partition"] for each in listed if each["topic"] == name] == [0, 1]
    assert run(["topics", "list"]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["topic", "partition", "low", "stable", "high"] in table
    assert [line[1:] for line in table if line[:1] == [name]] == [["0", "0", "0", "0"], ["1", "0", "0", "0"]]
