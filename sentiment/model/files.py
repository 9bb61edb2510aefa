"""Files of a model directory: only regular ones are opened, so that none of them can hang or pass unchecked."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from sentiment.errors import ModelError

T = TypeVar("T")


def has_file(path: Path) -> bool:
    """Whether `path` is a regular file, or a link to one; False if nothing is there.

    Raises:
        ModelError: something else is there, such as a pipe, a device, a folder or a broken link.
    """
    if path.is_file():
        return True
    if path.exists() or path.is_symlink():
        raise ModelError(f"{path} is not a regular file", hint="copy or export the model again")
    return False


def read_json(path: Path, kind: type[T], what: str) -> T:
    """Read a JSON file as `kind`. `what` names it in the error: "a model manifest".

    Raises:
        ModelError: it is missing, not a regular file, not JSON of this kind, or nested too deeply.
    """
    if not has_file(path):
        raise ModelError(f"{path} is missing", hint="the model directory is incomplete: copy or export it again")
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not {what}: {error}") from error
    except RecursionError:
        raise ModelError(f"{path} is not {what}: it is nested too deeply") from None
