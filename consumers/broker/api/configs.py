"""Settings of topics, described and changed; of the broker, described."""

from collections.abc import Mapping
from typing import Any

from kafka.protocol.admin import AlterConfigsResponse, DescribeConfigsResponse, IncrementalAlterConfigsResponse

from consumers.broker.api.call import Call
from consumers.broker.broker import NODE_ID, Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.groups import MAX_SESSION_TIMEOUT_MS, MIN_SESSION_TIMEOUT_MS
from consumers.broker.topic_config import TOPIC_CONFIGS, ConfigKey, ConfigType
from consumers.broker.topics import Topic
from consumers.broker.transactions import MAX_TIMEOUT_MS

_TOPIC, _BROKER = 2, 4
_TOPIC_CONFIG, _STATIC_BROKER_CONFIG, _DEFAULT_CONFIG = 1, 4, 5
"""Where a value comes from, in the protocol's numbers."""
_SET, _DELETE, _APPEND, _SUBTRACT = 0, 1, 2, 3

_BROKER_CONFIGS: Mapping[str, ConfigKey] = {
    "auto.create.topics.enable": ConfigKey("false", ConfigType.BOOLEAN),
    "group.max.session.timeout.ms": ConfigKey(str(MAX_SESSION_TIMEOUT_MS), ConfigType.INT),
    "group.min.session.timeout.ms": ConfigKey(str(MIN_SESSION_TIMEOUT_MS), ConfigType.INT),
    "num.partitions": ConfigKey("1", ConfigType.INT),
    "transaction.max.timeout.ms": ConfigKey(str(MAX_TIMEOUT_MS), ConfigType.INT),
}


def describe(broker: Broker, call: Call) -> DescribeConfigsResponse:
    """All settings of a resource, or those asked for."""
    return DescribeConfigsResponse(results=[_describe(broker, resource) for resource in call.request.resources])


def _describe(broker: Broker, resource: Any) -> Any:
    Answer = DescribeConfigsResponse.DescribeConfigsResult  # noqa: N806 - a class of the protocol
    code, message, values = Code.NONE, None, []
    try:
        keys, overrides, source = _settings(broker, resource)
        wanted = resource.configuration_keys
        values = [
            Answer.DescribeConfigsResourceResult(
                name=name,
                value=overrides.get(name, key.default),
                read_only=source == _STATIC_BROKER_CONFIG,
                config_source=source if name in overrides else _DEFAULT_CONFIG,
                is_sensitive=False,
                synonyms=[],
                config_type=key.type,
                documentation=None,
            )
            for name, key in keys.items()
            if wanted is None or name in wanted
        ]
    except BrokerError as error:
        code, message = error.code, error.message
    return Answer(
        error_code=code,
        error_message=message,
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        configs=values,
    )


def _settings(broker: Broker, resource: Any) -> tuple[Mapping[str, ConfigKey], Mapping[str, str], int]:
    if resource.resource_type == _TOPIC:
        return TOPIC_CONFIGS, _topic(broker, resource.resource_name).config.overrides, _TOPIC_CONFIG
    if resource.resource_type == _BROKER and resource.resource_name in ("", str(NODE_ID)):
        return _BROKER_CONFIGS, {}, _STATIC_BROKER_CONFIG
    raise BrokerError(Code.INVALID_REQUEST, "only topics and broker 1 have settings here")


def _topic(broker: Broker, name: str) -> Topic:
    topic = broker.topics.get(name)
    if topic is None:
        raise BrokerError(Code.UNKNOWN_TOPIC_OR_PARTITION, f"Topic '{name}' does not exist.")
    return topic


def alter(broker: Broker, call: Call) -> AlterConfigsResponse:
    """Replace all settings of topics: what is not named goes back to its default."""
    return AlterConfigsResponse(
        responses=_change(broker, call, AlterConfigsResponse.AlterConfigsResourceResponse, incremental=False)
    )


def alter_incrementally(broker: Broker, call: Call) -> IncrementalAlterConfigsResponse:
    """Set, unset, or change lists of single settings of topics."""
    return IncrementalAlterConfigsResponse(
        responses=_change(broker, call, IncrementalAlterConfigsResponse.AlterConfigsResourceResponse, incremental=True)
    )


def _change(broker: Broker, call: Call, answer_class: Any, *, incremental: bool) -> list[Any]:
    answers = []
    for resource in call.request.resources:
        code, message = Code.NONE, None
        try:
            if resource.resource_type != _TOPIC:
                raise BrokerError(Code.INVALID_REQUEST, "only the settings of topics can be changed")
            topic = _topic(broker, resource.resource_name)
            configs = (
                _changed(dict(topic.config.overrides), resource.configs)
                if incremental
                else {item.name: item.value for item in resource.configs if item.value is not None}
            )
            broker.topics.set_configs(topic.name, configs, validate_only=call.request.validate_only)
        except BrokerError as error:
            code, message = error.code, error.message
        answers.append(
            answer_class(
                error_code=code,
                error_message=message,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
        )
    return answers


def _changed(configs: dict[str, str], changes: list[Any]) -> dict[str, str]:
    for change in changes:
        name, value = change.name, change.value or ""
        if change.config_operation == _SET:
            configs[name] = value
        elif change.config_operation == _DELETE:
            configs.pop(name, None)
        elif change.config_operation in (_APPEND, _SUBTRACT):
            key = TOPIC_CONFIGS.get(name)
            if key is None or key.type is not ConfigType.LIST:
                raise BrokerError(Code.INVALID_CONFIG, f"{name} is not a list")
            items = [
                item for item in configs.get(name, key.default).split(",") if item and item not in value.split(",")
            ]
            configs[name] = ",".join([*items, *value.split(",")] if change.config_operation == _APPEND else items)
        else:
            raise BrokerError(Code.INVALID_REQUEST, "unknown operation")
    return configs
