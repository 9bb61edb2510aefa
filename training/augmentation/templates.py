"""Sentences from templates: behaviours of sentiment, and statements about people of every kind."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

from sentiment.events import LABELS

_SLOT = re.compile(r"\{(\w+)\}")
# About one sentence in three is written carelessly, like much feedback.
_CARELESS_SHARE = 0.35


def behaviour(draw: random.Random) -> tuple[str, int]:
    """A sentence of the feedback domain, and its label (an index of ``LABELS``)."""
    return _sentence(draw, table("behaviours"), {})


def statement_about_somebody(draw: random.Random) -> tuple[str, int]:
    """A sentence that names a person, a relation or a group, and its label, which does not depend on who is named."""
    return _sentence(
        draw, table("identities"), {"P": _person, "G": _group, "A": lambda draw: _group(draw).split(" ", 1)[1]}
    )


def saying_in_dialect(draw: random.Random) -> tuple[str, int]:
    """A sentence as people of some region or community write it, and its label."""
    return _sentence(draw, table("dialects"), {})


def _group(draw: random.Random) -> str:
    """A group as an adjective with its article: "a deaf"."""
    return draw.choice(table("identities")["groups"])


def _person(draw: random.Random) -> str:
    identities = table("identities")
    kind = draw.random()
    if kind < 0.45:
        return draw.choice(identities["names"])
    if kind < 0.7:
        return draw.choice(identities["people"])
    return f"{_group(draw)} {draw.choice(identities['roles'])}"


def _sentence(
    draw: random.Random,
    templates: Mapping[str, Sequence[str]],
    slots: Mapping[str, Callable[[random.Random], str]],
) -> tuple[str, int]:
    label = draw.choice(LABELS)
    lexicon = table("lexicon")

    def fill(slot: re.Match[str]) -> str:
        name = slot[1]
        filled = slots[name](draw) if name in slots else draw.choice(lexicon[name])
        return _SLOT.sub(fill, filled)

    text = _SLOT.sub(fill, draw.choice(templates[label]))
    text = text[:1].upper() + text[1:]
    if draw.random() < _CARELESS_SHARE:
        text = text.lower().rstrip(".")
    return text, LABELS.index(label)


@cache
def table(name: str) -> dict[str, list[str]]:
    """The word lists of `name`.json in this folder."""
    content = files("training.augmentation").joinpath(f"{name}.json").read_text(encoding="utf-8")
    lists: dict[str, list[str]] = json.loads(content)
    return lists


def identity_pairs() -> list[tuple[str, str]]:
    """Pairs of words that differ only in gender, in both directions."""
    pairs = [(left, right) for left, _, right in (pair.partition(" ") for pair in table("identities")["pairs"])]
    return [*pairs, *((right, left) for left, right in pairs)]
