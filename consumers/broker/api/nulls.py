"""Finds nulls where the protocol has none: kafka-python decodes them, and no handler expects them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

_MAY_BE_NULL_ON_THE_WIRE = frozenset({"string", "bytes", "records"})


@dataclass(frozen=True, slots=True)
class _Checks:
    """Of a structure: names of fields that must not be null, of lists of strings, and the checks of its parts."""

    never_null: tuple[str, ...]
    strings: tuple[str, ...]
    parts: tuple[tuple[str, _Checks], ...]

    def first_null(self, data: Any) -> str | None:
        for name in self.never_null:
            if getattr(data, name) is None:
                return name
        for name in self.strings:
            if None in (getattr(data, name) or ()):
                return name
        for name, checks in self.parts:
            for part in getattr(data, name) or ():
                found = checks.first_null(part)
                if found is not None:
                    return f"{name}.{found}"
        return None


def first_null(request: Any, version: int) -> str | None:
    """The field that is null and must not be; None if all is well. `request` is one of kafka-python's."""
    kind: Any = type(request)
    return _checks_of(kind, version).first_null(request)


@cache
def _checks_of(request_class: Any, version: int) -> _Checks:
    return _checks(request_class.fields.values(), version)


def _checks(fields: Iterable[Any], version: int) -> _Checks:
    never_null, strings, parts = [], [], []
    for field in fields:
        if not field.for_version_q(version):
            continue
        may_be = field.is_array() or field.type_str in _MAY_BE_NULL_ON_THE_WIRE
        if may_be and not field.nullable_for_version_q(version):
            never_null.append(field.name)
        if field.type_str == "[]string":
            strings.append(field.name)
        if field.is_struct_array():
            checks = _checks(field.fields.values(), version)
            if checks.never_null or checks.strings or checks.parts:
                parts.append((field.name, checks))
    return _Checks(tuple(never_null), tuple(strings), tuple(parts))
