"""Counterfactual pairs: one scene about two people who differ only in the group that is named.

Kusner et al. 2017, "Counterfactual Fairness", measured as in Kiritchenko and Mohammad 2018.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from training.audit import lexicon

_FILE = "identity.toml"
# Enough for the words in the file: none begins with a silent h, and those with u begin like "you".
_AN = ("a", "e", "i", "o", "8")


@dataclass(frozen=True, slots=True)
class Variant:
    """A text of the scene with the number `scene`, about `group`."""

    scene: int
    group: str
    text: str


@dataclass(frozen=True, slots=True)
class PairSet:
    """The pairs of one attribute: indices of `variants`, always of one scene and two groups.

    `wording`: the texts of a pair differ in more than one term (a dialect). Then the gap of a single pair includes the
    wording, and only the difference between the means of the groups says something about the group.
    """

    attribute: str
    variants: tuple[Variant, ...]
    pairs: tuple[tuple[int, int], ...]
    wording: bool = False


def built_in() -> list[PairSet]:
    """The pairs of this package, for all attributes."""
    file = lexicon.load(_FILE)
    sets: list[PairSet] = []
    for attribute, table in file.items():
        if "pairing" not in table:
            continue
        templates = file[table["templates"]]["templates"] if "templates" in table else []
        sets.extend(_BUILDERS[table["pairing"]](attribute, table, templates))
    return sets


def cross_pairs(variants: Sequence[Variant], alike: Sequence[Hashable] = ()) -> tuple[tuple[int, int], ...]:
    """Every two variants of a scene that are about different groups.

    `alike` has one value for each variant. Only variants with equal values are paired: two women's names, or the two
    nouns of a couple.
    """
    places: dict[Hashable, list[int]] = {}
    for position, variant in enumerate(variants):
        places.setdefault((variant.scene, alike[position] if alike else None), []).append(position)
    return tuple(
        (left, right)
        for members in places.values()
        for left, right in combinations(members, 2)
        if variants[left].group != variants[right].group
    )


def _aligned(attribute: str, table: Mapping[str, Any], templates: Sequence[str]) -> Iterator[PairSet]:
    """The i-th term of one group against the i-th of the other: she and he, my sister and my brother."""
    groups = [key for key in table if key not in ("pairing", "templates")]
    rows = list(zip(*(table[group] for group in groups), strict=True))
    told = [
        (Variant(scene, group, _person(template, term)), number)
        for scene, template in enumerate(templates)
        for number, row in enumerate(rows)
        for group, term in zip(groups, row, strict=True)
    ]
    variants = tuple(variant for variant, _ in told)
    yield PairSet(attribute, variants, cross_pairs(variants, [number for _, number in told]))


def _named(attribute: str, table: Mapping[str, Any], templates: Sequence[str]) -> Iterator[PairSet]:
    """First names: women's against men's of the same origin, and two origins of the same gender."""
    people = [
        (gender, origin, name)
        for gender in ("female", "male")
        for origin, names in table[gender].items()
        for name in names
    ]
    told = [(scene, *person) for scene, person in product(range(len(templates)), people)]
    texts = [_person(templates[scene], name) for scene, _, _, name in told]
    by_gender = tuple(Variant(row[0], row[1], text) for row, text in zip(told, texts, strict=True))
    by_origin = tuple(Variant(row[0], row[2], text) for row, text in zip(told, texts, strict=True))
    yield PairSet(f"{attribute}, gender", by_gender, cross_pairs(by_gender, [row[2] for row in told]))
    yield PairSet(f"{attribute}, origin", by_origin, cross_pairs(by_origin, [row[1] for row in told]))


def _described(attribute: str, table: Mapping[str, Any], templates: Sequence[str]) -> Iterator[PairSet]:
    """Every adjective is a group, and is paired with every other."""
    variants = tuple(
        Variant(scene, term, _adjective(template, term))
        for scene, template in enumerate(templates)
        for term in table["terms"]
    )
    yield PairSet(attribute, variants, cross_pairs(variants))


def _worded(attribute: str, table: Mapping[str, Any], _: Sequence[str]) -> Iterator[PairSet]:
    """Each way of writing is paired with the first, the standard."""
    standard, *others = table["groups"]
    variants = tuple(
        Variant(scene, group, text)
        for scene, row in enumerate(table["sentences"])
        for group, text in zip((standard, *others), row, strict=True)
    )
    against_it = (pair for pair in cross_pairs(variants) if variants[pair[0]].group == standard)
    yield PairSet(attribute, variants, tuple(against_it), wording=True)


_BUILDERS = {"aligned": _aligned, "names": _named, "groups": _described, "wording": _worded}


def _person(template: str, term: str | Sequence[str]) -> str:
    """Fill `template` with `term`: a capitalised name or phrase, or the three cases of a pronoun."""
    subject, other, possessive = (term, term, f"{term}'s") if isinstance(term, str) else term
    if isinstance(term, str) and term.split()[0] in ("My", "This", "The", "A"):
        other = term[0].lower() + term[1:]
    return template.format(S=subject, O=other, P=possessive)


def _adjective(template: str, term: str) -> str:
    article = "an" if term.lower().startswith(_AN) else "a"
    return template.format(term=term, a=article, A=article.capitalize())
