"""Lists column names in messages. If a file has no header line, its "names" are somebody's feedback."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sentiment.privacy import contains_personal_data

_MOST = 20
_LONGEST = 60
_NAME = re.compile(r"[\w.:/#%()\[\]-]{0,40}(?: [\w.:/#%()\[\]-]{1,40}){0,3}")


def listed(names: Iterable[str]) -> str:
    """The names, quoted and separated by commas. What looks like a text instead of a name is only counted."""
    every = list(names)
    shown = [repr(name) for name in every if _looks_like_a_name(name)][:_MOST]
    left_out = len(every) - len(shown)
    if not shown:
        return f"{left_out} that do not look like names (is the first line a header?)"
    return ", ".join(shown) + (f" and {left_out} more" if left_out else "")


def _looks_like_a_name(name: str) -> bool:
    return len(name) <= _LONGEST and _NAME.fullmatch(name) is not None and not contains_personal_data(name)
