"""Who sends which request: why the development broker answers it."""

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
"""Tested in both directions: `Traced.sender` asserts a row, `test_requests.py` that every request has a sender."""

_DEPENDS_ON_TIME = frozenset({"Heartbeat"})
_TEST_KIT = ("kafka-python", "wire")


@dataclass(frozen=True, slots=True)
class Traced:
    """A broker. If `logs_requests`, it is a development broker that logs JSON at level debug."""

    broker: Broker
    logs_requests: bool

    @property
    def bootstrap(self) -> str:
        """`host:port`."""
        return self.broker.bootstrap

    @contextlib.contextmanager
    def sender(self, name: str) -> Iterator[None]:
        """Assert that exactly the requests in the row `name` of SENDERS are sent inside the `with`."""
        start = self.broker.log_file.stat().st_size
        yield
        if self.logs_requests:
            assert self._requests_since(start) - _DEPENDS_ON_TIME == SENDERS[name] - _DEPENDS_ON_TIME

    def _requests_since(self, position: int) -> set[str]:
        """The requests in the log from this byte on, without those of the tests' own clients."""
        lines = self.broker.log_file.read_bytes()[position:].splitlines()
        entries = [json.loads(line) for line in lines if line.startswith(b"{")]
        return {
            entry["api"].removesuffix("Request")
            for entry in entries
            if entry["event"] == "request" and not entry["client_id"].startswith(_TEST_KIT)
        }
