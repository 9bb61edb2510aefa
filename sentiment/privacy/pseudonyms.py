"""Keyed pseudonyms: an identifier that still joins, but tells nothing without the key.

HMAC-SHA-256 (RFC 2104), cut to 96 bits: among a billion identifiers the chance of one collision is about 1e-11.
A plain hash would not do: e-mail addresses and phone numbers are few enough to be hashed one by one.
"""

import hashlib
import hmac

from sentiment.privacy.redact import contains_personal_data

_PREFIX = "h:"
_HEX_CHARACTERS = 24


def pseudonym(value: str, key: bytes) -> str:
    """`h:` and 24 hex digits: the same for the same value and key, unrelated under another key.

    Raises ValueError for an empty key, which would make the hash one that everybody can compute.
    """
    if not key:
        raise ValueError("the pseudonym key is empty")
    digest = hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return _PREFIX + digest[:_HEX_CHARACTERS]


def safe_identifier(value: str, key: bytes) -> str:
    """The identifier itself where redaction finds nothing in it, else its pseudonym."""
    return pseudonym(value, key) if contains_personal_data(value) else value
