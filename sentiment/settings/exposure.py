"""Secrets in files that other users of the machine can read."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import BaseModel, SecretStr

from sentiment.settings.loading import Settings

_log = structlog.get_logger(__name__)

_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Exposed:
    """A file with a secret that others can read. `setting` names the file or, for a configuration, the secret in it."""

    setting: str
    file: Path
    mode: str


def exposed_secrets(settings: Settings, config_file: Path | None) -> list[Exposed]:
    """The files with secrets, the configuration among them, that the group or everybody may read.

    A file that does not exist is not reported: whoever needs the secret says so.
    """
    files = list(_secret_files(settings))
    if config_file is not None:
        files += [(setting, config_file) for setting in _secrets_in(config_file)][:1]
    return exposed_files(files)


def exposed_files(files: Iterable[tuple[str, Path]]) -> list[Exposed]:
    """Those of `files`, each with the setting that names it, that the group or everybody may read."""
    return [
        Exposed(setting, file, f"{mode:04o}")
        for setting, file in files
        if (mode := _mode(file)) is not None and mode & _READABLE_BY_OTHERS
    ]


def warn_of(found: Iterable[Exposed]) -> None:
    """Log a line for each."""
    for exposed in found:
        _log.warning(
            "secret_readable_by_others",
            setting=exposed.setting,
            file=str(exposed.file),
            mode=exposed.mode,
            remedy="chmod 600; in Kubernetes defaultMode: 0400",
        )


def _secret_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    for section_name, section in _sections(settings):
        for field in (*(f"{name}_file" for name in _secret_fields(type(section))), "ssl_keyfile"):
            if (file := getattr(section, field, None)) is not None:
                yield f"{section_name}.{field}", file


def _secrets_in(config_file: Path) -> Iterator[str]:
    table = tomllib.loads(config_file.read_text("utf-8"))
    for section_name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            given = table.get(section_name, {})
            yield from (f"{section_name}.{name}" for name in _secret_fields(kind) if name in given)


def _sections(settings: Settings) -> Iterator[tuple[str, BaseModel]]:
    for name in Settings.model_fields:
        section = getattr(settings, name)
        if isinstance(section, BaseModel):
            yield name, section


def _secret_fields(section: type[BaseModel]) -> list[str]:
    return [name for name, field in section.model_fields.items() if field.annotation == SecretStr | None]


def _mode(file: Path) -> int | None:
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return None
