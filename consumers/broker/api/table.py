"""Every request that the broker answers, with the versions that it speaks.

The oldest version is the oldest that Apache Kafka 4 speaks. The newest is the last one before a change that this broker
does not make: topic ids instead of names (Produce 13, Fetch 13, OffsetCommit 10, DeleteTopics 6), transactions of
protocol version 2 (AddPartitionsToTxn 4, EndTxn 5, TxnOffsetCommit 5), static members that lead without assigning
(JoinGroup 9), the new group protocol (OffsetFetch 9). Clients choose the newest version that both sides know.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import kafka.protocol.admin as admin
import kafka.protocol.consumer as consumer
import kafka.protocol.metadata as cluster
import kafka.protocol.producer as producer

from consumers.broker.api import (
    configs,
    fetch,
    group_offsets,
    groups,
    log_offsets,
    metadata,
    produce,
    topics,
    transaction_admin,
    transactions,
)
from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import Code

Handler = Callable[[Broker, Call], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Api:
    """One kind of request, and who answers it."""

    request: Any
    min_version: int
    max_version: int
    handler: Handler
    takes_long_to_encode: bool = False
    """If it is large: it has many small parts. Records are copied in no time, but once more for each thread."""


def api_versions(broker: Broker | None, call: Call | None) -> Any:
    """This table. The server also calls it, with neither argument, for a client that is too new."""
    Response = cluster.ApiVersionsResponse  # noqa: N806 - a class of the protocol
    return Response(
        error_code=Code.NONE,
        api_keys=[
            Response.ApiVersion(api_key=key, min_version=api.min_version, max_version=api.max_version)
            for key, api in sorted(APIS.items())
        ],
    )


_ALL = (
    Api(producer.ProduceRequest, 3, 10, produce.produce),
    Api(consumer.FetchRequest, 4, 12, fetch.fetch),
    Api(consumer.ListOffsetsRequest, 1, 7, log_offsets.list_offsets),
    Api(cluster.MetadataRequest, 0, 12, metadata.metadata, takes_long_to_encode=True),
    Api(consumer.OffsetCommitRequest, 2, 8, group_offsets.commit),
    Api(consumer.OffsetFetchRequest, 1, 8, group_offsets.fetch),
    Api(cluster.FindCoordinatorRequest, 0, 4, metadata.find_coordinator),
    Api(consumer.JoinGroupRequest, 0, 8, groups.join_group),
    Api(consumer.HeartbeatRequest, 0, 4, groups.heartbeat),
    Api(consumer.LeaveGroupRequest, 0, 5, groups.leave_group),
    Api(consumer.SyncGroupRequest, 0, 5, groups.sync_group),
    Api(admin.DescribeGroupsRequest, 0, 6, groups.describe_groups),
    Api(admin.ListGroupsRequest, 0, 5, groups.list_groups),
    Api(cluster.ApiVersionsRequest, 0, 3, api_versions),
    Api(admin.CreateTopicsRequest, 2, 7, topics.create),
    Api(admin.DeleteTopicsRequest, 1, 5, topics.delete),
    Api(admin.DeleteRecordsRequest, 0, 2, log_offsets.delete_records),
    Api(producer.InitProducerIdRequest, 0, 4, transactions.init_producer_id),
    Api(producer.AddPartitionsToTxnRequest, 0, 3, transactions.add_partitions),
    Api(producer.AddOffsetsToTxnRequest, 0, 3, transactions.add_offsets),
    Api(producer.EndTxnRequest, 0, 3, transactions.end_transaction),
    Api(producer.WriteTxnMarkersRequest, 1, 2, transaction_admin.write_markers),
    Api(producer.TxnOffsetCommitRequest, 0, 3, transactions.commit_offsets),
    Api(admin.DescribeConfigsRequest, 1, 4, configs.describe, takes_long_to_encode=True),
    Api(admin.AlterConfigsRequest, 0, 2, configs.alter),
    Api(admin.CreatePartitionsRequest, 0, 3, topics.create_partitions),
    Api(admin.DeleteGroupsRequest, 0, 2, groups.delete_groups),
    Api(admin.IncrementalAlterConfigsRequest, 0, 1, configs.alter_incrementally),
    Api(consumer.OffsetDeleteRequest, 0, 0, group_offsets.delete),
    Api(admin.DescribeClusterRequest, 0, 2, metadata.describe_cluster),
    Api(admin.DescribeProducersRequest, 0, 0, transaction_admin.describe_producers),
    Api(admin.DescribeTransactionsRequest, 0, 0, transaction_admin.describe_transactions),
    Api(admin.ListTransactionsRequest, 0, 1, transaction_admin.list_transactions),
)

APIS: dict[int, Api] = {api.request.API_KEY: api for api in _ALL}
API_VERSIONS_KEY: int = cluster.ApiVersionsRequest.API_KEY
