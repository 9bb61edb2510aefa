"""Identifiers, key and headers of one record, made safe to publish: what tells something about a person is hashed."""

from __future__ import annotations

import functools

from consumers.cluster.records import Header, Record
from sentiment.events import HEADER_SOURCE_KEY
from sentiment.privacy import IDENTIFIER_UNITS, Work, WorkExceededError, pseudonym, safe_identifier

_REMEMBERED_CHARACTERS = 128  # longer ones hardly come twice, and would fill the memory


class Identifiers:
    """The identifiers of one record share one budget of work.

    What the budget does not suffice for becomes a pseudonym unchecked, and headers after that are left out.
    `unchecked` counts these pseudonyms, and the headers left out as one.
    """

    def __init__(self, key: bytes) -> None:
        self.unchecked = 0
        self._key = key
        self._work = Work(IDENTIFIER_UNITS)

    def safe(self, identifier: str) -> str:
        """The identifier itself if nothing is found in it, otherwise its pseudonym."""
        if not self._work.exceeded:
            check = _remembered if len(identifier) <= _REMEMBERED_CHARACTERS else _checked
            safe, units = check(identifier, self._key)
            try:
                self._work.spend(units)
            except WorkExceededError:
                pass
            else:
                return safe
        self.unchecked += 1
        return pseudonym(identifier, self._key)

    def headers(self, record: Record) -> tuple[Header, ...]:
        """The record's headers and its key, each made safe. Bytes that are not text are read as Latin-1."""
        key = () if record.key is None else ((HEADER_SOURCE_KEY, self._safe_bytes(record.key)),)
        passed: list[Header] = []
        for name, value in record.headers:
            if self._work.exceeded:
                self.unchecked += 1
                break
            if name != HEADER_SOURCE_KEY:
                passed.append((self.safe(name), self._safe_bytes(value)))
        return (*passed, *key)

    def _safe_bytes(self, value: bytes | None) -> bytes | None:
        if value is None:
            return None
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        safe = self.safe(text)
        return value if safe == text else safe.encode()


def _checked(identifier: str, key: bytes) -> tuple[str, int]:
    """`safe_identifier`, and the units of work that it takes, wherever the answer comes from.

    One unit more than a whole budget says that not even that suffices.
    """
    work = Work(IDENTIFIER_UNITS)
    safe = safe_identifier(identifier, key, work)
    return safe, IDENTIFIER_UNITS + 1 if work.exceeded else work.used


@functools.lru_cache(maxsize=4_096)
def _remembered(identifier: str, key: bytes) -> tuple[str, int]:
    """`_checked` with a cache, because the same few products, sources and header values keep coming."""
    return _checked(identifier, key)
