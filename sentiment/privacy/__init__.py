"""Personal data: found, replaced by typed placeholders, or turned into keyed pseudonyms.

`redact` runs before anything may log, batch or publish a text; see its docstring for what it finds and what it leaves.
"""

from sentiment.privacy.pseudonyms import pseudonym, safe_identifier
from sentiment.privacy.redact import (
    KINDS,
    PLACEHOLDER,
    Redacted,
    contains_personal_data,
    placeholder,
    redact,
    redact_json,
)

__all__ = [
    "KINDS",
    "PLACEHOLDER",
    "Redacted",
    "contains_personal_data",
    "placeholder",
    "pseudonym",
    "redact",
    "redact_json",
    "safe_identifier",
]
