"""How much work redaction may spend on one record.

Work is counted in units, not in time, so the same input gives the same output on every machine. One unit is roughly a
microsecond of a laptop's core. Finders charge for what they do before they do it.
"""

import math

TEXT_UNITS = 32_000
"""For one text of at most `TEXT_CHARACTERS`; a longer one gets proportionally more."""

TEXT_CHARACTERS = 32_768

METADATA_UNITS = 300_000
"""For all keys and values of one JSON value together: a megabyte of prose takes half of it."""

IDENTIFIER_UNITS = 60_000
"""For all identifiers and headers of one record together."""

NAME_UNITS = 1_000_000
"""For the search for names in one text, or in one JSON value."""


class WorkExceededError(Exception):
    """The budget is spent: what is not checked yet has to be masked. Redaction itself never raises it."""


class Work:
    """The units that are left."""

    def __init__(self, units: int) -> None:
        self._units = units
        self._left = units

    @property
    def used(self) -> int:
        """Units spent so far, at most the budget."""
        return self._units - max(0, self._left)

    @property
    def exceeded(self) -> bool:
        """Whether somebody wanted more than there was. From then on nothing can be spent."""
        return self._left < 0

    def spend(self, units: int) -> None:
        """Take units from the budget. Raises WorkExceededError if there are not enough left."""
        if self._left >= 0:
            self._left -= units
        if self._left < 0:
            self._left = -1
            raise WorkExceededError


def work_for_text(text: str) -> Work:
    """The budget of one text alone."""
    return Work(TEXT_UNITS * max(1, math.ceil(len(text) / TEXT_CHARACTERS)))
