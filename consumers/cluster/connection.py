"""Connects to the cluster step by step, and names the step that failed.

The Kafka client itself says too little: a wrong password and an untrusted certificate both end in "unable to bootstrap"
after its timeout. Messages name the step, the address and the reason, but never the password.

A client uses the addresses of `bootstrap_servers` only to ask for the brokers. Then it connects to the addresses that
these advertise, so they are tried too.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, TypeVar

import structlog

from consumers.cluster.clients import CLIENT_ID, connection_options
from consumers.cluster.wire import WireConnection, WireError
from consumers.timing.deadline import run_with_deadline
from sentiment.errors import BrokerUnavailable, ConfigurationError, DeadlineExceeded
from sentiment.settings import KafkaSettings, Settings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

PROBE_S = 7.0
"""For all servers and steps together, because somebody waits at a prompt. As long again for advertised addresses."""

_MAX_ADVERTISED = 8
"""Of a large cluster, this many brokers are tried. A wrong advertised address is usually wrong for all."""


class Step(StrEnum):
    """The steps of a connection, in order."""

    RESOLVE = "name resolution"
    CONNECT = "TCP connection"
    TLS = "TLS handshake"
    API_VERSIONS = "ApiVersions"
    AUTHENTICATE = "authentication"
    BROKERS = "Metadata"


class StepError(Exception):
    """A step failed; `reason` and `hint` are safe to show."""

    def __init__(self, step: Step, reason: str, hint: str) -> None:
        super().__init__(f"{step} failed: {reason}")
        self.step = step
        self.reason = reason
        self.hint = hint


def check_connection(settings: Settings) -> None:
    """Return as soon as one bootstrap server passes every step, and a broker at its advertised address does too.

    Blocks for about 15 seconds at most.

    Raises:
        BrokerUnavailable: no server did; the message names the step that failed at the first one. Or a server did, but
            no broker can be reached at the address that it advertises.
        ConfigurationError: a certificate file cannot be used, or the password is missing.
    """
    kafka = settings.kafka
    options = connection_options(kafka)
    context = tls_context(kafka)
    servers: list[str] = options["bootstrap_servers"]
    if not servers:
        raise ConfigurationError("kafka.bootstrap_servers names no server", hint="for instance 127.0.0.1:9092")
    failures: list[BrokerUnavailable] = []
    for server in servers:
        try:
            advertised = probe(server, options, context, timeout_s=PROBE_S / len(servers))
        except StepError as error:
            failures.append(BrokerUnavailable(f"cannot reach Kafka at {server}: {error}", hint=error.hint))
        else:
            _check_advertised(server, advertised, options, context)
            return
    raise failures[0]


def _check_advertised(
    server: str, advertised: Collection[str], options: dict[str, Any], context: ssl.SSLContext | None
) -> None:
    """Take every step to the `advertised` addresses. Raise BrokerUnavailable if all fail; warn of those that fail."""
    unknown = sorted(set(advertised) - {server})[:_MAX_ADVERTISED]
    if not unknown:
        return
    with ThreadPoolExecutor(len(unknown)) as pool:
        found = list(pool.map(lambda address: _failure(address, options, context), unknown))
    failed = [(address, error) for address, error in zip(unknown, found, strict=True) if error is not None]
    if len(failed) < len(set(advertised)):
        for address, error in failed:
            _log.warning("broker_unreachable", advertised=address, reason=str(error), setting="advertised.listeners")
        return
    address, error = failed[0]
    raise BrokerUnavailable(
        f"Kafka at {server} answers, but its broker advertises {address}, which cannot be reached: {error}",
        hint="set advertised.listeners in the broker's configuration to an address that this machine can reach",
    )


def _failure(address: str, options: dict[str, Any], context: ssl.SSLContext | None) -> StepError | None:
    try:
        probe(address, options, context, timeout_s=PROBE_S)
    except StepError as error:
        return error
    except ConfigurationError as error:  # not host:port
        return StepError(Step.RESOLVE, error.message, "")
    return None


def probe(server: str, options: dict[str, Any], context: ssl.SSLContext | None, *, timeout_s: float) -> list[str]:
    """Take every step to `server` (`host:port`) that `options` require, or raise StepError.

    Returns the addresses that the brokers of its cluster advertise.
    """
    deadline = time.monotonic() + timeout_s
    host, port = _address(server)
    family, address = _step(
        Step.RESOLVE,
        lambda: run_with_deadline(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), timeout_s / 2, "name resolution"
        )[0][::4],
        "is the host name right?",
    )
    connection = _step(Step.CONNECT, lambda: _connect(family, address, deadline), "is the broker running there?")
    with connection:
        if context is None:
            return _speak(connection, host, options, deadline, "is this a TLS port? Then set kafka.security_protocol")
        hint = "is this the TLS port, and is kafka.ssl_cafile the authority that signed the broker's certificate?"
        with _step(Step.TLS, lambda: context.wrap_socket(connection, server_hostname=host), hint) as secured:
            return _speak(secured, host, options, deadline, "is this Kafka?")


def _speak(connection: socket.socket, host: str, options: dict[str, Any], deadline: float, hint: str) -> list[str]:
    wire = WireConnection(connection, client_id=CLIENT_ID, deadline=deadline)
    _step(Step.API_VERSIONS, wire.api_versions, hint)
    if "sasl_mechanism" in options:
        hint = "check kafka.sasl_username, the password and kafka.sasl_mechanism"
        _step(Step.AUTHENTICATE, lambda: wire.authenticate(host, options), hint)
    return _step(Step.BROKERS, wire.brokers, "does the log of the broker say why?")


def tls_context(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """The TLS settings as the Kafka client applies them. None for an unencrypted connection."""
    if not kafka.security_protocol.endswith("SSL"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = kafka.ssl_check_hostname
    try:
        if kafka.ssl_cafile is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(kafka.ssl_cafile)
        if kafka.ssl_certfile is not None:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile, kafka.key_password())
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the TLS files cannot be used ({_reason(error)})",
            hint="kafka.ssl_cafile, ssl_certfile and ssl_keyfile are PEM files that must exist and be readable",
        ) from None
    return context


def _connect(family: int, address: Any, deadline: float) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(max(0.1, deadline - time.monotonic()))
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _step(step: Step, call: Callable[[], T], hint: str) -> T:
    try:
        return call()
    except (OSError, WireError, DeadlineExceeded) as error:
        raise StepError(step, _reason(error), hint) from None


def _reason(error: Exception) -> str:
    """What went wrong, without secrets."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"{(error.reason or 'no TLS at the other end').lower().replace('_', ' ')}"
    if isinstance(error, DeadlineExceeded | TimeoutError):
        return "no answer in time"
    if isinstance(error, WireError):
        return str(error)
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return type(error).__name__


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    if not host:
        host, port = server, "9092"
    if not port.isdigit() or not 0 < int(port) < 65_536:
        raise ConfigurationError(f"{server!r} is not host:port", hint="for instance 127.0.0.1:9092")
    return host.strip("[]"), int(port)
