"""The only place where kafka-python clients are constructed, with settings that keep the guarantees.

The client's defaults would break the guarantees, so:

- consumers read committed records only, never commit on their own, start at the earliest record, and rebalance
  cooperatively: partitions that stay are not interrupted. No record can stop them (`polling`);
- producers are idempotent with `acks=all`. Their delivery timeout is below the transaction timeout; otherwise the
  broker would fence a transaction while its batches are still being retried;
- asking for the metadata of a topic does not create it.
"""

from __future__ import annotations

import re
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaConfigurationError, KafkaError

from consumers.cluster.client_internals import CooperativeStickyAssignor, check_client
from consumers.cluster.polling import make_safe
from sentiment.errors import BrokerUnavailable, ConfigurationError
from sentiment.settings import KafkaSettings, Settings

CLIENT_ID = "sentiment"
MAX_REQUEST_BYTES = 1_048_576
"""The largest record that a producer sends: just under Kafka's default `message.max.bytes` (1,048,588)."""

_FETCH_BYTES = 16 * 1024 * 1024
"""Bytes per fetch. Bounds the memory of the client's buffer. A single record that is larger still comes, alone."""

_INSTANCE_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")


def make_consumer(
    settings: Settings,
    *,
    group_id: str | None,
    topics: tuple[str, ...] = (),
    listener: ConsumerRebalanceListener | None = None,
    instance_id: str | None = None,
    max_poll_records: int = 500,
) -> KafkaConsumer:
    """A consumer that is subscribed to `topics`; without topics, call `assign`. Blocks until the broker answers.

    Raises:
        BrokerUnavailable: no broker answered within the request timeout (`check_connection` says why).
        ConfigurationError: Kafka does not accept the instance id, or the client does not accept a setting.
        FatalError: this release of the client cannot be made to read safely.
    """
    if instance_id is not None:
        check_instance_id(instance_id)
    kafka = settings.kafka
    consumer = _construct(
        KafkaConsumer,
        kafka,
        group_id=group_id,
        group_instance_id=instance_id,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=[CooperativeStickyAssignor],
        session_timeout_ms=kafka.session_timeout_ms,
        heartbeat_interval_ms=kafka.heartbeat_interval_ms,
        max_poll_interval_ms=kafka.max_poll_interval_ms,
        max_poll_records=max_poll_records,
        fetch_max_bytes=_FETCH_BYTES,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    make_safe(consumer)
    if topics:
        consumer.subscribe(topics=list(topics), listener=listener)
    return consumer


def make_producer(settings: Settings, *, transactional_id: str | None = None) -> KafkaProducer:
    """An idempotent producer. With `transactional_id` a transactional one, for `consumers.cluster.transaction`.

    Raises:
        BrokerUnavailable: no broker answered within the request timeout.
        ConfigurationError: the client does not accept a setting.
        FatalError: this release of the client is built differently.
    """
    kafka = settings.kafka
    delivery_timeout_ms = kafka.transaction_timeout_ms * 4 // 5
    return _construct(
        KafkaProducer,
        kafka,
        transactional_id=transactional_id,
        transaction_timeout_ms=kafka.transaction_timeout_ms,
        enable_idempotence=True,
        acks="all",
        delivery_timeout_ms=delivery_timeout_ms,
        request_timeout_ms=min(kafka.request_timeout_ms, delivery_timeout_ms // 2),
        max_block_ms=kafka.request_timeout_ms,
        linger_ms=5,
        # For some milliseconds after a transaction the broker refuses the next one.
        retry_backoff_ms=20,
        batch_size=128 * 1024,
        max_request_size=MAX_REQUEST_BYTES,
        compression_type=None if kafka.compression == "none" else kafka.compression,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


def make_admin(settings: Settings) -> KafkaAdminClient:
    """An admin client. Raises like `make_producer`."""
    return _construct(KafkaAdminClient, settings.kafka)


def check_instance_id(instance_id: str) -> None:
    """Raise ConfigurationError unless Kafka accepts `instance_id` as the name of a static group member."""
    if not _INSTANCE_ID.fullmatch(instance_id) or instance_id in {".", ".."}:
        raise ConfigurationError(
            f"instance id {instance_id!r} is not valid", hint="1 to 200 letters, digits, dots, dashes and underscores"
        )


def connection_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Addresses, TLS and SASL settings for every client, under kafka-python's names. Contains the password."""
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in kafka.bootstrap_servers.split(",") if server.strip()],
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        options |= {
            "ssl_check_hostname": kafka.ssl_check_hostname,
            "ssl_cafile": _path(kafka.ssl_cafile),
            "ssl_certfile": _path(kafka.ssl_certfile),
            "ssl_keyfile": _path(kafka.ssl_keyfile),
            "ssl_password": kafka.key_password(),
        }
    if kafka.security_protocol.startswith("SASL"):
        password = kafka.password()
        if password is None:
            raise ConfigurationError(
                f"{kafka.security_protocol} needs a password",
                hint="set kafka.sasl_password_file, or SENTIMENT_KAFKA__SASL_PASSWORD in the environment",
            )
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": password,
        }
    return options


def _construct(client: type[Any], kafka: KafkaSettings, **options: Any) -> Any:
    check_client()
    common = {
        "client_id": CLIENT_ID,
        "request_timeout_ms": kafka.request_timeout_ms,
        "bootstrap_timeout_ms": kafka.request_timeout_ms,
        # A restarting broker is back within seconds; with the default a client waits up to half a minute longer.
        "reconnect_backoff_max_ms": 1_000,
        # Clients notice added partitions within this time.
        "metadata_max_age_ms": 60_000,
    }
    try:
        return client(**(common | connection_options(kafka) | options))
    except KafkaConfigurationError as error:
        raise ConfigurationError(f"the Kafka client refuses its settings: {error}") from None
    except KafkaError as error:
        raise BrokerUnavailable(
            f"no usable Kafka at {kafka.bootstrap_servers} ({type(error).__name__})",
            hint="is the broker running, and is this its address?",
        ) from None


def _path(path: object) -> str | None:
    return None if path is None else str(path)
