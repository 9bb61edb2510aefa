"""The data folder: one broker at a time has it, and a temporary one does not outlive its broker."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_LOCK = ".lock"
_PREFIX = "sentiment-broker-"


class DataDirInUseError(Exception):
    """Another broker has the data folder open."""


def lock(data_dir: Path) -> int:
    """Keep other brokers out until the returned descriptor is closed. Raises DataDirInUseError, OSError."""
    fd = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise DataDirInUseError(f"{data_dir} is in use by another broker") from None
    return fd


@contextlib.contextmanager
def temporary_data_dir() -> Iterator[Path]:
    """A folder that is removed at the end. Those that killed brokers left are removed first: they hold feedback."""
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(DataDirInUseError, OSError):  # its broker runs, or it is somebody else's
            fd = lock(left.parent)
            try:
                shutil.rmtree(left.parent)
            finally:
                os.close(fd)
