"""The TCP side: frames come in, responses go out, and each connection has one request at work.

A connection that sends something else than a request (a frame of an impossible size, bytes that do not decode, an
unknown API or version) is closed, with one line in the log. The others do not notice.
"""

import asyncio
import inspect
import select
import struct
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog
from kafka.protocol.producer import ProduceRequest

from consumers.broker.api.call import Call
from consumers.broker.api.nulls import first_null
from consumers.broker.api.produce_size import MAX_PARTITIONS, has_too_many_partitions
from consumers.broker.api.table import API_VERSIONS_KEY, APIS, Api, api_versions
from consumers.broker.broker import Broker
from consumers.broker.codes import Code
from consumers.broker.frames import BUFFER_BYTES, PREFIX, BadRequestError, Frames
from consumers.broker.room import Lease, Room

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_LOOK_EVERY_S = 1.0
"""How often it is looked whether the client of a request that waits has gone."""

_UNDECODABLE = (ValueError, TypeError, IndexError, KeyError, struct.error, OverflowError, EOFError, RuntimeError)
"""What kafka-python's decoders raise for bytes that are not a request."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients can make the broker hold, and for how long."""

    frames_bytes: int = 256 * 1024 * 1024
    """Of large requests that are being read, on all connections. One request may go beyond it."""
    responses_bytes: int = 256 * 1024 * 1024
    """Of large responses that clients have not read yet, on all connections."""
    connections: int = 1000
    """Each may hold a request of 64 KiB and some buffers beside what is shared."""
    stalled_s: float = 30.0
    """How long a client may take to send a request, from its first byte, or to read a response."""


class Server:
    """Serves one broker on one loopback port."""

    def __init__(self, broker: Broker, limits: Limits = Limits()) -> None:
        self._broker = broker
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._frames = Frames(Room(limits.frames_bytes), limits.stalled_s)
        self._responses = Room(limits.responses_bytes)

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=BUFFER_BYTES, backlog=256)
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
            if len(self._connections) > self._limits.connections:
                raise BadRequestError(f"there are {self._limits.connections} connections already")
            await self._serve(reader, writer, f"/{peer[0]}")
        except BadRequestError as error:
            _log.warning("connection_refused", peer_port=peer[1], reason=str(error))
        except TimeoutError:
            _log.warning("connection_stalled", peer_port=peer[1], after_s=self._limits.stalled_s)
            writer.transport.abort()  # what it has not read goes, too
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        except asyncio.CancelledError:
            pass  # the broker stops; a task of asyncio.start_server that ends cancelled would be reported as an error
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        lease = Lease(self._responses)
        has_gone = partial(_has_gone, writer)
        try:
            while True:
                response = await self._answer(await self._frames.read(reader), host, lease, has_gone)
                if response is not None:
                    writer.write(response)
                    del response
                    async with asyncio.timeout(self._limits.stalled_s):
                        await writer.drain()
                lease.release()
        finally:
            lease.release()

    async def _answer(self, frame: bytes, host: str, lease: Lease, has_gone: Callable[[], bool]) -> bytes | None:
        """The framed response; None for a request that wants none. Raises BadRequestError."""
        key, version, correlation_id = PREFIX.unpack_from(frame)
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
        is_large = len(frame) > BUFFER_BYTES
        request = await _do(partial(_decode, api, frame, version), is_long=is_large)
        del frame  # the handler may wait for long
        call = Call(request, version, request.header.client_id or "", host, lease)
        _log.debug("request", api=api.request.name, version=version, client_id=call.client_id)
        response = await self._handle(api, call, has_gone)
        if response is None:
            return None
        encode = partial(_encode, response, version, correlation_id)
        encoded = await _do(encode, is_long=is_large or (api.takes_long_to_encode and lease.held > BUFFER_BYTES))
        lease.shrink(len(encoded))
        # Not to be waited for: meanwhile, the response would be in memory.
        if not lease.held and len(encoded) > BUFFER_BYTES and not lease.take_now(len(encoded)):
            raise BadRequestError(f"no room for a response of {len(encoded)} bytes: clients do not read theirs")
        return encoded

    async def _handle(self, api: Api, call: Call, has_gone: Callable[[], bool]) -> Any:
        try:
            response = api.handler(self._broker, call)
            return await _unless(has_gone, response) if inspect.isawaitable(response) else response
        except ConnectionError:
            raise  # the client has left
        except OSError as error:  # a full disk, most likely
            raise BadRequestError(f"{api.request.name} failed: {error}") from error
        except Exception as error:  # one request must not stop the broker
            place = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{place.filename}:{place.lineno}"
            _log.error("handler_failed", api=api.request.name, error=type(error).__name__, at=at)
            raise BadRequestError(f"{api.request.name} could not be answered") from error


def _decode(api: Api, frame: bytes, version: int) -> Any:
    try:
        if api.request is ProduceRequest and has_too_many_partitions(frame, version):
            raise BadRequestError(f"{api.request.name} has more than {MAX_PARTITIONS} partitions")
        request = api.request.decode(frame, version=version, header=True)
        null = first_null(request, version)
    except _UNDECODABLE as error:
        raise BadRequestError(f"{api.request.name} version {version} does not decode") from error
    if null is not None:
        raise BadRequestError(f"{api.request.name} version {version} has no {null}")
    return request


async def _do(work: Callable[[], T], *, is_long: bool) -> T:
    """Long work is done in a thread: other connections are served meanwhile."""
    return await asyncio.to_thread(work) if is_long else work()


async def _unless(has_gone: Callable[[], bool], awaitable: Awaitable[T]) -> T:
    """Await the answer to a client. If the client leaves first, cancels it and raises ConnectionError."""
    answer = asyncio.ensure_future(awaitable)
    try:
        while not (await asyncio.wait((answer,), timeout=_LOOK_EVERY_S))[0]:
            if has_gone():
                raise ConnectionError("the client has gone")
        return answer.result()
    finally:
        answer.cancel()
        await asyncio.wait((answer,))


def _has_gone(writer: asyncio.StreamWriter) -> bool:
    """Whether the client of a request that waits has hung up.

    The reader does not know while bytes of further requests wait in front. If these are so many that no more are read,
    nobody could know, so that counts as gone.
    """
    fd, transport = writer.get_extra_info("socket").fileno(), writer.transport
    if fd < 0 or not (isinstance(transport, asyncio.Transport) and transport.is_reading()):
        return True
    poller = select.poll()
    poller.register(fd, select.POLLRDHUP)
    return bool(poller.poll(0))


def _encode(response: Any, version: int, correlation_id: int) -> bytes:
    response.API_VERSION = version
    response.with_header(correlation_id=correlation_id)
    encoded: bytes = response.encode(header=True, framed=True)
    return encoded
