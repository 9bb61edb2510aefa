"""Files that commands write: looked at before the work, written whole at its end.

A regular file is replaced by a complete one. A link stays, and its target is written. A pipe or a character device is
written to: renaming a file over it would remove it, and its reader would wait for ever. `-` is standard output.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from sentiment.durable import put_in_place
from sentiment.errors import InputError

STDOUT = "-"

_MAX_LINKS = 40  # as the kernel allows
_DESCRIPTORS = Path("/dev/fd")
_REFUSED = {stat.S_IFDIR: "a directory", stat.S_IFBLK: "a block device", stat.S_IFSOCK: "a socket"}


@dataclass(frozen=True, slots=True)
class Output:
    """A file to write, from `find_output`.

    `name` is what the user typed. `path` is where links lead, None for standard output. `regular` is false for what
    cannot be read back: standard output, pipes and devices. `in_place`: a new file must not, or cannot, take its place.
    """

    name: str
    path: Path | None
    regular: bool
    in_place: bool

    @property
    def is_stdout(self) -> bool:
        """Whether this is standard output."""
        return self.path is None

    @property
    def exists(self) -> bool:
        """Whether writing would replace a file's content."""
        return self.regular and self.path is not None and self.path.exists()

    def write(self, content: bytes) -> None:
        """Write `content`. A file that is not written in place gets all of it or nothing. Raises InputError."""
        with self._writing():
            if self.in_place:
                with self._open() as file:
                    file.write(content)
                return
            written = self.begin()
            try:
                written.write_bytes(content)
                self.put(written)
            finally:
                written.unlink(missing_ok=True)

    def begin(self) -> Path:
        """Create an empty file to write to and then `put`. Raises InputError."""
        if self.in_place or self.path is None:
            handle, name = tempfile.mkstemp(prefix="sentiment-")
            os.close(handle)
            return Path(name)
        written = self.path.with_name(f".{self.path.name}-{uuid.uuid4().hex}")
        with self._writing():
            written.touch(exist_ok=False)
        return written

    def put(self, written: Path) -> None:
        """Make `written`, a closed file, the content. It is moved, or copied and removed. Raises InputError."""
        with self._writing():
            if self.path is not None and not self.in_place:
                if self.path.exists():
                    written.chmod(stat.S_IMODE(self.path.stat().st_mode))
                put_in_place(written, self.path)
                return
            with written.open("rb") as source, self._open() as file:
                shutil.copyfileobj(source, file)
            written.unlink()

    def clear(self) -> None:
        """Remove what was written: a file that must keep its place becomes empty, a pipe or a device stays."""
        if self.path is None or not self.regular:
            return
        with self._writing(), suppress(FileNotFoundError):
            if self.in_place or self.path != Path(self.name):
                os.truncate(self.path, 0)
            else:
                self.path.unlink()

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """The output itself, open for writing from its start."""
        if self.path is None:
            sys.stdout.flush()
            yield cast("BinaryIO", sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        inherited = self.path.parent == _DESCRIPTORS
        # Another process may have written to the same descriptor: opened anew, a file would start again.
        with os.fdopen(os.dup(int(self.path.name)), "wb") if inherited else self.path.open("wb") as file:
            yield file
            file.flush()
            if self.regular:
                os.fsync(file.fileno())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise  # its reader has seen enough, as with `| head`
        except OSError as error:
            raise InputError(f"{self.name} cannot be written: {error.strerror}") from None


def find_output(argument: str | Path) -> Output:
    """Return the output that an argument of the command line names; `-` is standard output.

    Raises:
        InputError: it cannot be written: its folder is missing, a permission is, links lead in a circle, or it is a
            directory, a block device or a socket.
    """
    name = str(argument)
    if name == STDOUT:
        return Output(name, None, regular=False, in_place=True)
    path = _follow(Path(name), name)
    if path.parent == _DESCRIPTORS:
        _require_descriptor(int(path.name), name)
        return Output(name, None if path.name == "1" else path, regular=False, in_place=True)
    found = _look(path, name)
    if found is not None and (refused := _REFUSED.get(stat.S_IFMT(found.st_mode))):
        raise InputError(f"{name} is {refused}", hint="name a file, or - for standard output")
    regular = found is None or stat.S_ISREG(found.st_mode)
    # A new file would break hard links.
    replaceable = regular and (found is None or found.st_nlink == 1) and os.access(path.parent, os.W_OK)
    if not replaceable and not os.access(path, os.W_OK):
        raise InputError(f"{name} cannot be written: permission denied")
    return Output(name, path, regular, in_place=not replaceable)


def find_folder(path: Path) -> Path:
    """Return where the links of a folder's name lead, whether it exists or not. Raises InputError for a circle."""
    return _follow(path, str(path))


def ending_of(output: Output, endings: Sequence[str], what: str) -> str:
    """Return the ending of the output's name, in lower case, which tells its format.

    A pipe or a device without an ending gets the first of the `endings`. Raises InputError for any other ending; `what`
    says what the file is.
    """
    ending = Path(output.name).suffix.lower()
    if not ending and not output.regular:
        return endings[0]
    if ending not in endings:
        raise InputError(f"{output.name} is not a name for {what}", hint=f"it must end with {' or '.join(endings)}")
    return ending


def refuse_clashes(outputs: Iterable[Output], inputs: Iterable[Path] = ()) -> None:
    """Raise InputError if two of the `outputs` are one file, or if one of them is an input.

    A character device takes what it gets, so it can be named twice.
    """
    seen: dict[object, str] = {}
    for output in outputs:
        key = _identity(output.path)
        if key is None:
            continue
        if key in seen:
            both = f"{seen[key]} and {output.name}" if seen[key] != output.name else output.name
            raise InputError(f"two outputs are the same file: {both}", hint="give each a name of its own")
        seen[key] = output.name
    for given in inputs:
        if str(given) != STDOUT and (name := seen.get(_identity(given))) is not None:
            raise InputError(f"the output {name} would overwrite the input {given}", hint="name another file")


def _follow(path: Path, name: str) -> Path:
    """Where the links of `path` lead, without a look at its folder; a descriptor becomes `/dev/fd/N`."""
    for _ in range(_MAX_LINKS):
        folder = os.path.realpath(path.parent)
        if folder in {os.path.realpath("/proc/self/fd"), str(_DESCRIPTORS)} and path.name.isdecimal():
            return _DESCRIPTORS / path.name
        if not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise InputError(f"{name} cannot be written: its links lead in a circle")


def _require_descriptor(number: int, name: str) -> None:
    try:
        flags = fcntl.fcntl(number, fcntl.F_GETFL)
    except OSError:
        flags = os.O_RDONLY
    if flags & os.O_ACCMODE == os.O_RDONLY:
        raise InputError(f"{name} cannot be written: it is not open for writing")


def _look(path: Path, name: str) -> os.stat_result | None:
    """What is there; None for a file to be created."""
    try:
        return path.stat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise InputError(f"the folder of {name} does not exist", hint="create it, or choose another name") from None
        return None
    except OSError as error:
        raise InputError(f"{name} cannot be written: {error.strerror}") from None


def _identity(path: Path | None) -> object:
    """What two names of one file have in common; None for a character device."""
    if path is None:
        return STDOUT
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return None if stat.S_ISCHR(found.st_mode) else (found.st_dev, found.st_ino)
