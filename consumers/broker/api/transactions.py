"""Producer ids and transactions, as producers ask for them."""

from kafka.protocol.producer import (
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnResponse,
    EndTxnResponse,
    InitProducerIdResponse,
    TxnOffsetCommitResponse,
)

from consumers.broker.api.call import Call
from consumers.broker.api.offered_offsets import judge
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code

_PRODUCER_FENCED_SINCE = 2
_PRODUCER_FENCED_SINCE_INIT = 4


def _code(error: BrokerError, version: int, since: int = _PRODUCER_FENCED_SINCE) -> Code:
    """Older clients know fencing only as INVALID_PRODUCER_EPOCH."""
    old = error.code is Code.PRODUCER_FENCED and version < since
    return Code.INVALID_PRODUCER_EPOCH if old else error.code


def init_producer_id(broker: Broker, call: Call) -> InitProducerIdResponse:
    """A fresh id for an idempotent producer; id and next epoch for a transactional one."""
    request = call.request
    if request.transactional_id is None:
        return InitProducerIdResponse(
            error_code=Code.NONE, producer_id=broker.transactions.new_producer_id(), producer_epoch=0
        )
    try:
        if not request.transactional_id:
            raise BrokerError(Code.INVALID_REQUEST)
        producer_id, epoch = broker.transactions.init_producer(
            request.transactional_id,
            request.transaction_timeout_ms,
            (request.producer_id, request.producer_epoch),
            broker.now_ms(),
        )
    except BrokerError as error:
        code = _code(error, call.version, _PRODUCER_FENCED_SINCE_INIT)
        return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
    return InitProducerIdResponse(error_code=Code.NONE, producer_id=producer_id, producer_epoch=epoch)


def add_partitions(broker: Broker, call: Call) -> AddPartitionsToTxnResponse:
    """All partitions are added, or none."""
    request = call.request
    Topic = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult  # noqa: N806 - a class of the protocol
    wanted = {(topic.name, number) for topic in request.v3_and_below_topics for number in topic.partitions}
    unknown = {partition for partition in wanted if not broker.topics.has_partition(*partition)}
    code = Code.OPERATION_NOT_ATTEMPTED if unknown else Code.NONE
    if not unknown:
        try:
            broker.transactions.add_partitions(
                request.v3_and_below_transactional_id,
                request.v3_and_below_producer_id,
                request.v3_and_below_producer_epoch,
                wanted,
                broker.now_ms(),
            )
        except BrokerError as error:
            code = _code(error, call.version)
    return AddPartitionsToTxnResponse(
        results_by_topic_v3_and_below=[
            Topic(
                name=topic.name,
                results_by_partition=[
                    Topic.AddPartitionsToTxnPartitionResult(
                        partition_index=number,
                        partition_error_code=(
                            Code.UNKNOWN_TOPIC_OR_PARTITION if (topic.name, number) in unknown else code
                        ),
                    )
                    for number in topic.partitions
                ],
            )
            for topic in request.v3_and_below_topics
        ]
    )


def add_offsets(broker: Broker, call: Call) -> AddOffsetsToTxnResponse:
    """Make a group's offsets part of the transaction."""
    request = call.request
    code = Code.NONE
    try:
        if not request.group_id:
            raise BrokerError(Code.INVALID_GROUP_ID)
        broker.transactions.add_group(
            request.transactional_id, request.producer_id, request.producer_epoch, request.group_id, broker.now_ms()
        )
    except BrokerError as error:
        code = _code(error, call.version)
    return AddOffsetsToTxnResponse(error_code=code)


def commit_offsets(broker: Broker, call: Call) -> TxnOffsetCommitResponse:
    """Hold offsets until the transaction ends; a group without members needs none to be named."""
    request = call.request
    Topic = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic  # noqa: N806 - a class of the protocol
    code = Code.NONE
    try:
        broker.transactions.check_offsets(
            request.transactional_id,
            request.producer_id,
            request.producer_epoch,
            request.group_id,
            request.member_id,
            request.generation_id,
            request.group_instance_id,
        )
    except BrokerError as error:
        code = error.code
    topics, held = judge(
        broker, request.topics, code, topic_class=Topic, partition_class=Topic.TxnOffsetCommitResponsePartition
    )
    if held:
        broker.transactions.hold_offsets(request.producer_id, request.group_id, held)
        broker.groups.seen(request.group_id, request.member_id, broker.now_s())
    return TxnOffsetCommitResponse(topics=topics)


def end_transaction(broker: Broker, call: Call) -> EndTxnResponse:
    """Commit or abort. When this is answered, readers see the outcome."""
    request = call.request
    code = Code.NONE
    try:
        broker.transactions.end(
            request.transactional_id,
            request.producer_id,
            request.producer_epoch,
            commit=request.committed,
            now_ms=broker.now_ms(),
        )
    except BrokerError as error:
        code = _code(error, call.version)
    return EndTxnResponse(error_code=code)
