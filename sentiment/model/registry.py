"""A model registry: a directory of versions, one of which serves, with an atomic pointer and a history.

    ROOT/versions/NAME-VERSION/   complete model directories, verified by their manifests and never changed
    ROOT/current                  JSON: the version that serves, and those that served before it
    ROOT/history.jsonl            one line per decision, with the measurements; append-only
    ROOT/.lock                    held during a switch

Only the pointer says which version serves. A decision is written to the history before the switch. A crash in between
leaves a line for a switch that did not happen, but never a switch without a line.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sentiment.durable import put_in_place
from sentiment.errors import CheckFailed, InputError, ModelError
from sentiment.events import ModelRef
from sentiment.model.manifest import CONFIG_FILE, MANIFEST_FILE, load_manifest, verify_files
from sentiment.model.registry_files import (
    POINTER_FILE,
    Event,
    Pointer,
    append_event,
    copy_model,
    locked,
    read_history,
    read_pointer,
    version_id,
    write_pointer,
)

Stamp = tuple[int, int, int]

_VERSIONS = "versions"
_STAGING = ".staging-"
_MAX_EARLIER = 50
_ABANDONED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Version:
    """A model in the registry. `id` is the name of its directory, `ref` the identity in its results."""

    id: str
    path: Path
    ref: ModelRef


def is_registry(path: Path) -> bool:
    """Whether `path` is the root of a registry and not a model directory."""
    return (path / _VERSIONS).is_dir() and not any((path / file).is_file() for file in (MANIFEST_FILE, CONFIG_FILE))


class Registry:
    """The registry in `root`. Any number of processes may read while others switch; a lock orders the switches."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._versions = root / _VERSIONS

    def require(self) -> None:
        """Raise ``ModelError`` if `root` is not a registry."""
        if not is_registry(self.root):
            raise ModelError(
                f"{self.root} is not a model registry: it has no folder {_VERSIONS}",
                hint="`sentiment models promote ROOT MODEL --data FILE` makes one",
            )

    def current(self) -> Version | None:
        """The version that serves; None before the first promotion. Raises ``ModelError`` if it is broken."""
        pointer = read_pointer(self.root)
        return None if pointer is None else self._version(pointer.current)

    def promoted(self) -> Version:
        """Like `current`, but raises ``ModelError`` if there is none."""
        version = self.current()
        if version is None:
            raise ModelError(
                f"{self.root} is a model registry without a promoted version",
                hint=f"sentiment models promote {self.root} MODEL --data FILE",
            )
        return version

    def stamp(self) -> Stamp | None:
        """A value that is cheap to read and changes with every switch; None if there is no pointer."""
        try:
            status = (self.root / POINTER_FILE).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def versions(self) -> list[Version]:
        """All versions, sorted by id. Raises ``ModelError`` if a manifest cannot be read."""
        self.require()
        names = sorted(path.name for path in self._versions.iterdir() if path.is_dir())
        return [self._version(name) for name in names if not name.startswith(".")]

    def earlier(self) -> tuple[str, ...]:
        """Ids of the versions that served before, the latest last; a rollback takes the latest."""
        pointer = read_pointer(self.root)
        return () if pointer is None else pointer.earlier

    def history(self) -> list[Event]:
        """All decisions, oldest first."""
        return read_history(self.root)

    @contextmanager
    def staged(self, candidate: Path, *, at: datetime) -> Iterator[Version]:
        """A verified copy of the model directory `candidate` in the registry, which is created if it does not exist.

        The copy becomes a version when `switch_to` is called; otherwise it is removed at the end. Only files that the
        manifest lists are copied.

        Raises:
            ModelError: the candidate has no manifest, or a file is missing or differs from what was exported.
            InputError: the registry cannot be written.
        """
        manifest = load_manifest(candidate)
        self._prepare(at)
        staging = self._versions / f"{_STAGING}{uuid.uuid4().hex}"
        try:
            try:
                copy_model(candidate, staging, manifest)
            except OSError as error:
                raise InputError(f"{candidate} cannot be copied to {self.root}: {error.strerror}") from error
            if load_manifest(staging) != manifest:
                raise ModelError(f"{candidate / MANIFEST_FILE} changed while it was copied", hint="run it again")
            yield Version(version_id(manifest), staging, manifest.ref())
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def switch_to(
        self,
        staged: Version,
        *,
        instead_of: Version | None,
        at: datetime,
        action: Literal["promoted", "forced"] = "promoted",
        verdict: Mapping[str, Any] | None = None,
    ) -> Version:
        """Make a staged copy a version, and let it serve. `instead_of` is the version that it was compared with.

        If the same model is a version already, that one serves, with its own manifest.

        Raises:
            CheckFailed: another version serves by now, so the comparison does not hold.
            ModelError: this id belongs to another model.
        """
        with locked(self.root):
            pointer = read_pointer(self.root)
            serving = None if pointer is None else pointer.current
            if serving != (None if instead_of is None else instead_of.id):
                raise CheckFailed(
                    f"{serving} was promoted in the meantime, so nothing was switched", hint="run it again"
                )
            version = self._adopt(staged)
            append_event(
                self.root,
                Event(at=at, action=action, version=version.id, previous=serving, verdict=dict(verdict or {})),
            )
            self._point_to(version.id, pointer)
            return version

    def reject(self, staged: Version, *, at: datetime, verdict: Mapping[str, Any]) -> None:
        """Record that a candidate was rejected, and why. It does not become a version."""
        with locked(self.root):
            pointer = read_pointer(self.root)
            serving = None if pointer is None else pointer.current
            append_event(
                self.root, Event(at=at, action="rejected", version=staged.id, previous=serving, verdict=dict(verdict))
            )

    def rollback(self, *, at: datetime) -> Version:
        """Roll back to the previously served version, after verifying its files. Repeated, it goes further back.

        Versions whose directories were deleted are passed over.

        Raises:
            ModelError: there is none, or it is damaged. Nothing is switched.
        """
        self.require()
        with locked(self.root):
            pointer = read_pointer(self.root)
            earlier = [] if pointer is None else [name for name in pointer.earlier if self._has(name)]
            if pointer is None or not earlier:
                raise ModelError(f"{self.root} has no earlier version to roll back to", hint=self._choice())
            *earlier, target = earlier
            version = self._verified(target)
            append_event(self.root, Event(at=at, action="rolled_back", version=target, previous=pointer.current))
            write_pointer(self.root, Pointer(current=target, earlier=tuple(earlier)))
            return version

    def find(self, name: str) -> Version | None:
        """The version with the id `name`, or with this version number if only one has it; otherwise None."""
        if not is_registry(self.root):
            return None
        versions = self.versions()
        by_id = [version for version in versions if version.id == name]
        by_number = [version for version in versions if version.ref.version == name]
        found = by_id or by_number
        return found[0] if len(found) == 1 else None

    def serve(self, name: str, *, at: datetime) -> Version:
        """Let a version serve that is in the registry, after verifying its files. Nothing is measured.

        Raises:
            ModelError: there is no such version, or it is damaged. Nothing is switched.
        """
        self.require()
        with locked(self.root):
            version = self.find(name)
            if version is None:
                raise ModelError(f"{self.root} has no version {name}", hint=self._choice())
            version = self._verified(version.id)
            pointer = read_pointer(self.root)
            serving = None if pointer is None else pointer.current
            append_event(self.root, Event(at=at, action="served_again", version=version.id, previous=serving))
            self._point_to(version.id, pointer)
            return version

    def _has(self, name: str) -> bool:
        return (self._versions / name).is_dir()

    def _choice(self) -> str:
        """What can be served, for a hint."""
        there = ", ".join(version.id for version in self.versions())
        return f"sentiment models promote {self.root} VERSION serves one of {there}" if there else "it has no versions"

    def _verified(self, name: str) -> Version:
        version = self._version(name)
        manifest = load_manifest(version.path)
        verify_files(version.path, manifest, manifest.files)
        return version

    def _point_to(self, name: str, pointer: Pointer | None) -> None:
        """Let the pointer name `name`; a version that serves already keeps its past."""
        if pointer is None:
            write_pointer(self.root, Pointer(current=name))
        elif pointer.current != name:
            earlier = (*pointer.earlier, pointer.current)
            write_pointer(self.root, Pointer(current=name, earlier=earlier[-_MAX_EARLIER:]))

    def _version(self, name: str) -> Version:
        path = self._versions / name
        return Version(name, path, load_manifest(path).ref())

    def _prepare(self, at: datetime) -> None:
        """Create the registry, and remove staged copies that killed processes left behind."""
        try:
            if self.root.exists() and not is_registry(self.root) and any(self.root.iterdir()):
                raise ModelError(
                    f"{self.root} is neither empty nor a model registry", hint="name a folder of its own as ROOT"
                )
            self._versions.mkdir(parents=True, exist_ok=True)
            for path in self._versions.glob(f"{_STAGING}*"):
                with suppress(FileNotFoundError):  # another process has just finished with it
                    if path.stat().st_mtime < (at - _ABANDONED_AFTER).timestamp():
                        shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            raise InputError(f"{self.root} cannot be written: {error.strerror}") from error

    def _adopt(self, staged: Version) -> Version:
        target = self._versions / staged.id
        if target.exists():
            there, new = load_manifest(target), load_manifest(staged.path)
            if (there.files, there.calibration, there.max_length) != (new.files, new.calibration, new.max_length):
                raise ModelError(
                    f"{target} is a different model with the same name and version",
                    hint="give the candidate its own name",
                )
            verify_files(target, there, there.files)
        else:
            put_in_place(staged.path, target)
        return self._version(staged.id)
