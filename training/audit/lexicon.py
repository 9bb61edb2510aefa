"""The audit's sentences: the TOML files of this package, and how a template becomes texts."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

_SLOT = re.compile(r"\{(\w+)\}")

Words = Mapping[str, Sequence[str]]


def load(name: str) -> dict[str, Any]:
    """Read a TOML file of this package."""
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def fill(template: Sequence[str], words: Words, most: int, draw: np.random.Generator) -> list[tuple[str, ...]]:
    """At most `most` different fillings of `template`: one text, or several texts that share the words of their slots.

    If there are no more fillings than that, all of them in order; otherwise a draw without replacement.
    """
    slots = list(dict.fromkeys(slot for text in template for slot in _SLOT.findall(text)))
    sizes = [len(words[slot]) for slot in slots]
    total = math.prod(sizes)
    chosen = np.arange(total) if total <= most else np.sort(draw.choice(total, size=most, replace=False))
    fillings = []
    for number in chosen:
        picked = dict(zip(slots, _digits(int(number), sizes), strict=True))
        values = {slot: words[slot][index] for slot, index in picked.items()}
        fillings.append(tuple(text.format(**values) for text in template))
    return fillings


def _digits(number: int, sizes: Sequence[int]) -> list[int]:
    """The digits of `number` in a mixed radix: the i-th digit is below ``sizes[i]``, and the last changes fastest."""
    digits = []
    for size in reversed(sizes):
        number, digit = divmod(number, size)
        digits.append(digit)
    return digits[::-1]
