"""Find personal data, and replace it with typed placeholders or keyed pseudonyms.

`redact` runs before anything may log, batch or publish a text; its docstring says what it finds and what it does not.
"""

from sentiment.privacy.json_values import redact_json, redact_json_all
from sentiment.privacy.names import (
    NAME_KINDS,
    Entity,
    Recogniser,
    get_ready_for_names,
    names_are_searched,
    search_names,
)
from sentiment.privacy.pseudonyms import pseudonym, safe_identifier
from sentiment.privacy.redact import (
    KINDS,
    PLACEHOLDER,
    UNCHECKED,
    Redacted,
    contains_personal_data,
    placeholder,
    redact,
    redact_all,
)
from sentiment.privacy.work import IDENTIFIER_UNITS, Work, WorkExceededError

__all__ = [
    "IDENTIFIER_UNITS",
    "KINDS",
    "NAME_KINDS",
    "PLACEHOLDER",
    "UNCHECKED",
    "Entity",
    "Recogniser",
    "Redacted",
    "Work",
    "WorkExceededError",
    "contains_personal_data",
    "get_ready_for_names",
    "names_are_searched",
    "placeholder",
    "pseudonym",
    "redact",
    "redact_all",
    "redact_json",
    "redact_json_all",
    "safe_identifier",
    "search_names",
]
