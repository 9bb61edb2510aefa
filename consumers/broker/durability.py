"""When written bytes are forced to the disk.

Under every policy a write reaches the operating system before it is acknowledged, so it survives a `kill -9` of the
broker. The policies differ in what a power cut or a kernel crash can lose:

- `always`: nothing that was acknowledged. Every write waits for the disk: hundreds of writes per second, not thousands.
- `interval` (default): at most the last second.
- `never`: what the operating system had not written yet, usually up to half a minute. This is Apache Kafka's default;
  it relies on replicas instead.
"""

import asyncio
import contextlib
import os
from enum import StrEnum
from typing import Protocol

INTERVAL_S = 1.0


class FsyncPolicy(StrEnum):
    """The values of `--fsync`."""

    ALWAYS = "always"
    INTERVAL = "interval"
    NEVER = "never"


class OpenFile(Protocol):
    """A file that may be closed before it is flushed."""

    @property
    def fd(self) -> int | None:
        """The descriptor, None once closed. Call `Flusher.closing` before closing the file."""


class Flusher:
    """Applies one policy to all files of a broker."""

    def __init__(self, policy: FsyncPolicy) -> None:
        self.policy = policy
        self._dirty: set[OpenFile] = set()

    def append(self, file: OpenFile, data: bytes, size: int) -> None:
        """Write `data` at the end of a file of `size` bytes. Under `always`, waits for the disk.

        Raises OSError (full disk); the file is then as it was.
        """
        fd = file.fd
        if fd is None:
            raise ValueError("the file is not open")
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(fd, view) :]
            if self.policy is FsyncPolicy.ALWAYS:
                os.fsync(fd)
        except OSError:
            os.ftruncate(fd, size)
            raise
        if self.policy is FsyncPolicy.INTERVAL:
            self._dirty.add(file)

    def closing(self, file: OpenFile) -> None:
        """Call before closing a written file. Under `interval`, waits for the disk if something is not flushed."""
        if file in self._dirty:
            self._dirty.discard(file)
            if file.fd is not None:
                os.fsync(file.fd)

    def forget(self, file: OpenFile) -> None:
        """Call instead of `closing` for a file that is about to be deleted."""
        self._dirty.discard(file)

    async def flush(self) -> None:
        """Force everything written so far to the disk, in a thread."""
        # Duplicated descriptors stay valid if the event loop closes the files in the meantime.
        descriptors = [os.dup(file.fd) for file in self._dirty if file.fd is not None]
        self._dirty.clear()
        if descriptors:
            await asyncio.to_thread(_sync_and_close, descriptors)


def _sync_and_close(descriptors: list[int]) -> None:
    with contextlib.ExitStack() as closing:
        for fd in descriptors:
            closing.callback(os.close, fd)
        for fd in descriptors:
            os.fsync(fd)
