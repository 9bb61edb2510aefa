"""The largest record that each topic accepts, so that a worker never sends a larger one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import structlog
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from consumers.cluster.clients import make_admin
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_SETTING = "max.message.bytes"


def largest_record(settings: Settings, topics: Iterable[str], *, at_most: int) -> dict[str, int]:
    """For each topic, the smaller of `at_most` and its `max.message.bytes`; `at_most` if that cannot be read."""
    limits = dict.fromkeys(topics, at_most)
    with closing(make_admin(settings)) as admin:
        try:
            answer = admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name, [_SETTING]) for name in limits], config_filter="all"
            )
        except KafkaError as error:
            _log.info("topic_limits_unknown", error=type(error).__name__)
            return limits
    for name, configs in answer.get("topic", {}).items():
        if _SETTING in configs:
            limits[name] = min(at_most, int(configs[_SETTING]["value"]))
    return limits
