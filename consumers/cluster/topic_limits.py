"""Settings of existing topics that the pipeline depends on: the largest record, and compaction."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import structlog
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from consumers.cluster.clients import make_admin
from sentiment.errors import ConfigurationError
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_LARGEST = "max.message.bytes"
_POLICY = "cleanup.policy"


def largest_record(settings: Settings, topics: Iterable[str], *, at_most: int) -> dict[str, int]:
    """For each topic, the smaller of `at_most` and its `max.message.bytes`; `at_most` if that cannot be read."""
    names = list(topics)
    with closing(make_admin(settings)) as admin:
        found = _values(admin, names, _LARGEST)
    return {name: min(at_most, int(found.get(name, at_most))) for name in names}


def require_compaction(admin: KafkaAdminClient, topics: Iterable[str]) -> None:
    """Raise ConfigurationError if one of these topics deletes records by age or size. Unknown settings pass."""
    names = list(topics)
    for name, policy in _values(admin, names, _POLICY).items() if names else ():
        if policy != "compact":
            raise ConfigurationError(
                f"topic {name} has cleanup.policy={policy}: Kafka would delete state that is still needed",
                hint="set cleanup.policy=compact on it with kafka-configs.sh, or name another topic",
            )


def _values(admin: KafkaAdminClient, topics: list[str], setting: str) -> dict[str, str]:
    """The values of a setting by topic, as far as they can be read."""
    try:
        answer = admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, [setting]) for name in topics], config_filter="all"
        )
    except KafkaError as error:
        _log.info("topic_limits_unknown", error=type(error).__name__)
        return {}
    return {name: configs[setting]["value"] for name, configs in answer.get("topic", {}).items() if setting in configs}
