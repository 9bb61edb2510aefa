"""The type of a column that comes from JSON objects, where every object may hold another type."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Kind = Literal["null", "bool", "int", "big_int", "float", "string", "json"]

_INT64 = 2**63
_EXACT_IN_FLOAT = 2**53


def kind_of(value: object) -> Kind:
    """The kind of one value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if abs(value) <= _EXACT_IN_FLOAT:
            return "int"
        return "big_int" if -_INT64 <= value < _INT64 else "json"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, str) else "json"


def merge_kinds(one: Kind, other: Kind) -> Kind:
    """The narrowest kind that holds both without loss; `json` (the value's JSON text) holds everything."""
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    pair = {one, other}
    if pair == {"int", "big_int"}:
        return "big_int"
    return "float" if pair == {"int", "float"} else "json"


def to_kind(value: object, kind: Kind) -> Any:
    """`value` as it is stored in a column of this kind."""
    if value is None or kind in {"bool", "int", "big_int", "string"}:
        return value
    if kind == "float":
        return float(value) if isinstance(value, int | float) else None
    return msgspec.json.encode(value).decode()
