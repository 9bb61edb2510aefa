"""Find personal data, and replace it with typed placeholders or keyed pseudonyms.

`redact` runs before anything may log, batch or publish a text; its docstring says what it finds and what it does not.
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
