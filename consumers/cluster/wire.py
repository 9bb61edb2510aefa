"""Just enough of the Kafka protocol on a plain socket to ask for versions and brokers, and to authenticate.

The encoding and the SASL mechanisms are kafka-python's.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from kafka.errors import IncompatibleBrokerVersion, KafkaError, NoError, UnsupportedVersionError, for_code

from consumers.cluster.client_internals import (
    ApiVersionsRequest,
    BrokerVersionData,
    KafkaProtocol,
    MetadataRequest,
    SaslAuthenticateRequest,
    SaslHandshakeRequest,
    get_sasl_mechanism,
)

_OLDEST = (2, 5)


class WireError(Exception):
    """The server gave a wrong answer or none; the message is safe to show."""


class WireConnection:
    """One request at a time over a connected blocking socket, until `deadline` (monotonic time)."""

    def __init__(self, connection: socket.socket, *, client_id: str, deadline: float) -> None:
        self._socket = connection
        self._protocol = KafkaProtocol(client_id=client_id)
        self._deadline = deadline
        self._versions: BrokerVersionData | None = None

    def api_versions(self) -> None:
        """Ask which requests the broker supports. Raises WireError, also for a broker older than Kafka 2.5."""
        for version in (ApiVersionsRequest.max_version, 0):
            answer = self._ask(
                ApiVersionsRequest(version=version, client_software_name="sentiment", client_software_version="1")
            )
            if answer.error_code == NoError.errno:
                break
            if for_code(answer.error_code) is not UnsupportedVersionError:
                raise WireError(f"the broker answered {for_code(answer.error_code).__name__}")
        keys = {each.api_key: (each.min_version, each.max_version) for each in answer.api_keys}
        self._versions = BrokerVersionData(api_versions=keys)
        if self._versions.broker_version < _OLDEST:
            raise WireError(f"the broker is Kafka {self._versions.broker_version_str}; the oldest supported is 2.5")

    def authenticate(self, host: str, options: dict[str, Any]) -> None:
        """Log in with SASL, after `api_versions`. Raises WireError."""
        name = options["sasl_mechanism"]
        answer = self._ask(SaslHandshakeRequest(mechanism=name, max_version=1))
        if name not in answer.mechanisms:
            raise WireError(
                f"the broker does not offer {name}, only {', '.join(sorted(answer.mechanisms)) or 'nothing'}"
            )
        mechanism = get_sasl_mechanism(name)(host=host, **options)
        while not mechanism.is_done():
            answer = self._ask(SaslAuthenticateRequest(mechanism.auth_bytes()))
            if answer.error_code != NoError.errno:
                raise WireError(f"user name or password is wrong ({for_code(answer.error_code).__name__})")
            try:
                mechanism.receive(answer.auth_bytes)
            except (ValueError, KeyError):
                raise WireError("the broker's proof of the password is wrong") from None

    def brokers(self) -> list[str]:
        """The address (`host:port`) that each broker advertises to clients. Call it last. Raises WireError."""
        answer = self._ask(MetadataRequest(topics=[], allow_auto_topic_creation=False))
        return [
            f"[{each.host}]:{each.port}" if ":" in each.host else f"{each.host}:{each.port}" for each in answer.brokers
        ]

    def _ask(self, request: Any) -> Any:
        if request.API_VERSION is None and self._versions is not None:
            try:
                request.API_VERSION = self._versions.api_version(request)
            except IncompatibleBrokerVersion:
                raise WireError("the broker does not know this request") from None
        self._protocol.send_request(request)
        self._socket.settimeout(self._left())
        self._socket.sendall(self._protocol.send_bytes())
        while True:
            self._socket.settimeout(self._left())
            data = self._socket.recv(65_536)
            if not data:
                raise WireError("the server closed the connection")
            try:
                answers = self._protocol.receive_bytes(data)
            except (KafkaError, ValueError, IndexError):
                raise WireError("the answer is not Kafka's protocol") from None
            if answers:
                return answers[0][1]

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise WireError("no answer in time")
        return left
