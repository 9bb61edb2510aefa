"""Topics: create, delete, add partitions."""

import uuid
from typing import Any

from kafka.protocol.admin import CreatePartitionsResponse, CreateTopicsResponse, DeleteTopicsResponse

from consumers.broker.api.call import Call
from consumers.broker.api.configs import DEFAULT_CONFIG, TOPIC_CONFIG
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.topic_config import TOPIC_CONFIGS

_DEFAULT_PARTITIONS = 1
_NO_ID = uuid.UUID(int=0)


def create(broker: Broker, call: Call) -> CreateTopicsResponse:
    """Each topic by itself; with `validate_only` nothing is created."""
    names = [topic.name for topic in call.request.topics]
    return CreateTopicsResponse(
        topics=[
            _create(broker, topic, validate_only=call.request.validate_only, repeated=names.count(topic.name) > 1)
            for topic in call.request.topics
        ]
    )


def _create(broker: Broker, wanted: Any, *, validate_only: bool, repeated: bool) -> Any:
    Answer = CreateTopicsResponse.CreatableTopicResult  # noqa: N806 - a class of the protocol
    configs = {item.name: item.value for item in wanted.configs if item.value is not None}
    topic_id = _NO_ID
    try:
        if repeated:
            raise BrokerError(Code.INVALID_REQUEST, f"Topic '{wanted.name}' is named more than once.")
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
        configs=[
            Answer.CreatableTopicConfigs(
                name=name,
                value=configs.get(name, key.default),
                read_only=False,
                config_source=TOPIC_CONFIG if name in configs else DEFAULT_CONFIG,
                is_sensitive=False,
            )
            for name, key in TOPIC_CONFIGS.items()
        ],
    )


def _partition_count(wanted: Any) -> int:
    """Checks what is said about replicas: there is one broker, so there is one."""
    if wanted.assignments:
        if any(list(item.broker_ids) != [1] for item in wanted.assignments):
            raise BrokerError(Code.INVALID_REPLICATION_FACTOR, "The only broker has id 1.")
        return len(wanted.assignments)
    if wanted.replication_factor not in (-1, 1):
        raise BrokerError(
            Code.INVALID_REPLICATION_FACTOR,
            f"Unable to replicate the partition {wanted.replication_factor} time(s): there is 1 broker.",
        )
    return _DEFAULT_PARTITIONS if wanted.num_partitions == -1 else int(wanted.num_partitions)


def delete(broker: Broker, call: Call) -> DeleteTopicsResponse:
    """By name, or since version 6 by id."""
    Answer = DeleteTopicsResponse.DeletableTopicResult  # noqa: N806 - a class of the protocol
    request = call.request
    wanted = [(item.name, item.topic_id) for item in request.topics] if call.version >= 6 else []
    wanted += [(name, None) for name in request.topic_names]
    answers = []
    for name, topic_id in wanted:
        topic = broker.topics.get(name) if name is not None else broker.topics.by_id(topic_id)
        if topic is None:
            code = Code.UNKNOWN_TOPIC_ID if name is None else Code.UNKNOWN_TOPIC_OR_PARTITION
            answers.append(Answer(name=name, topic_id=topic_id or _NO_ID, error_code=code, error_message=code.name))
            continue
        broker.delete_topic(topic.name)
        answers.append(Answer(name=topic.name, topic_id=topic.topic_id, error_code=Code.NONE, error_message=None))
    return DeleteTopicsResponse(responses=answers)


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
