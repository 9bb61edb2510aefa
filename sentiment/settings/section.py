"""What all tables of the configuration have in common."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from sentiment.errors import ConfigurationError


class Section(BaseModel):
    """A table of the configuration: frozen, and strict about names, so that a misspelt setting is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def read_secret(value: SecretStr | None, file: Path | None, name: str) -> str | None:
    """Return the secret `value`, or the content of `file`, or None if neither is set.

    Raises:
        ConfigurationError: the file cannot be read, or is empty. `name` is the setting that names it.
    """
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        secret = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"cannot read {name} {file}: {reason}") from None
    if not secret:
        raise ConfigurationError(f"{name} {file} is empty", hint="write the secret into it")
    return secret
