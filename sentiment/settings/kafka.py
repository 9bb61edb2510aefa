"""The connection to Kafka, and the topics."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from sentiment.settings.section import Section, read_secret


class KafkaSettings(Section):
    """How every client connects to the cluster."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Kafka brokers, comma-separated.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Security protocol of the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="SASL mechanism. The SASL protocols require it.", examples=["SCRAM-SHA-512"]
    )
    sasl_username: str | None = Field(
        None, description="SASL user name. The SASL protocols require it.", examples=["sentiment"]
    )
    sasl_password: SecretStr | None = Field(None, description="SASL password.", examples=["…"])
    sasl_password_file: Path | None = Field(
        None, description="File that holds the SASL password.", examples=["/run/secrets/kafka-password"]
    )
    ssl_cafile: Path | None = Field(
        None,
        description="PEM file of trusted certificate authorities, instead of those of the system.",
        examples=["/etc/ssl/kafka/ca.pem"],
    )
    ssl_certfile: Path | None = Field(
        None, description="PEM file of the client certificate.", examples=["/etc/ssl/kafka/client.pem"]
    )
    ssl_keyfile: Path | None = Field(
        None, description="PEM file of the client's private key.", examples=["/etc/ssl/kafka/client.key"]
    )
    ssl_password: SecretStr | None = Field(None, description="Password of the private key.", examples=["…"])
    ssl_password_file: Path | None = Field(
        None,
        description="File that holds the password of the private key.",
        examples=["/run/secrets/kafka-key-password"],
    )
    ssl_check_hostname: bool = Field(True, description="Check that a broker's certificate matches its host name.")
    wait_at_start_s: float = Field(
        0.0,
        ge=0,
        le=86_400,
        description="How many seconds a service that starts waits for Kafka. At 0, a wrong address shows at once.",
    )
    exit_after_s: float | None = Field(
        None,
        ge=1,
        le=86_400,
        description="End a running service when Kafka has been away for this many seconds, instead of waiting on.",
        examples=[300.0],
    )
    request_timeout_ms: int = Field(10_000, ge=1_000, le=120_000, description="Timeout of a request to a broker.")
    session_timeout_ms: int = Field(
        10_000,
        ge=500,
        le=300_000,
        description="How long a dead worker keeps its partitions. Too low a value causes needless rebalances.",
    )
    heartbeat_interval_ms: int = Field(
        2_000, ge=100, le=60_000, description="Time between heartbeats; at most half of session_timeout_ms."
    )
    max_poll_interval_ms: int = Field(
        300_000, ge=5_000, description="A worker that does not poll for this long loses its partitions."
    )
    transaction_timeout_ms: int = Field(
        15_000,
        ge=5_000,
        le=900_000,
        description="How long the open transaction of a killed worker can hold back readers.",
    )
    compression: Literal["none", "gzip", "lz4", "zstd"] = Field("lz4", description="Compression of published records.")

    @model_validator(mode="after")
    def _complete(self) -> KafkaSettings:
        if self.security_protocol.startswith("SASL") and (self.sasl_mechanism is None or self.sasl_username is None):
            raise ValueError(f"{self.security_protocol} needs sasl_mechanism and sasl_username")
        if self.heartbeat_interval_ms * 2 > self.session_timeout_ms:
            raise ValueError("heartbeat_interval_ms must be at most half of session_timeout_ms")
        return self

    def password(self) -> str | None:
        """Return the SASL password, from the environment or its file."""
        return read_secret(self.sasl_password, self.sasl_password_file, "kafka.sasl_password_file")

    def key_password(self) -> str | None:
        """Return the password of `ssl_keyfile`."""
        return read_secret(self.ssl_password, self.ssl_password_file, "kafka.ssl_password_file")


class TopicSettings(Section):
    """Names and shapes of the topics."""

    feedback: str = Field("feedback", description="Topic of the feedback to score.")
    sentiment: str = Field("sentiment", description="Topic of results.")
    dead_letter: str = Field("sentiment.dead-letter", description="Topic of records that cannot be processed.")
    alerts: str = Field("sentiment.alerts", description="Topic of alerts.")
    parked_alerts: str = Field(
        "sentiment.alerts-parked", description="Topic of alerts that a channel could not deliver."
    )
    alert_state: str = Field("sentiment.alert-state", description="Compacted topic of the detector's state.")
    ingest_state: str = Field(
        "sentiment.ingest-state", description="Compacted topic of what `sentiment ingest` has published."
    )
    silences: str = Field("sentiment.silences", description="Compacted topic of what `sentiment alerts silence` sets.")
    labels: str = Field("labels", description="Topic of late labels, which `sentiment monitor` reads.")
    partitions: int = Field(4, ge=1, le=10_000, description="Partitions of topics that a command creates.")
    replication_factor: int = Field(
        -1, ge=-1, le=100, description="Replicas of topics that a command creates; -1 for the broker's default."
    )
    create: bool = Field(True, description="Create missing topics.")
    dead_letter_retention_ms: int = Field(
        7 * 86_400_000, ge=60_000, description="How long dead letters are kept. They hold unredacted text."
    )
