"""Topics: create, delete, add partitions."""

import uuid
from typing import Any

from kafka.protocol.admin import CreatePartitionsResponse, CreateTopicsResponse, DeleteTopicsResponse

from consumers.broker.api.call import Call
from consumers.broker.api.turns import in_turns
from consumers.broker.broker import NODE_ID, Broker
from consumers.broker.codes import BrokerError, Code, attempt

_DEFAULT_PARTITIONS = 1
_AT_ONCE = 50
_NO_ID = uuid.UUID(int=0)


async def create(broker: Broker, call: Call) -> CreateTopicsResponse:
    """Each topic by itself; with `validate_only` nothing is created."""
    request = call.request
    return CreateTopicsResponse(
        topics=[
            _create(broker, topic, validate_only=request.validate_only)
            async for topic in in_turns(request.topics, _AT_ONCE)
        ]
    )


def _create(broker: Broker, wanted: Any, *, validate_only: bool) -> Any:
    configs = {item.name: item.value for item in wanted.configs if item.value is not None}
    code, message, topic_id, count = Code.NONE, None, _NO_ID, -1
    try:
        count = _partition_count(wanted)
        broker.topics.check_new(wanted.name, count, configs)
        if not validate_only:
            topic_id = broker.topics.create(wanted.name, count, configs).topic_id
    except BrokerError as error:
        code, message, count = error.code, error.message, -1
    return CreateTopicsResponse.CreatableTopicResult(
        name=wanted.name,
        topic_id=topic_id,
        error_code=code,
        error_message=message,
        num_partitions=count,
        replication_factor=1 if code is Code.NONE else -1,
        configs=[],
    )


def _partition_count(wanted: Any) -> int:
    """How many partitions a topic is to have. Raises BrokerError for more than one replica: there is one broker."""
    if wanted.assignments:
        if any(list(item.broker_ids) != [NODE_ID] for item in wanted.assignments):
            raise BrokerError(Code.INVALID_REPLICA_ASSIGNMENT, f"The only broker has id {NODE_ID}.")
        return len(wanted.assignments)
    if wanted.replication_factor not in (-1, 1):
        raise BrokerError(
            Code.INVALID_REPLICATION_FACTOR,
            f"Unable to replicate the partition {wanted.replication_factor} time(s): there is 1 broker.",
        )
    return _DEFAULT_PARTITIONS if wanted.num_partitions == -1 else int(wanted.num_partitions)


async def delete(broker: Broker, call: Call) -> DeleteTopicsResponse:
    """Delete each topic by itself, with its records and with the offsets that groups have in it."""

    def answer(name: str) -> Any:
        code, message = attempt(broker.delete_topic, name)
        return DeleteTopicsResponse.DeletableTopicResult(name=name, error_code=code, error_message=message)

    return DeleteTopicsResponse(responses=[answer(name) async for name in in_turns(call.request.topic_names, _AT_ONCE)])


def create_partitions(broker: Broker, call: Call) -> CreatePartitionsResponse:
    """Give topics more partitions; they cannot get fewer."""
    change = broker.topics.check_more_partitions if call.request.validate_only else broker.topics.add_partitions

    def answer(item: Any) -> Any:
        code, message = attempt(change, item.name, item.count)
        return CreatePartitionsResponse.CreatePartitionsTopicResult(
            name=item.name, error_code=code, error_message=message
        )

    return CreatePartitionsResponse(results=[answer(item) for item in call.request.topics])
