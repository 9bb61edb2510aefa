"""Keyed pseudonyms: they still join, but reveal nothing without the key.

HMAC-SHA-256 (RFC 2104), cut to 96 bits: among a billion identifiers the chance of one collision is about 1e-11.
A plain hash is not enough: there are so few e-mail addresses and phone numbers that all can be hashed and compared.
"""

import hashlib
import hmac

from sentiment.privacy.redact import may_contain_personal_data
from sentiment.privacy.work import Work, work_for_text

_PREFIX = "h:"
_HEX_CHARACTERS = 24


def pseudonym(value: str, key: bytes) -> str:
    """`h:` and 24 hex digits: the same for the same value and key, unrelated under another key.

    Raises ``ValueError`` for an empty key, because anybody could compute such a hash.
    """
    if not key:
        raise ValueError("the pseudonym key is empty")
    digest = hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return _PREFIX + digest[:_HEX_CHARACTERS]


def safe_identifier(value: str, key: bytes, work: Work | None = None) -> str:
    """The identifier itself if redaction finds nothing in it, otherwise its pseudonym.

    If `work` (by default that of one text) does not suffice to say, it is the pseudonym too.
    """
    telling = may_contain_personal_data(value, work_for_text(value) if work is None else work)
    return pseudonym(value, key) if telling else value
