"""Parts of a product that are watched beside it: the results of one version, channel, country, or a combination.

The *kind* of a part is its combination of fields, such as `version` or `source+country`. Parts of one kind share no
result; parts of different kinds do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SEPARATOR = "+"
MAX_NAME_CHARS = 256
_BETWEEN = " / "
_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,64}")

Kinds = tuple[tuple[str, ...], ...]
"""The combinations of fields that are watched."""


@dataclass(frozen=True, slots=True)
class Part:
    """The segment of a part, and its kind."""

    segment: str
    kind: str


def parse_kinds(texts: Iterable[str]) -> Kinds:
    """The combinations that texts such as `version` and `source+country` name.

    Raises:
        ValueError: one is not a combination of different fields, or comes twice.
    """
    kinds = tuple(tuple(text.split(SEPARATOR)) for text in texts)
    for fields in kinds:
        if len(set(fields)) != len(fields) or not all(_FIELD.fullmatch(field) for field in fields):
            raise ValueError(
                f"not a field, or different fields joined by {SEPARATOR}, such as source{SEPARATOR}country"
            )
        if "product" in fields:
            raise ValueError("every part is of a product already")
    if len({frozenset(fields) for fields in kinds}) != len(kinds):
        raise ValueError("two combinations are the same")
    return kinds


def is_in(product: str, segment: str) -> bool:
    """Whether a segment is this product, or may be one of its parts."""
    return segment == product or segment.startswith(product + _BETWEEN)


def parts_of(product: str, kinds: Sequence[Sequence[str]], value_of: Callable[[str], Any]) -> tuple[Part, ...]:
    """The parts that a result of a product belongs to. One that lacks a field belongs to no part of that kind."""
    parts = []
    for fields in kinds:
        words = [_word(value_of(field)) for field in fields]
        if None in words:
            continue
        name = product + _BETWEEN + ", ".join(f"{field}={word}" for field, word in zip(fields, words, strict=True))
        if len(name) <= MAX_NAME_CHARS:
            parts.append(Part(name, SEPARATOR.join(fields)))
    return tuple(parts)


def _word(value: Any) -> str | None:
    """A text or a number as it is written; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None
