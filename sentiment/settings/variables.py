"""Environment variables that look like settings, and are none.

A setting with a typing error in its name would be ignored in silence, and the default would be used.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sentiment.errors import ConfigurationError

PREFIX = "SENTIMENT_"
_SEPARATOR = "__"

_OTHERS = frozenset({"SENTIMENT_DATA"})
"""Not settings, but known: where the tests and examples find labelled data."""

# Kubernetes tells every container the addresses of services, in variables that begin with a service's name.
_SERVICE_LINK = re.compile(r".+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")


def refuse_unknown(environment: Iterable[str], sections: Mapping[str, FieldInfo]) -> None:
    """Check names of variables against the settings in `sections`.

    Raises:
        ConfigurationError: one begins with ``SENTIMENT_`` and is none. Names the nearest, and never shows a value.
    """
    known = set(_names(sections)) | _OTHERS
    unknown = sorted(
        name
        for name in environment
        if name.upper().startswith(PREFIX) and name.upper() not in known and not _SERVICE_LINK.fullmatch(name.upper())
    )
    if unknown:
        guesses = [guess for guess in (_nearest(name, known) for name in unknown) if guess is not None]
        remedy = f"did you mean {', '.join(guesses)}?" if guesses else f"unset it: {PREFIX}… variables are settings"
        raise ConfigurationError(f"no such setting: {', '.join(unknown)} (in the environment)", hint=remedy)


def _names(sections: Mapping[str, FieldInfo]) -> Iterable[str]:
    for section, field in sections.items():
        yield f"{PREFIX}{section}".upper()
        table = field.annotation
        if isinstance(table, type) and issubclass(table, BaseModel):
            for name in table.model_fields:
                yield f"{PREFIX}{section}{_SEPARATOR}{name}".upper()


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The most similar known name; how many underscores separate its words does not matter."""
    words = {_words(each): each for each in known}
    found = difflib.get_close_matches(_words(name.upper()), words, n=1, cutoff=0.7)
    return words[found[0]] if found else None


def _words(name: str) -> str:
    return re.sub("_+", "_", name.removeprefix(PREFIX))
