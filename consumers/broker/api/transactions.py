"""Producer ids and transactions, as producers ask for them."""

from typing import Any

from kafka.protocol.producer import (
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnResponse,
    EndTxnResponse,
    InitProducerIdResponse,
    TxnOffsetCommitResponse,
)

from consumers.broker.api.call import Call
from consumers.broker.api.group_offsets import take_offsets
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code, attempt
from consumers.broker.member import MemberClaim
from consumers.broker.transactions import ProducerClaim

_AddedTopic = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult
_OffsetTopic = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic

_PRODUCER_FENCED_SINCE = 2
_PRODUCER_FENCED_SINCE_INIT = 4


def _code(code: Code, version: int, since: int = _PRODUCER_FENCED_SINCE) -> Code:
    """Older clients know fencing only as INVALID_PRODUCER_EPOCH."""
    return Code.INVALID_PRODUCER_EPOCH if code is Code.PRODUCER_FENCED and version < since else code


def _claim(request: Any) -> ProducerClaim:
    return ProducerClaim(request.transactional_id, request.producer_id, request.producer_epoch)


def init_producer_id(broker: Broker, call: Call) -> InitProducerIdResponse:
    """A fresh id for an idempotent producer; id and next epoch for a transactional one."""
    request = call.request
    code, producer_id, epoch = Code.NONE, -1, -1
    try:
        if request.transactional_id is None:
            producer_id, epoch = broker.producer_ids.new(), 0
        elif not request.transactional_id:
            raise BrokerError(Code.INVALID_REQUEST)
        else:
            producer_id, epoch = broker.transactions.init_producer(
                request.transactional_id,
                request.transaction_timeout_ms,
                (request.producer_id, request.producer_epoch),
                broker.now_ms(),
            )
    except BrokerError as error:
        code = _code(error.code, call.version, _PRODUCER_FENCED_SINCE_INIT)
    return InitProducerIdResponse(error_code=code, producer_id=producer_id, producer_epoch=epoch)


def add_partitions(broker: Broker, call: Call) -> AddPartitionsToTxnResponse:
    """All partitions are added, or none."""
    request = call.request
    claim = ProducerClaim(
        request.v3_and_below_transactional_id,
        request.v3_and_below_producer_id,
        request.v3_and_below_producer_epoch,
    )
    topics = request.v3_and_below_topics
    wanted = {(topic.name, number) for topic in topics for number in topic.partitions}
    unknown = {partition for partition in wanted if not broker.topics.has_partition(*partition)}
    if unknown:
        code = Code.OPERATION_NOT_ATTEMPTED
    else:
        code = _code(attempt(broker.transactions.add_partitions, claim, wanted, broker.now_ms()).code, call.version)

    def answer(topic: str, number: int) -> Any:
        return _AddedTopic.AddPartitionsToTxnPartitionResult(
            partition_index=number,
            partition_error_code=Code.UNKNOWN_TOPIC_OR_PARTITION if (topic, number) in unknown else code,
        )

    return AddPartitionsToTxnResponse(
        results_by_topic_v3_and_below=[
            _AddedTopic(name=each.name, results_by_partition=[answer(each.name, number) for number in each.partitions])
            for each in topics
        ]
    )


def add_offsets(broker: Broker, call: Call) -> AddOffsetsToTxnResponse:
    """Make a group's offsets part of the transaction."""
    request = call.request
    code = Code.INVALID_GROUP_ID
    if request.group_id:
        code = attempt(broker.transactions.add_group, _claim(request), request.group_id, broker.now_ms()).code
    return AddOffsetsToTxnResponse(error_code=_code(code, call.version))


def commit_offsets(broker: Broker, call: Call) -> TxnOffsetCommitResponse:
    """Hold offsets until the transaction ends. A client outside the group may commit too, while it has no members."""
    request = call.request
    member = MemberClaim(request.member_id, request.generation_id, request.group_instance_id)
    topics = take_offsets(
        broker,
        request,
        lambda: broker.transactions.check_offsets(_claim(request), request.group_id, member),
        lambda offsets: broker.transactions.hold_offsets(request.producer_id, request.group_id, offsets),
        _OffsetTopic,
        _OffsetTopic.TxnOffsetCommitResponsePartition,
    )
    return TxnOffsetCommitResponse(topics=topics)


def end_transaction(broker: Broker, call: Call) -> EndTxnResponse:
    """Commit or abort. When this is answered, readers see the outcome."""
    request = call.request
    end = broker.transactions.end
    code = attempt(end, _claim(request), commit=request.committed, now_ms=broker.now_ms()).code
    return EndTxnResponse(error_code=_code(code, call.version))
