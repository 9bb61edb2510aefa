"""Configuration: one frozen object, validated once at the edge.

Order of precedence: flags, then environment (`SENTIMENT_KAFKA__BOOTSTRAP_SERVERS`), then the TOML file, then defaults.
Secrets come from the environment or from files (`*_file`) and are never printed.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from sentiment.errors import ConfigurationError

if TYPE_CHECKING:
    from sentiment.spikes.segment import SpikeConfig


class Section(BaseModel):
    """A table of the configuration: frozen, and strict about names so that a typing error is found."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KafkaSettings(Section):
    """How every client reaches the cluster."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port of one or more brokers, comma-separated")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    ssl_cafile: Path | None = Field(None, description="PEM; the system's authorities where it is not set")
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    ssl_password: SecretStr | None = Field(None, description="of the key file")
    ssl_password_file: Path | None = None
    ssl_check_hostname: bool = True
    request_timeout_ms: int = Field(10_000, ge=1_000, le=120_000)
    session_timeout_ms: int = Field(
        10_000, ge=500, le=300_000, description="how long a dead worker keeps its partitions; too low: false rebalances"
    )
    heartbeat_interval_ms: int = Field(2_000, ge=100, le=60_000)
    max_poll_interval_ms: int = Field(300_000, ge=5_000)
    transaction_timeout_ms: int = Field(
        15_000, ge=5_000, le=900_000, description="how long a killed worker's open transaction holds readers back"
    )
    compression: Literal["none", "gzip", "lz4", "zstd"] = "lz4"

    @model_validator(mode="after")
    def _complete(self) -> KafkaSettings:
        if self.security_protocol.startswith("SASL") and (self.sasl_mechanism is None or self.sasl_username is None):
            raise ValueError(f"{self.security_protocol} needs sasl_mechanism and sasl_username")
        if self.heartbeat_interval_ms * 2 > self.session_timeout_ms:
            raise ValueError("heartbeat_interval_ms must be at most half of session_timeout_ms")
        return self

    def password(self) -> str | None:
        """The SASL password, from the environment or its file."""
        return _secret(self.sasl_password, self.sasl_password_file, "kafka.sasl_password_file")

    def key_password(self) -> str | None:
        """The password of `ssl_keyfile`."""
        return _secret(self.ssl_password, self.ssl_password_file, "kafka.ssl_password_file")


class TopicSettings(Section):
    """Names and shapes of the topics."""

    feedback: str = "feedback"
    sentiment: str = "sentiment"
    dead_letter: str = "sentiment.dead-letter"
    alerts: str = "sentiment.alerts"
    alert_state: str = "sentiment.alert-state"
    labels: str = Field("labels", description="late labels, which the monitor joins")
    partitions: int = Field(4, ge=1, le=10_000, description="of topics that a command creates")
    replication_factor: int = Field(-1, ge=-1, le=100, description="-1: the broker's default")
    create: bool = Field(True, description="create missing topics")
    dead_letter_retention_ms: int = Field(7 * 86_400_000, ge=60_000, description="dead letters hold unredacted text")


class ModelSettings(Section):
    """Which classifier answers, and how much it takes at once."""

    path: str = Field("", description="a model directory, a registry or a hub id; empty: the shipped model")
    backend: Literal["auto", "openvino", "torch"] = "auto"
    threads: int = Field(0, ge=0, le=1_024, description="of inference; 0: all cores")
    max_batch_tokens: int = Field(4_096, ge=128, le=1_000_000, description="padded tokens; more: memory and latency")
    max_batch_items: int = Field(64, ge=1, le=10_000)
    label_map: dict[str, Literal["negative", "neutral", "positive"]] = Field(default_factory=dict)
    reload_interval_s: float = Field(
        10.0, gt=0, le=86_400, description="how often a worker looks whether another version of a registry is promoted"
    )


class WorkerSettings(Section):
    """The scoring worker."""

    group_id: str = "sentiment-worker"
    instance_id: str | None = Field(None, description="static group membership; must differ between workers")
    max_poll_records: int = Field(
        500, ge=1, le=100_000, description="more: fewer transactions, more memory and latency"
    )
    max_wait_ms: int = Field(5, ge=0, le=60_000, description="how long a batch that is not full waits for more records")
    commit_interval_ms: int = Field(
        500, ge=0, le=10_000, description="under load; more: fewer transactions, more latency and work to repeat"
    )
    drain_timeout_s: float = Field(20.0, gt=0, le=600)
    stuck_after_s: float = Field(180.0, ge=10, le=3_600, description="a turn that takes longer ends the process")
    publish_text: bool = Field(True, description="whether results carry the redacted text")
    dead_letter_payload: Literal["raw", "omit"] = "raw"
    breaker_window: int = Field(200, ge=10, le=100_000, description="records over which poison is counted")
    breaker_ratio: float = Field(0.5, gt=0, le=1, description="share of poison in the window that stops the worker")


class PrivacySettings(Section):
    """The key of pseudonyms; without one, a key file in the user's state directory is made and used."""

    hash_key: SecretStr | None = None
    hash_key_file: Path | None = None

    def key(self) -> bytes:
        """HMAC key for pseudonyms, at least 16 bytes."""
        given = _secret(self.hash_key, self.hash_key_file, "privacy.hash_key_file")
        key = given.encode() if given is not None else _own_key()
        if len(key) < 16:
            raise ConfigurationError("privacy.hash_key has fewer than 16 bytes", hint="make one: openssl rand -hex 32")
        return key


class AlertSettings(Section):
    """Spike detection."""

    group_id: str = "sentiment-alerts"
    lateness_s: float = Field(60.0, ge=0, le=86_400, description="more: late results count, alerts come later")
    future_s: float = Field(60.0, ge=0, le=86_400, description="an event younger than its scoring by more is rejected")
    idle_s: float = Field(5.0, gt=0, le=3_600, description="silence after which a source partition frees the clock")
    patience_s: float = Field(
        300.0, gt=0, le=86_400, description="silence that frees the clock though scoring is behind; more: fewer late"
    )
    odds_ratio: float = Field(2.0, gt=1, le=20, description="the rise of the odds of negative that is looked for")
    expected_share: float = Field(0.2, gt=0, lt=1, description="of negatives in a segment without history")
    learn_n: int = Field(40, ge=10, le=100_000, description="results of a new segment before it can alarm")
    min_n: int = Field(8, ge=1, le=100_000, description="results that an alarm needs")
    correlation: float = Field(0.01, ge=0, lt=0.5, description="of results within five minutes; more: slower, calmer")
    false_alarms_per_week: float = Field(1.0, gt=0, le=100, description="of one segment; less: slower detection")
    notify_max_age_s: float = Field(86_400.0, gt=0, description="older alerts are recorded, not sent")
    include_unsupported_language: bool = False

    def spike_config(self) -> SpikeConfig:
        """The detector that these settings describe."""
        from sentiment.spikes.baseline import BaselineConfig
        from sentiment.spikes.detector import DetectorConfig, threshold_for
        from sentiment.spikes.segment import SpikeConfig

        return SpikeConfig(
            baseline=BaselineConfig(prior_share=self.expected_share, learn_n=self.learn_n),
            detector=DetectorConfig(
                odds_ratio=self.odds_ratio,
                threshold=threshold_for(self.false_alarms_per_week),
                correlation=self.correlation,
                min_n=self.min_n,
            ),
            lateness_ms=round(self.lateness_s * 1000),
            future_ms=round(self.future_s * 1000),
        )


class NotifySettings(Section):
    """Delivery of alerts."""

    group_id: str = "sentiment-notify"
    console: bool = True
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None
    webhook_secret_file: Path | None = None
    timeout_s: float = Field(5.0, gt=0, le=60)
    max_attempts: int = Field(5, ge=1, le=20, description="failures in a row that open a channel's circuit")
    open_s: float = Field(30.0, ge=1, le=3_600, description="between the attempts on an open circuit")
    give_up_s: float = Field(3_600.0, gt=0, description="an alert that fails for longer is given up")

    def secret(self) -> str | None:
        """The key of webhook signatures."""
        return _secret(self.webhook_secret, self.webhook_secret_file, "notify.webhook_secret_file")


class MetricsSettings(Section):
    """The endpoint of metrics and health."""

    port: int = Field(0, ge=0, le=65_535, description="0: off")
    host: str = Field("127.0.0.1", description="there is no authentication: open it beyond loopback on purpose only")


class LogSettings(Section):
    """Logs, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(BaseSettings):
    """All of the configuration."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="SENTIMENT_", env_nested_delimiter="__", hide_input_in_errors=True
    )

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    model: ModelSettings = ModelSettings()
    worker: WorkerSettings = WorkerSettings()
    privacy: PrivacySettings = PrivacySettings()
    alerts: AlertSettings = AlertSettings()
    notify: NotifySettings = NotifySettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()


def load_settings(
    config_file: Path | None = None, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """The settings of one process. `overrides` are flags: section → field → value, `None` meaning not given.

    Raises:
        ConfigurationError: naming each faulty setting, never its value.
    """
    flags = {
        section: {field: value for field, value in values.items() if value is not None}
        for section, values in (overrides or {}).items()
    }
    table = {} if config_file is None else _read_toml(config_file)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, table)

    try:
        return Loaded(**flags)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        where = f" (in {config_file}, the environment or flags)" if config_file else " (in the environment or flags)"
        raise ConfigurationError(f"{faults}{where}", hint="deploy/sentiment.example.toml shows every setting") from None
    except SettingsError as error:
        raise ConfigurationError(f"the environment: {error}") from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8"
        raise ConfigurationError(f"{path} is not TOML: {where}") from None


def _secret(value: SecretStr | None, file: Path | None, name: str) -> str | None:
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"cannot read {name} {file}: {reason}") from None


def _own_key() -> bytes:
    """The key file of this user, made at first use; all processes of one machine then agree on pseudonyms."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sentiment"
    path = state / "pseudonym.key"
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            # Written aside and linked into place: of two processes that start together, both read the winner's key.
            handle, aside = tempfile.mkstemp(dir=state)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32))
            try:
                os.link(aside, path)
            except FileExistsError:
                pass
            finally:
                Path(aside).unlink()
        return path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(
            f"cannot keep a key for pseudonyms in {state}: {error.strerror}",
            hint="set privacy.hash_key_file, or SENTIMENT_PRIVACY__HASH_KEY",
        ) from None
