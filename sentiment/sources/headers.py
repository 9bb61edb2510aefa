"""Names for the columns of a CSV header, one of each: some have no name, and some have the name of another."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sentiment.errors import InputError

_NUMBER = re.compile(r"#([1-9][0-9]{0,4})", re.ASCII)


def column_names(header: Sequence[str]) -> tuple[str, ...]:
    """The names in the header. The second `X` is called `X#2`; the third column is `#3` if it has no name."""
    taken = set(header)
    times: dict[str, int] = {}
    names: list[str] = []
    for position, name in enumerate(header, start=1):
        times[name] = times.get(name, 0) + 1
        if name.strip() and times[name] == 1:
            names.append(name)
            continue
        made = f"{name}#{times[name]}" if name.strip() else f"#{position}"
        while made in taken:
            made = f"#{made}"
        taken.add(made)
        names.append(made)
    return tuple(names)


def find_column(wanted: str, columns: Sequence[str], file: str) -> str | None:
    """The column that the user means: by its name, by `NAME#2` if there are several of it, or by its number, `#3`.

    Raises:
        InputError: there are several of that name.
    """
    if wanted in columns:
        if f"{wanted}#2" in columns:
            raise InputError(
                f"{file} has several columns {wanted!r}", hint=f"say which: {wanted + '#1'!r}, {wanted + '#2'!r}, …"
            )
        return wanted
    if wanted.endswith("#1") and f"{wanted[:-1]}2" in columns and wanted[:-2] in columns:
        return wanted[:-2]
    number = _NUMBER.fullmatch(wanted)
    return columns[int(number[1]) - 1] if number is not None and int(number[1]) <= len(columns) else None
