"""Apache Kafka's own command line tools, as people run them: `kafka-topics --bootstrap-server … --list`."""

from __future__ import annotations

from collections.abc import Mapping

from tests.brokers import kafka_home
from tests.processes import run

_CLASSES: Mapping[str, str] = {
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
}
"""The main class behind each script of a Kafka distribution."""


def run_tool(bootstrap: str, tool: str, *arguments: str, stdin: str = "") -> list[list[str]]:
    """Run one tool and return the words of each line that it prints. AssertionError with the output if it fails.

    Every call starts a Java virtual machine: about a second of one core.
    """
    home = kafka_home()
    command = [
        *("java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
        f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}",
        *("-cp", f"{home / 'libs'}/*", _CLASSES[tool], "--bootstrap-server", bootstrap, *arguments),
    ]
    done = run(command, stdin=stdin)
    assert done.returncode == 0, f"{tool} {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return [line.split() for line in done.stdout.splitlines() if line.strip()]
