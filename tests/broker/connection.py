"""A plain socket to a broker: single requests and their responses, or bytes that are neither."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import kafka.protocol.admin
import kafka.protocol.consumer
import kafka.protocol.metadata
import kafka.protocol.producer

from tests.waiting import WITHIN_S, wait_until

_COORDINATOR_NOT_READY = (14, 15, 16, 51)
_MODULES = (kafka.protocol.admin, kafka.protocol.consumer, kafka.protocol.metadata, kafka.protocol.producer)


class Connection:
    """One connection to a broker."""

    def __init__(self, bootstrap: str) -> None:
        host, port = bootstrap.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=WITHIN_S)
        self._correlation_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def send_bytes(self, data: bytes) -> None:
        """Send any bytes, a request or not."""
        self._socket.sendall(data)

    def finish(self) -> None:
        """Say that nothing more will be sent."""
        with contextlib.suppress(OSError):  # the broker may have closed the connection
            self._socket.shutdown(socket.SHUT_WR)

    def drain(self) -> bytes:
        """Everything that comes until the broker closes the connection."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while part := self._socket.recv(65536):
                received += part
        return received

    def send(self, request: Any, version: int) -> None:
        """Send one request; `receive` gets its response."""
        self._correlation_id += 1
        request.API_VERSION = version
        request.with_header(correlation_id=self._correlation_id, client_id="wire")
        self._socket.sendall(request.encode(header=True, framed=True))

    def receive(self, request: Any, version: int) -> Any:
        """The response to the oldest request that has none yet."""
        (size,) = struct.unpack(">i", self._exactly(4))
        name = type(request).__name__.split("_")[0].replace("Request", "Response")
        response = next(getattr(module, name) for module in _MODULES if hasattr(module, name))
        return response.decode(self._exactly(size), version=version, header=True)

    def ask(self, request: Any, version: int) -> Any:
        """Send a request and wait for its response."""
        self.send(request, version)
        return self.receive(request, version)

    def ask_coordinator(self, request: Any, version: int, code: Callable[[Any], int]) -> Any:
        """Like `ask`, repeated while the coordinator loads or is busy with the last transaction."""
        responses = []

        def answered() -> bool:
            responses.append(self.ask(request, version))
            return code(responses[-1]) not in _COORDINATOR_NOT_READY

        wait_until(answered, lambda: f"a coordinator that is ready; the last error code was {code(responses[-1])}")
        return responses[-1]

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data
