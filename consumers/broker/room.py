"""A budget of bytes that all connections share, so that many clients together cannot fill the memory."""

import asyncio


class Room:
    """So many bytes for everybody. Who needs more than is left waits, first come, first served."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self.left = n_bytes
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def take(self, n_bytes: int) -> None:
        """Wait until there are `n_bytes`, and take them. Nobody can take more than there are in all."""
        async with self._turn:
            while self.left < n_bytes:
                self._freed.clear()
                await self._freed.wait()
            self.left -= n_bytes

    def give_back(self, n_bytes: int) -> None:
        """Return bytes that were taken."""
        self.left += n_bytes
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

    def shrink(self, n_bytes: int) -> None:
        """Hold no more than `n_bytes` from now on."""
        if n_bytes < self.held:
            self._room.give_back(self.held - n_bytes)
            self.held = n_bytes

    def release(self) -> None:
        """Hold nothing."""
        self.shrink(0)
