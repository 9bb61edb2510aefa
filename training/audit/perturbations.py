"""Changes that do not affect the meaning of a text: letter case, one typo, a handle or a link."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

# Short words carry little meaning, and a typo in them is hardly noticed.
_SHORTEST_MISSPELT = 4
_WORD = re.compile(rf"[A-Za-z]{{{_SHORTEST_MISSPELT},}}")
_HANDLES = ("@acme_help", "@VoltShop", "@northline")
_LINKS = ("https://t.co/x81Kd0wq", "http://example.com/t/4711", "www.example.org/review")
_ORDERS = ("Order no. 48213.", "(ticket 90-1177)", "Ref: K7-20931.")

Perturbation = Callable[[str, np.random.Generator], str]


def _swapped(text: str, draw: np.random.Generator) -> str:
    """Swap two different neighbouring letters of a word, but not the first."""
    spots = [
        place
        for word in _WORD.finditer(text)
        for place in range(word.start() + 1, word.end() - 1)
        if text[place] != text[place + 1]
    ]
    place = int(draw.choice(spots))
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def _left_out(text: str, draw: np.random.Generator) -> str:
    place = _inner_letter(text, draw)
    return text[:place] + text[place + 1 :]


def _doubled(text: str, draw: np.random.Generator) -> str:
    place = _inner_letter(text, draw)
    return text[:place] + text[place] + text[place:]


def _inner_letter(text: str, draw: np.random.Generator) -> int:
    return int(draw.choice([place for word in _WORD.finditer(text) for place in range(word.start() + 1, word.end())]))


PERTURBATIONS: dict[str, Perturbation] = {
    "upper case": lambda text, draw: text.upper(),
    "lower case": lambda text, draw: text.lower(),
    "title case": lambda text, draw: " ".join(word[0].upper() + word[1:] for word in text.split()),
    "letters swapped": _swapped,
    "letter left out": _left_out,
    "letter doubled": _doubled,
    "handle in front": lambda text, draw: f"{draw.choice(_HANDLES)} {text}",
    "handle behind": lambda text, draw: f"{text} {draw.choice(_HANDLES)}",
    "link behind": lambda text, draw: f"{text} {draw.choice(_LINKS)}",
    "order number": lambda text, draw: f"{text} {draw.choice(_ORDERS)}",
}
