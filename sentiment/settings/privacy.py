"""What is hidden besides personal data that has a shape, and the key of pseudonyms.

The key is configured, or made at first use and kept for this user.
"""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from sentiment.errors import ConfigurationError
from sentiment.settings.section import Section, read_secret

_MIN_KEY_BYTES = 16


class PrivacySettings(Section):
    """Names of people, and the key of pseudonyms: without one, a key file is made in the user's state directory."""

    names: Literal["off", "spacy"] = Field(
        "off",
        description="Redact names of people and street addresses too, in every command. spacy needs the extra `names` "
        "and names_pipeline. Scoring then takes about twice as long.",
    )
    names_pipeline: str = Field(
        "",
        description="Package or folder of the spaCy pipeline that finds names.",
        examples=["en_core_web_md"],
    )
    hash_key: SecretStr | None = Field(None, description="Key of pseudonyms, at least 16 bytes.", examples=["…"])
    hash_key_file: Path | None = Field(
        None, description="File that holds the key of pseudonyms.", examples=["/run/secrets/sentiment-hash-key"]
    )

    @property
    def searched_with(self) -> str:
        """What finds names, empty if nothing does. Redacted texts depend on it."""
        return "" if self.names == "off" else self.names_pipeline

    @property
    def is_local(self) -> bool:
        """Whether the key is one that was made on this machine, which other machines do not share."""
        return self.hash_key is None and self.hash_key_file is None

    def key(self) -> bytes:
        """Return the HMAC key for pseudonyms, at least 16 bytes."""
        given = read_secret(self.hash_key, self.hash_key_file, "privacy.hash_key_file")
        key = given.encode() if given is not None else _own_key()
        if len(key) < _MIN_KEY_BYTES:
            raise ConfigurationError(
                f"privacy.hash_key has fewer than {_MIN_KEY_BYTES} bytes", hint="create one: openssl rand -hex 32"
            )
        return key


def fingerprint(key: bytes) -> str:
    """Eight digits that tell two keys apart and say nothing else about them."""
    return hmac.digest(key, b"fingerprint of the key of pseudonyms", "sha256").hex()[:8]


def _own_key() -> bytes:
    """Return this user's key, created at first use. All processes of a machine then agree on pseudonyms."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sentiment"
    path = state / "pseudonym.key"
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            # Written aside and linked into place: of two processes that start together, both read the winner's key.
            handle, aside = tempfile.mkstemp(dir=state)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32))
            try:
                os.link(aside, path)
            except FileExistsError:
                pass
            finally:
                Path(aside).unlink()
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(
            f"cannot keep a key for pseudonyms in {state}: {error.strerror}",
            hint="set privacy.hash_key_file, or SENTIMENT_PRIVACY__HASH_KEY",
        ) from None
    if len(key) < _MIN_KEY_BYTES:
        raise ConfigurationError(
            f"the key of pseudonyms in {path} is damaged: it has fewer than {_MIN_KEY_BYTES} bytes",
            hint="restore it; if you delete it, a new key is made and authors get other pseudonyms",
        )
    return key
