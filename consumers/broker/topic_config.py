"""Topic configurations: Apache Kafka's names, this broker's defaults, and what each is checked for.

The broker acts on cleanup.policy, max.message.bytes, message.timestamp.type, message.timestamp.after.max.ms,
retention.bytes, retention.ms and segment.bytes. It accepts and describes the others, so that commands that create
topics need not know which broker they talk to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from consumers.broker.codes import BrokerError, Code


class ConfigType(IntEnum):
    """Value types as DescribeConfigs reports them."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One setting: its default as text, its type, and its least value (numbers) or possible values (texts, lists)."""

    default: str
    type: ConfigType
    least: float = 0
    choices: frozenset[str] = frozenset()

    def check(self, name: str, value: str) -> None:
        """Raise BrokerError(INVALID_CONFIG) for a value that Apache Kafka refuses too."""
        problem = _CHECKS[self.type](self, value)
        if problem:
            raise BrokerError(Code.INVALID_CONFIG, f"Invalid value {value!r} for configuration {name}: {problem}")


def _check_number(key: ConfigKey, value: str) -> str:
    try:
        number = float(value) if key.type is ConfigType.DOUBLE else int(value)
    except ValueError:
        return "must be a number" if key.type is ConfigType.DOUBLE else "must be a whole number"
    return "" if number >= key.least else f"must be at least {key.least:g}"


def _check_boolean(key: ConfigKey, value: str) -> str:
    return "" if value.lower() in ("true", "false") else "must be true or false"


def _check_text(key: ConfigKey, value: str) -> str:
    return "" if not key.choices or value in key.choices else f"must be one of {', '.join(sorted(key.choices))}"


def _check_list(key: ConfigKey, value: str) -> str:
    items = {item.strip() for item in value.split(",") if item.strip()}
    return "" if items <= key.choices or not key.choices else f"may only hold {', '.join(sorted(key.choices))}"


_CHECKS: Mapping[ConfigType, Callable[[ConfigKey, str], str]] = {
    ConfigType.BOOLEAN: _check_boolean,
    ConfigType.STRING: _check_text,
    ConfigType.LIST: _check_list,
    **dict.fromkeys((ConfigType.INT, ConfigType.SHORT, ConfigType.LONG, ConfigType.DOUBLE), _check_number),
}

_WEEK_MS = str(7 * 24 * 3600 * 1000)
_LONG_MAX = str(2**63 - 1)

TOPIC_CONFIGS: Mapping[str, ConfigKey] = {
    "cleanup.policy": ConfigKey("delete", ConfigType.LIST, choices=frozenset({"compact", "delete"})),
    "compression.gzip.level": ConfigKey("-1", ConfigType.INT, -1),
    "compression.lz4.level": ConfigKey("9", ConfigType.INT, 1),
    "compression.type": ConfigKey(
        "producer",
        ConfigType.STRING,
        choices=frozenset({"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}),
    ),
    "compression.zstd.level": ConfigKey("3", ConfigType.INT, -131072),
    "delete.retention.ms": ConfigKey("86400000", ConfigType.LONG),
    "file.delete.delay.ms": ConfigKey("60000", ConfigType.LONG),
    "flush.messages": ConfigKey(_LONG_MAX, ConfigType.LONG, 1),
    "flush.ms": ConfigKey(_LONG_MAX, ConfigType.LONG),
    "index.interval.bytes": ConfigKey("4096", ConfigType.INT),
    "max.compaction.lag.ms": ConfigKey(_LONG_MAX, ConfigType.LONG, 1),
    "max.message.bytes": ConfigKey("1048588", ConfigType.INT),
    "message.timestamp.after.max.ms": ConfigKey("3600000", ConfigType.LONG),
    "message.timestamp.before.max.ms": ConfigKey(_LONG_MAX, ConfigType.LONG),
    "message.timestamp.type": ConfigKey(
        "CreateTime", ConfigType.STRING, choices=frozenset({"CreateTime", "LogAppendTime"})
    ),
    "min.cleanable.dirty.ratio": ConfigKey("0.5", ConfigType.DOUBLE),
    "min.compaction.lag.ms": ConfigKey("0", ConfigType.LONG),
    "min.insync.replicas": ConfigKey("1", ConfigType.INT, 1),
    "preallocate": ConfigKey("false", ConfigType.BOOLEAN),
    "retention.bytes": ConfigKey("-1", ConfigType.LONG, -1),
    "retention.ms": ConfigKey(_WEEK_MS, ConfigType.LONG, -1),
    "segment.bytes": ConfigKey(str(16 * 1024 * 1024), ConfigType.INT, 14),
    "segment.index.bytes": ConfigKey("10485760", ConfigType.INT, 4),
    "segment.jitter.ms": ConfigKey("0", ConfigType.LONG),
    "segment.ms": ConfigKey(_WEEK_MS, ConfigType.LONG, 1),
    "unclean.leader.election.enable": ConfigKey("false", ConfigType.BOOLEAN),
}


def check_configs(configs: Mapping[str, str]) -> None:
    """Raise BrokerError(INVALID_CONFIG) for an unknown name or a bad value."""
    for name, value in configs.items():
        if name not in TOPIC_CONFIGS:
            raise BrokerError(Code.INVALID_CONFIG, f"Unknown topic config name: {name}")
        TOPIC_CONFIGS[name].check(name, value)


@dataclass(slots=True)
class TopicConfig:
    """The settings of one topic; `overrides` holds those that were set."""

    overrides: dict[str, str]

    def text(self, name: str) -> str:
        """The value in force, as text."""
        return self.overrides.get(name, TOPIC_CONFIGS[name].default)

    @property
    def compacted(self) -> bool:
        return "compact" in self.text("cleanup.policy")

    @property
    def deleted(self) -> bool:
        """Whether old segments are removed by age and size."""
        return "delete" in self.text("cleanup.policy")

    @property
    def log_append_time(self) -> bool:
        return self.text("message.timestamp.type") == "LogAppendTime"

    @property
    def max_ahead_ms(self) -> int:
        """How far a record's timestamp may be ahead of the broker's clock, in milliseconds."""
        return int(self.text("message.timestamp.after.max.ms"))

    @property
    def max_message_bytes(self) -> int:
        return int(self.text("max.message.bytes"))

    @property
    def retention_bytes(self) -> int:
        return int(self.text("retention.bytes"))

    @property
    def retention_ms(self) -> int:
        return int(self.text("retention.ms"))

    @property
    def segment_bytes(self) -> int:
        return int(self.text("segment.bytes"))
