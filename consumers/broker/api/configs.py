"""Settings: of topics described and changed, of the broker described."""

from collections.abc import Callable, Mapping
from typing import Any

from kafka.protocol.admin import AlterConfigsResponse, DescribeConfigsResponse, IncrementalAlterConfigsResponse

from consumers.broker.api.call import Call
from consumers.broker.api.turns import in_turns
from consumers.broker.broker import NODE_ID, Broker
from consumers.broker.codes import BrokerError, Code, attempt
from consumers.broker.groups import MAX_SESSION_TIMEOUT_MS, MIN_SESSION_TIMEOUT_MS
from consumers.broker.topic_config import TOPIC_CONFIGS, ConfigKey, ConfigType
from consumers.broker.topics import Topic
from consumers.broker.transactions import MAX_TIMEOUT_MS

_Described = DescribeConfigsResponse.DescribeConfigsResult

_TOPIC, _BROKER = 2, 4
_TOPIC_CONFIG, _STATIC_BROKER_CONFIG, _DEFAULT_CONFIG = 1, 4, 5
"""Where a value comes from, in the protocol's numbers."""
_SET, _DELETE, _APPEND, _SUBTRACT = 0, 1, 2, 3

_AT_ONCE = 20
"""Resources that are described while all others wait."""
_RESOURCE_BYTES = 10_000
"""What the settings of a resource take in memory until the response is encoded."""

_BROKER_CONFIGS: Mapping[str, ConfigKey] = {
    "auto.create.topics.enable": ConfigKey("false", ConfigType.BOOLEAN),
    "group.max.session.timeout.ms": ConfigKey(str(MAX_SESSION_TIMEOUT_MS), ConfigType.INT),
    "group.min.session.timeout.ms": ConfigKey(str(MIN_SESSION_TIMEOUT_MS), ConfigType.INT),
    "num.partitions": ConfigKey("1", ConfigType.INT),
    "transaction.max.timeout.ms": ConfigKey(str(MAX_TIMEOUT_MS), ConfigType.INT),
}


async def describe(broker: Broker, call: Call) -> DescribeConfigsResponse:
    """All settings of a resource, or those asked for; of each resource once, in turns with other requests."""
    wanted = {(resource.resource_type, resource.resource_name): resource for resource in call.request.resources}
    if len(wanted) > _AT_ONCE:
        await call.lease.take(_RESOURCE_BYTES * len(wanted))
    return DescribeConfigsResponse(
        results=[_describe(broker, resource) async for resource in in_turns(wanted.values(), _AT_ONCE)]
    )


def _describe(broker: Broker, resource: Any) -> Any:
    code, message, values = Code.NONE, None, []
    try:
        values = _values(broker, resource)
    except BrokerError as error:
        code, message = error.code, error.message
    return _Described(
        error_code=code,
        error_message=message,
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        configs=values,
    )


def _values(broker: Broker, resource: Any) -> list[Any]:
    keys, overrides, source = _settings(broker, resource)
    wanted = resource.configuration_keys
    return [
        _Described.DescribeConfigsResourceResult(
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


def _settings(broker: Broker, resource: Any) -> tuple[Mapping[str, ConfigKey], Mapping[str, str], int]:
    """All settings that the resource can have, the values that were set, and where those come from."""
    if resource.resource_type == _TOPIC:
        return TOPIC_CONFIGS, _topic(broker, resource.resource_name).config.overrides, _TOPIC_CONFIG
    if resource.resource_type == _BROKER and resource.resource_name in ("", str(NODE_ID)):
        return _BROKER_CONFIGS, {}, _STATIC_BROKER_CONFIG
    raise BrokerError(Code.INVALID_REQUEST, f"Only topics and broker {NODE_ID} have settings here.")


def _topic(broker: Broker, name: str) -> Topic:
    topic = broker.topics.get(name)
    if topic is None:
        raise BrokerError(Code.UNKNOWN_TOPIC_OR_PARTITION, f"Topic '{name}' does not exist.")
    return topic


def alter(broker: Broker, call: Call) -> AlterConfigsResponse:
    """Replace all settings of topics: what is not named goes back to its default."""

    def settings(_: Topic, wanted: list[Any]) -> dict[str, str]:
        return {item.name: item.value for item in wanted if item.value is not None}

    answer_class = AlterConfigsResponse.AlterConfigsResourceResponse
    return AlterConfigsResponse(responses=_change(broker, call, settings, answer_class))


def alter_incrementally(broker: Broker, call: Call) -> IncrementalAlterConfigsResponse:
    """Change the named settings of topics: set one, unset one, add to a list or take from it."""

    def settings(topic: Topic, changes: list[Any]) -> dict[str, str]:
        return _changed(dict(topic.config.overrides), changes)

    answer_class = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse
    return IncrementalAlterConfigsResponse(responses=_change(broker, call, settings, answer_class))


def _change(
    broker: Broker, call: Call, settings: Callable[[Topic, list[Any]], dict[str, str]], answer_class: Any
) -> list[Any]:
    def change(resource: Any) -> None:
        if resource.resource_type != _TOPIC:
            raise BrokerError(Code.INVALID_REQUEST, "Only the settings of topics can be changed here.")
        topic = _topic(broker, resource.resource_name)
        wanted = settings(topic, resource.configs)
        broker.topics.set_configs(topic.name, wanted, validate_only=call.request.validate_only)

    def answer(resource: Any) -> Any:
        code, message = attempt(change, resource)
        return answer_class(
            error_code=code,
            error_message=message,
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
        )

    return [answer(resource) for resource in call.request.resources]


def _changed(configs: dict[str, str], changes: list[Any]) -> dict[str, str]:
    for change in changes:
        name, value = change.name, change.value or ""
        if change.config_operation == _SET:
            configs[name] = value
        elif change.config_operation == _DELETE:
            configs.pop(name, None)
        elif change.config_operation in (_APPEND, _SUBTRACT):
            configs[name] = _list_with(configs, name, value.split(","), append=change.config_operation == _APPEND)
        else:
            raise BrokerError(Code.INVALID_REQUEST, "The operation on the setting is unknown.")
    return configs


def _list_with(configs: Mapping[str, str], name: str, items: list[str], *, append: bool) -> str:
    key = TOPIC_CONFIGS.get(name)
    if key is None or key.type is not ConfigType.LIST:
        raise BrokerError(Code.INVALID_CONFIG, f"{name} is not a list.")
    others = [item for item in configs.get(name, key.default).split(",") if item and item not in items]
    return ",".join([*others, *items] if append else others)
