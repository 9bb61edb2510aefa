"""The TCP side: frames come in, responses go out, and each connection has one request at work.

A connection that sends something else than a request (a frame of an impossible size, bytes that do not decode, an
unknown API or version) is closed, with one line in the log. The others do not notice.
"""

import asyncio
import inspect
import struct
import traceback
from collections.abc import Callable
from typing import Any

import structlog

from consumers.broker.api.call import Call
from consumers.broker.api.table import API_VERSIONS_KEY, APIS, Api, api_versions
from consumers.broker.broker import Broker
from consumers.broker.codes import Code
from consumers.broker.room import Lease, Room

_log = structlog.get_logger(__name__)

MAX_REQUEST_BYTES = 64 * 1024 * 1024
_PREFIX = struct.Struct(">hhi")  # API key, API version, correlation id
_BUFFER_BYTES = 1 << 20
_SMALL_BYTES = 1 << 16
"""Frames up to this size are read without asking for room."""

FRAMES_BYTES = 256 * 1024 * 1024
"""Of larger frames that are being read, on all connections."""

RESPONSES_BYTES = 256 * 1024 * 1024
"""Of records in responses that clients have not read yet, on all connections."""

STALLED_S = 30.0
"""How long a client may take to send the rest of a larger frame, or to read a response."""

_UNDECODABLE = (ValueError, TypeError, IndexError, KeyError, struct.error, OverflowError, EOFError, RuntimeError)
"""What kafka-python's decoders raise for bytes that are not a request."""


class BadRequestError(Exception):
    """The connection cannot go on."""


class Server:
    """Serves one broker on one loopback port."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.frames = Room(FRAMES_BYTES)
        self.responses = Room(RESPONSES_BYTES)

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=_BUFFER_BYTES, backlog=256)
        self._broker.address = (host, self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served by a task")
        self._connections.add(task)
        peer = writer.get_extra_info("peername") or ("unknown", 0)
        try:
            await self._serve(reader, writer, f"/{peer[0]}")
        except BadRequestError as error:
            _log.warning("connection_refused", peer_port=peer[1], reason=str(error))
        except TimeoutError:
            _log.warning("connection_stalled", peer_port=peer[1], after_s=STALLED_S)
            writer.transport.abort()  # what it has not read goes, too
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        except asyncio.CancelledError:
            pass  # the broker stops; a task of asyncio.start_server that ends cancelled would be reported as an error
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        lease = Lease(self.responses)
        try:
            while True:
                frame = await self._frame(reader)
                response = await self._answer(frame, host, lease, reader.at_eof)
                if response is not None:
                    writer.write(response)
                    del response
                    async with asyncio.timeout(STALLED_S):
                        await writer.drain()
                lease.release()
        finally:
            lease.release()

    async def _frame(self, reader: asyncio.StreamReader) -> bytes:
        """The next request. A large one is read when there is room for it, and then its client must not stall."""
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        if not _PREFIX.size <= size <= MAX_REQUEST_BYTES:
            raise BadRequestError(f"the frame has {size} bytes, allowed are {_PREFIX.size} to {MAX_REQUEST_BYTES}")
        if size <= _SMALL_BYTES:
            return await reader.readexactly(size)
        lease = Lease(self.frames)
        await lease.take(size)
        try:
            async with asyncio.timeout(STALLED_S):
                return await reader.readexactly(size)
        finally:
            lease.release()

    async def _answer(self, frame: bytes, host: str, lease: Lease, has_gone: Callable[[], bool]) -> bytes | None:
        """The framed response; None for a request that wants none. Raises BadRequestError."""
        key, version, correlation_id = _PREFIX.unpack_from(frame)
        api = APIS.get(key)
        if api is None:
            raise BadRequestError(f"the development broker does not answer API {key}")
        if not api.min_version <= version <= api.max_version:
            if key != API_VERSIONS_KEY:
                supported = f"{api.min_version} to {api.max_version}"
                raise BadRequestError(f"{api.request.name} version {version} is not supported, only {supported}")
            # A newer client: it reads the list in the oldest format and asks again (KIP-511).
            refused = api_versions(None, None)
            refused.error_code = Code.UNSUPPORTED_VERSION
            return _encode(refused, 0, correlation_id)
        try:
            request = api.request.decode(frame, version=version, header=True)
        except _UNDECODABLE as error:
            raise BadRequestError(f"{api.request.name} version {version} does not decode") from error
        call = Call(request, version, request.header.client_id or "", host, lease, has_gone)
        _log.debug("request", api=api.request.name, version=version, client_id=call.client_id)
        response = await self._handle(api, call)
        return None if response is None else _encode(response, version, correlation_id)

    async def _handle(self, api: Api, call: Call) -> Any:
        try:
            response = api.handler(self._broker, call)
            return await response if inspect.isawaitable(response) else response
        except OSError as error:  # a full disk, most likely
            raise BadRequestError(f"{api.request.name} failed: {error}") from error
        except Exception as error:  # one request must not stop the broker
            place = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{place.filename}:{place.lineno}"
            _log.error("handler_failed", api=api.request.name, error=type(error).__name__, at=at)
            raise BadRequestError(f"{api.request.name} could not be answered") from error


def _encode(response: Any, version: int, correlation_id: int) -> bytes:
    response.API_VERSION = version
    response.with_header(correlation_id=correlation_id)
    encoded: bytes = response.encode(header=True, framed=True)
    return encoded
