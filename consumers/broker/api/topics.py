"""Topics: create, delete, add partitions."""

import uuid
from typing import Any

from kafka.protocol.admin import CreatePartitionsResponse, CreateTopicsResponse, DeleteTopicsResponse

from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code

_DEFAULT_PARTITIONS = 1
_NO_ID = uuid.UUID(int=0)


def create(broker: Broker, call: Call) -> CreateTopicsResponse:
    """Each topic by itself; with `validate_only` nothing is created."""
    request = call.request
    return CreateTopicsResponse(
        topics=[_create(broker, topic, validate_only=request.validate_only) for topic in request.topics]
    )


def _create(broker: Broker, wanted: Any, *, validate_only: bool) -> Any:
    Answer = CreateTopicsResponse.CreatableTopicResult  # noqa: N806 - a class of the protocol
    configs = {item.name: item.value for item in wanted.configs if item.value is not None}
    topic_id = _NO_ID
    try:
        count = _partition_count(wanted)
        broker.topics.check_new(wanted.name, count, configs)
        if not validate_only:
            topic_id = broker.topics.create(wanted.name, count, configs).topic_id
    except BrokerError as error:
        return Answer(
            name=wanted.name,
            topic_id=_NO_ID,
            error_code=error.code,
            error_message=error.message,
            num_partitions=-1,
            replication_factor=-1,
            configs=[],
        )
    return Answer(
        name=wanted.name,
        topic_id=topic_id,
        error_code=Code.NONE,
        error_message=None,
        num_partitions=count,
        replication_factor=1,
        configs=[],
    )


def _partition_count(wanted: Any) -> int:
    """Checks what is said about replicas: there is one broker, so there is one."""
    if wanted.assignments:
        if any(list(item.broker_ids) != [1] for item in wanted.assignments):
            raise BrokerError(Code.INVALID_REPLICA_ASSIGNMENT, "The only broker has id 1.")
        return len(wanted.assignments)
    if wanted.replication_factor not in (-1, 1):
        raise BrokerError(
            Code.INVALID_REPLICATION_FACTOR,
            f"Unable to replicate the partition {wanted.replication_factor} time(s): there is 1 broker.",
        )
    return _DEFAULT_PARTITIONS if wanted.num_partitions == -1 else int(wanted.num_partitions)


def delete(broker: Broker, call: Call) -> DeleteTopicsResponse:
    """Each topic by itself, with its records and the offsets that groups have in it."""

    def answer(name: str) -> Any:
        code, message = Code.NONE, None
        try:
            broker.delete_topic(name)
        except BrokerError as error:
            code, message = error.code, error.message
        return DeleteTopicsResponse.DeletableTopicResult(name=name, error_code=code, error_message=message)

    return DeleteTopicsResponse(responses=[answer(name) for name in call.request.topic_names])


def create_partitions(broker: Broker, call: Call) -> CreatePartitionsResponse:
    """Give topics more partitions; they cannot get fewer."""

    def grow(item: Any) -> tuple[Code, str | None]:
        try:
            broker.topics.check_more_partitions(item.name, item.count)
            if not call.request.validate_only:
                broker.topics.add_partitions(item.name, item.count)
        except BrokerError as error:
            return error.code, error.message
        return Code.NONE, None

    results = []
    for item in call.request.topics:
        code, message = grow(item)
        results.append(
            CreatePartitionsResponse.CreatePartitionsTopicResult(name=item.name, error_code=code, error_message=message)
        )
    return CreatePartitionsResponse(results=results)
