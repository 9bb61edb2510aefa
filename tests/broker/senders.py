"""Who sends which request: the reason for every request that the development broker answers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.brokers import Broker

_EVERYBODY = frozenset({"ApiVersions", "Metadata"})
_PRODUCER = frozenset({"InitProducerId", "Produce"})
_MEMBER = frozenset(
    {"FindCoordinator", "JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup", "OffsetFetch", "ListOffsets", "Fetch"}
)
_TRANSACTION = frozenset({"AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"})

SENDERS: Mapping[str, frozenset[str]] = {
    # The product: its workers, its ingest, its commands.
    "sentiment": _EVERYBODY
    | _PRODUCER
    | _MEMBER
    | _TRANSACTION
    | {"CreateTopics", "DescribeConfigs", "DescribeGroups"},
    # Apache Kafka's command line.
    "kafka-configs": _EVERYBODY | {"DescribeConfigs", "IncrementalAlterConfigs"},
    "kafka-console-consumer": _EVERYBODY | _MEMBER | {"OffsetCommit"},
    "kafka-console-producer": _EVERYBODY | _PRODUCER,
    "kafka-consumer-groups": _EVERYBODY
    | {"DeleteGroups", "DescribeCluster", "DescribeGroups", "FindCoordinator", "ListGroups", "ListOffsets"}
    | {"OffsetCommit", "OffsetDelete", "OffsetFetch"},
    "kafka-delete-records": _EVERYBODY | {"DeleteRecords"},
    "kafka-get-offsets": _EVERYBODY | {"DescribeCluster", "ListOffsets"},
    "kafka-topics": _EVERYBODY
    | {"CreatePartitions", "CreateTopics", "DeleteTopics", "DescribeCluster", "DescribeConfigs"},
    "kafka-transactions": _EVERYBODY
    | {"DescribeCluster", "DescribeProducers", "DescribeTransactions", "FindCoordinator", "ListTransactions"}
    | {"WriteTxnMarkers"},
    # confluent-kafka, and what else is built on librdkafka.
    "librdkafka admin": _EVERYBODY
    | {"AlterConfigs", "CreatePartitions", "CreateTopics", "DeleteGroups", "DeleteRecords", "DeleteTopics"}
    | {"DescribeConfigs", "DescribeGroups", "FindCoordinator", "IncrementalAlterConfigs", "ListGroups"}
    | {"ListOffsets", "OffsetCommit", "OffsetFetch"},
}
"""Held in both directions: `Traced.sender` asserts a row, `test_requests.py` that no request is without a sender."""

_DEPENDS_ON_TIME = frozenset({"Heartbeat"})
_TEST_KIT = ("kafka-python", "wire")


@dataclass(frozen=True, slots=True)
class Traced:
    """A broker; where `logs_requests`, a development broker that logs at level debug, in JSON."""

    broker: Broker
    logs_requests: bool

    @property
    def bootstrap(self) -> str:
        """`host:port`."""
        return self.broker.bootstrap

    @contextlib.contextmanager
    def sender(self, name: str) -> Iterator[None]:
        """Assert that `name` sends inside what SENDERS says, no less and no more."""
        start = self.broker.log_file.stat().st_size
        yield
        if self.logs_requests:
            assert self._requests_since(start) - _DEPENDS_ON_TIME == SENDERS[name] - _DEPENDS_ON_TIME

    def _requests_since(self, position: int) -> set[str]:
        """The requests of all clients but the tests' own, from this byte of the log on."""
        lines = self.broker.log_file.read_bytes()[position:].splitlines()
        entries = [json.loads(line) for line in lines if line.startswith(b"{")]
        return {
            entry["api"].removesuffix("Request")
            for entry in entries
            if entry["event"] == "request" and not entry["client_id"].startswith(_TEST_KIT)
        }
