"""A budget of bytes that all connections share, so that many clients together cannot fill the memory."""

import asyncio
import contextlib


class Room:
    """So many bytes for everybody. Who needs more than is left waits, first come, first served.

    One at a time may be `beyond` the budget: if many hold a part and need more, that one gets to its end and gives
    back what it holds.
    """

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self.left = n_bytes
        self.beyond: Lease | None = None
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def take(self, n_bytes: int) -> None:
        """Wait until there are `n_bytes`, and take them. Nobody can take more than there are in all."""
        async with self._turn:
            while self.left < n_bytes:
                await self._something_freed()
            self.left -= n_bytes

    async def take_or_go_beyond(self, lease: "Lease", n_bytes: int) -> bool:
        """Like `take`, but also ends, with False, when `lease` may go beyond the budget."""
        async with self._turn:
            while self.left < n_bytes:
                if self.beyond is None:
                    self.beyond = lease
                    return False
                await self._something_freed()
            self.left -= n_bytes
            return True

    async def _something_freed(self) -> None:
        self._freed.clear()
        await self._freed.wait()

    def give_back(self, n_bytes: int) -> None:
        """Return bytes that were taken."""
        self.left += n_bytes
        self._freed.set()

    def come_back(self, lease: "Lease") -> None:
        """Let somebody else go beyond the budget, if `lease` did."""
        if self.beyond is lease:
            self.beyond = None
            self._freed.set()


class Lease:
    """What one connection holds of a room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.held = 0

    async def take(self, n_bytes: int) -> None:
        """Hold `n_bytes` instead of what was held before; waits for them."""
        self.release()
        n_bytes = min(n_bytes, self._room.n_bytes)
        await self._room.take(n_bytes)
        self.held = n_bytes

    def take_now(self, n_bytes: int) -> bool:
        """Hold `n_bytes` instead of what was held before, unless that means to wait. Returns whether they are held."""
        self.release()
        if self._room.left < n_bytes:
            return False
        self._room.left -= n_bytes
        self.held = n_bytes
        return True

    async def take_within(self, n_bytes: int, within_s: float) -> bool:
        """Like `take`, but gives up after a time. Returns whether the bytes are held."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.take(n_bytes)
                return True
        return False

    async def grow(self, n_bytes: int) -> bool:
        """Hold `n_bytes` more; waits for them, or until this is the one lease beyond the budget.

        Returns whether it went beyond. From then on it grows as it likes.
        """
        if self._room.beyond is self:
            return False
        if not await self._room.take_or_go_beyond(self, n_bytes):
            return True
        self.held += n_bytes
        return False

    def shrink(self, n_bytes: int) -> None:
        """Hold no more than `n_bytes` from now on."""
        if n_bytes < self.held:
            self._room.give_back(self.held - n_bytes)
            self.held = n_bytes

    def release(self) -> None:
        """Hold nothing."""
        self.shrink(0)
        self._room.come_back(self)
