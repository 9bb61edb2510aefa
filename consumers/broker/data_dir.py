"""The data folder: one broker at a time has it, and a temporary one does not outlive its broker.

The broker marks a folder as its own by the file `cluster-id`. It refuses any other folder that is not empty.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import structlog

from sentiment.durable import replace_file

_log = structlog.get_logger(__name__)

JOURNAL = "state.journal"
TOPICS = "topics"
_LOCK = ".lock"
_MARKER = "cluster-id"
_MARK = re.compile(rb"dev-[0-9a-f]{18}\s*")
_TEMPORARY = ".temporary"
_PREFIX = "sentiment-broker-"
_LOGS = f"*-*/{'[0-9]' * 20}.log"
_WITHOUT_DATA = frozenset({_LOCK, _TEMPORARY, "lost+found"})
"""What a folder may hold that has never had a broker; the last is in the root of a mounted disk."""


class DataDirError(Exception):
    """The broker cannot work on this folder; it has changed nothing in it. `hint` says what to do."""

    hint: str | None = None


class DataDirInUseError(DataDirError):
    """Another broker has the data folder open."""


class ForeignDataDirError(DataDirError):
    """The folder holds something, and no broker has marked it as its own."""

    hint = "name an empty or a new folder; if a broker made this one and lost its files, start with --rebuild-journal"


class DamagedJournalError(DataDirError):
    """The journal is missing, or does not say what it said when it was written."""

    hint = (
        "restore it from a backup, or start once with --rebuild-journal: it keeps a copy, the sound lines and all"
        " records; group offsets and topic settings in damaged lines are lost"
    )


def check_ours(data_dir: Path, *, rebuild: bool) -> None:
    """Refuse a folder that no broker has marked, and one without its journal. Writes nothing.

    With `rebuild`, a folder with logs in it is accepted without a mark and without a journal.

    Raises:
        ForeignDataDirError: see there.
        DamagedJournalError: the folder is the broker's and its journal is missing.
        OSError: the folder cannot be read.
    """
    journal = data_dir / JOURNAL
    marked, has_journal = _is_marked(data_dir), journal.is_file()
    if rebuild and (marked or any((data_dir / TOPICS).glob(_LOGS))):
        return
    if marked and not has_journal:
        raise DamagedJournalError(f"{data_dir} has no {JOURNAL}")
    without_data = _WITHOUT_DATA | ({JOURNAL} if has_journal and not journal.stat().st_size else set())
    if not marked and any(path.name not in without_data for path in data_dir.iterdir()):
        raise ForeignDataDirError(f"{data_dir} is not empty, and it is not the data folder of a development broker")


def _is_marked(data_dir: Path) -> bool:
    marker = data_dir / _MARKER
    return marker.is_file() and _MARK.fullmatch(marker.read_bytes()) is not None


def mark(data_dir: Path) -> str:
    """Mark the folder as the broker's and return the cluster id: made once, because clients tell clusters by it."""
    path = data_dir / _MARKER
    if not _is_marked(data_dir):
        replace_file(path, f"dev-{uuid.uuid4().hex[:18]}".encode())
    return path.read_text().strip()


def lock(data_dir: Path) -> int:
    """Keep other brokers out until the returned descriptor is closed. Raises DataDirInUseError, OSError."""
    fd = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
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
        (Path(temporary) / _TEMPORARY).touch()
        yield Path(temporary)


def _sweep(parent: Path) -> None:
    """Remove what is marked as temporary. A folder of `--data-dir` may have such a name too; it stays."""
    for marker in parent.glob(f"{_PREFIX}*/{_TEMPORARY}"):
        left = marker.parent
        with contextlib.suppress(DataDirInUseError, OSError):  # its broker runs, or it is somebody else's
            if left.is_symlink() or left.stat().st_uid != os.getuid():
                continue
            fd = lock(left)
            try:
                shutil.rmtree(left)
            finally:
                os.close(fd)
