"""TOML files that a setting names, for what does not fit into one value."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from sentiment.errors import ConfigurationError

T = TypeVar("T")


def read_side_file(path: Path, kind: TypeAdapter[T], setting: str, page: str) -> T:
    """The content of the file that `setting` names. `page` shows such a file.

    Raises:
        ConfigurationError: it cannot be read; names each faulty field, and no value.
    """
    try:
        return kind.validate_python(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ConfigurationError(f"cannot read {setting} {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8"
        raise ConfigurationError(f"{path} is not TOML: {where}") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError(f"{path}: {faults}", hint=f"{page} shows such a file") from None
