"""Apache Kafka's command line tools do their work, and print the same with either broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.broker.kafka_tools import run_tool
from tests.broker.senders import Traced
from tests.broker.support import consumer, new_topic, producer, read, unique
from tests.broker.wire import Wire
from tests.brokers import ApacheKafka
from tests.waiting import WITHIN_S, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(ApacheKafka.missing()), reason=ApacheKafka.missing() or ""),
]


def _send(bootstrap: str, topic: str, *values: bytes) -> None:
    with producer(bootstrap) as client:
        for value in values:
            client.send(topic, value).get(WITHIN_S)


def test_topics(traced: Traced) -> None:
    """kafka-topics creates, grows, describes, deletes and lists."""
    topic = unique("topic")
    with traced.sender("kafka-topics"):
        shape = ("--topic", topic, "--partitions", "2", "--config", "retention.ms=3600000")
        assert ["Created", "topic", f"{topic}."] in run_tool(traced.bootstrap, "kafka-topics", "--create", *shape)
        run_tool(traced.bootstrap, "kafka-topics", "--alter", "--topic", topic, "--partitions", "3")
        heading, *partitions = run_tool(traced.bootstrap, "kafka-topics", "--describe", "--topic", topic)
        assert heading[2] == "TopicId:"
        assert run_tool(traced.bootstrap, "kafka-topics", "--describe", "--topic-id", heading[3])[0] == heading
        assert heading[:2] == ["Topic:", topic]
        assert heading[4:6] == ["PartitionCount:", "3"]
        assert "retention.ms=3600000" in heading[-1].split(",")
        leaders = [(words[3], words[5], words[7], words[9]) for words in partitions]
        assert leaders == [(str(number), "1", "1", "1") for number in range(3)]
        run_tool(traced.bootstrap, "kafka-topics", "--delete", "--topic", topic)
        wait_until(
            lambda: [topic] not in run_tool(traced.bootstrap, "kafka-topics", "--list"), "the topic is not listed"
        )


def test_configs(traced: Traced) -> None:
    """kafka-configs sets, unsets and describes settings of a topic."""
    topic = new_topic(traced.bootstrap, configs={"segment.bytes": "2000000"})
    entity = ("--entity-type", "topics", "--entity-name", topic)

    expected = {"cleanup.policy": "compact,delete", "max.message.bytes": "2000", "segment.bytes": "2000000"}

    def changed_settings() -> dict[str, str] | None:
        lines = run_tool(traced.bootstrap, "kafka-configs", "--describe", *entity)
        found = dict(words[0].split("=", 1) for words in lines[1:])
        return found if expected.items() <= found.items() else None

    with traced.sender("kafka-configs"):
        changes = ("--add-config", "max.message.bytes=2000,cleanup.policy=[compact,delete]")
        changed = run_tool(
            traced.bootstrap, "kafka-configs", "--alter", *entity, *changes, "--delete-config", "retention.ms"
        )
        assert changed == [["Completed", "updating", "config", "for", "topic", f"{topic}."]]
        assert "retention.ms" not in (wait_until(changed_settings, "the change shows") or {})


def test_console_producer_and_consumer(traced: Traced) -> None:
    """What is typed comes out with its keys, and a group continues where it stopped."""
    topic, group = new_topic(traced.bootstrap), unique("group")
    typed = "".join(f"key-{number}:value-{number}\n" for number in range(3))
    keys = ("--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
    with traced.sender("kafka-console-producer"):
        run_tool(traced.bootstrap, "kafka-console-producer", "--topic", topic, *keys, stdin=typed)
    sent = [(record.key, record.value) for record in read(traced.bootstrap, topic, 3)]
    assert sent == [(b"key-%d" % number, b"value-%d" % number) for number in range(3)]

    def consumed(count: int) -> list[list[str]]:
        options = ("--topic", topic, "--group", group, "--from-beginning", "--formatter-property", "print.key=true")
        limits = ("--max-messages", str(count), "--timeout-ms", "60000")
        lines = run_tool(traced.bootstrap, "kafka-console-consumer", *options, *limits)
        return [words for words in lines if words[0].startswith("key-")]

    with traced.sender("kafka-console-consumer"):
        assert consumed(2) == [["key-0", "value-0"], ["key-1", "value-1"]]
        assert consumed(1) == [["key-2", "value-2"]]


def test_consumer_groups(traced: Traced) -> None:
    """kafka-consumer-groups describes with members and lag, lists, resets, and deletes offsets and groups."""
    topic, group = new_topic(traced.bootstrap), unique("group")
    _send(traced.bootstrap, topic, *(b"%d" % number for number in range(5)))
    tool, chosen = "kafka-consumer-groups", ("--group", group)
    with traced.sender(tool):
        with consumer(traced.bootstrap, topic, group_id=group, client_id="kafka-python-reader") as reader:
            wait_until(lambda: reader.poll(1_000), "records")
            reader.commit()
            _, line = run_tool(traced.bootstrap, tool, "--describe", *chosen)
            assert line[:6] == [group, topic, "0", "5", "5", "0"]
            assert line[6].startswith("kafka-python-reader-")
            assert line[7:] == ["/127.0.0.1", "kafka-python-reader"]
        assert [group] in run_tool(traced.bootstrap, tool, "--list")
        back = ("--reset-offsets", *chosen, "--topic", topic, "--shift-by", "-3", "--execute")
        assert run_tool(traced.bootstrap, tool, *back)[-1] == [group, topic, "0", "2"]
        with Wire(traced.bootstrap) as wire:
            assert wire.committed(group, topic) == (0, 2)
            forgotten = run_tool(traced.bootstrap, tool, "--delete-offsets", *chosen, "--topic", topic)
            assert forgotten[-1] == [topic, "0", "Successful"]
            assert wire.committed(group, topic) == (0, -1)
        (deleted,) = run_tool(traced.bootstrap, tool, "--delete", *chosen)
        assert " ".join(deleted) == f"Deletion of requested consumer groups ('{group}') was successful."


def test_offsets_and_deleted_records(traced: Traced, tmp_path: Path) -> None:
    """kafka-get-offsets gives the ends of partitions; kafka-delete-records moves their starts up."""
    topic = new_topic(traced.bootstrap, partitions=2)
    _send(traced.bootstrap, topic, *[b"value"] * 4)
    ends = dict(zip(range(2), _ends(traced.bootstrap, topic), strict=True))
    chosen = ("--topic", topic, "--time")
    with traced.sender("kafka-get-offsets"):
        lines = run_tool(traced.bootstrap, "kafka-get-offsets", *chosen, "latest")
        assert lines == [[f"{topic}:{number}:{end}"] for number, end in ends.items()]
    request = tmp_path / "delete.json"
    up_to = [{"topic": topic, "partition": number, "offset": end} for number, end in ends.items()]
    request.write_text(json.dumps({"version": 1, "partitions": up_to}))
    with traced.sender("kafka-delete-records"):
        printed = run_tool(traced.bootstrap, "kafka-delete-records", "--offset-json-file", str(request))
        marks = {tuple(words[1:]) for words in printed if words[0] == "partition:"}
        assert marks == {(f"{topic}-{number}", "low_watermark:", str(end)) for number, end in ends.items()}
    with Wire(traced.bootstrap) as wire:
        assert [wire.offset(topic, -2, partition=number)[2] for number in range(2)] == list(ends.values())


def _ends(bootstrap: str, topic: str) -> list[int]:
    with Wire(bootstrap) as wire:
        return [wire.offset(topic, -1, partition=number)[2] for number in range(2)]


def test_transactions(traced: Traced) -> None:
    """kafka-transactions lists and describes an open one, does not call it hanging, and aborts it on demand."""
    topic, transactional_id, tool = new_topic(traced.bootstrap), unique("tx"), "kafka-transactions"
    with (
        producer(traced.bootstrap, transactional_id=transactional_id) as client,
        Wire(traced.bootstrap) as wire,
        traced.sender(tool),
    ):
        client.begin_transaction()
        client.send(topic, b"value").get(WITHIN_S)
        rows = {words[0]: words[1:] for words in run_tool(traced.bootstrap, tool, "list")}
        assert rows[transactional_id][::2] == ["1", "Ongoing"]
        _, row = run_tool(traced.bootstrap, tool, "describe", "--transactional-id", transactional_id)
        assert row[:2] == ["1", transactional_id]
        assert row[2] == rows[transactional_id][1]
        assert (row[4], row[-1]) == ("Ongoing", f"{topic}-0")
        hanging = run_tool(traced.bootstrap, tool, "find-hanging", "--broker-id", "1", "--max-transaction-timeout", "0")
        assert topic not in [words[0] for words in hanging], "its coordinator knows of it"
        assert wire.offset(topic, -1, read_committed=True)[2] == 0
        run_tool(traced.bootstrap, tool, "abort", "--topic", topic, "--partition", "0", "--start-offset", "0")
        assert wire.offset(topic, -1, read_committed=True)[2] == 2
