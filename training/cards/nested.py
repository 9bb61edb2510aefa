"""Nested tables of facts as one flat table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Scalar = str | int | float | bool


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """The values of nested tables by their paths: `{"recipe": {"seed": 13}}` → `{"recipe.seed": 13}`.

    Tables in a list are numbered from 1. Any other list becomes one string; None is left out.
    """
    found: dict[str, Scalar] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        elif isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
            found |= flat({str(number): part for number, part in enumerate(value, 1)}, f"{name}.")
        elif isinstance(value, list | tuple):
            found[name] = ", ".join(map(str, value))
        elif value is not None:
            found[name] = value if isinstance(value, str | int | float) else str(value)
    return found
