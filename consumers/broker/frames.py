"""Reads requests from connections: four bytes that say how long it is, then the request.

What a client announces costs nothing. Memory is taken as the bytes come, from one room for all connections, and a
client that does not get to the end of its request in time is cut off.
"""

import asyncio
import struct
from dataclasses import dataclass

from kafka.protocol.producer import ProduceRequest

from consumers.broker.room import Lease, Room

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""Of a Produce request, which brings records."""
MAX_OTHER_BYTES = 2 * 1024 * 1024
"""Of all other requests. Their many small parts take a multiple of that in memory, and some time each."""

PREFIX = struct.Struct(">hhi")
"""How every request begins: API key, API version, correlation id."""

BUFFER_BYTES = 1 << 16
"""Requests up to this size take no room, so they never wait for large ones."""


class BadRequestError(Exception):
    """The connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Reads from many connections. A request has to be there `within_s` seconds after its first byte.

    Waiting for room counts, too: so whatever fills the room is gone after that time. Who goes beyond the room has a
    tenth of it: others wait for that place.
    """

    room: Room
    within_s: float

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next request. Between two requests a client may be silent for as long as it likes.

        Raises:
            BadRequestError: no request has this length.
            TimeoutError: the request did not come to its end in time.
            IncompleteReadError: the client has gone.
        """
        first = await reader.readexactly(1)
        async with asyncio.timeout(self.within_s) as limit:
            (size,) = struct.unpack(">i", first + await reader.readexactly(3))
            if not PREFIX.size <= size <= MAX_REQUEST_BYTES:
                raise BadRequestError(f"the frame has {size} bytes, allowed are {PREFIX.size} to {MAX_REQUEST_BYTES}")
            start = await reader.readexactly(2)
            (key,) = struct.unpack(">h", start)
            if key != ProduceRequest.API_KEY and size > MAX_OTHER_BYTES:
                raise BadRequestError(f"the request of API {key} has {size} bytes, allowed are {MAX_OTHER_BYTES}")
            lease = Lease(self.room)
            try:
                return await self._rest(reader, start, size, lease, limit)
            finally:
                lease.release()

    async def _rest(
        self, reader: asyncio.StreamReader, start: bytes, size: int, lease: Lease, limit: asyncio.Timeout
    ) -> bytes:
        parts, missing = [start], size - len(start)
        while missing:
            part = await reader.read(missing)
            if not part:
                raise asyncio.IncompleteReadError(b"", size)
            parts.append(part)
            missing -= len(part)
            if size > BUFFER_BYTES and await lease.grow(len(part)):
                soon_s = asyncio.get_running_loop().time() + self.within_s / 10
                limit.reschedule(min(soon_s, limit.when() or soon_s))
        return b"".join(parts)
