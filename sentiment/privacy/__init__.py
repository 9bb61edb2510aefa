"""Find personal data, and replace it with typed placeholders or keyed pseudonyms.

`redact` runs before anything may log, batch or publish a text; its docstring says what it finds and what it does not.
"""

from sentiment.privacy.pseudonyms import pseudonym, safe_identifier
from sentiment.privacy.redact import (
    KINDS,
    PLACEHOLDER,
    UNCHECKED,
    Redacted,
    contains_personal_data,
    placeholder,
    redact,
    redact_json,
)
from sentiment.privacy.work import IDENTIFIER_UNITS, Work, WorkExceededError

__all__ = [
    "IDENTIFIER_UNITS",
    "KINDS",
    "PLACEHOLDER",
    "UNCHECKED",
    "Redacted",
    "Work",
    "WorkExceededError",
    "contains_personal_data",
    "placeholder",
    "pseudonym",
    "redact",
    "redact_json",
    "safe_identifier",
]
