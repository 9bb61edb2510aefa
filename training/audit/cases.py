"""Behavioural cases, built from the templates of this package: one or two texts, and what the model should do."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from sentiment.events import LABELS
from training.audit import lexicon
from training.audit.perturbations import PERTURBATIONS

_FILE = "behaviour.toml"
_SENTENCE_FILLINGS = 3

CaseKind = Literal["label", "direction", "invariance"]


@dataclass(frozen=True, slots=True)
class Case:
    """One test case.

    Kind "label" (a minimum functionality test): the label of the only text must be in `expect`, indices of ``LABELS``.
    Kind "direction": from the first text to the second, the score must not move against `sign` (1 up, −1 down).
    Kind "invariance": both texts mean the same, so they should get the same label.
    """

    capability: str
    test: str
    kind: CaseKind
    texts: tuple[str, ...]
    expect: tuple[int, ...] = ()
    sign: int = 0


class _Test(msgspec.Struct, forbid_unknown_fields=True):
    capability: str
    name: str
    kind: CaseKind
    expect: list[str] = []
    direction: Literal["up", "down"] | None = None
    cases: int = 0
    templates: list[str] = []
    sentences: list[str] = []
    pairs: list[list[str]] = []


class _Perturbed(msgspec.Struct, forbid_unknown_fields=True, rename={"kinds": "with"}):
    capability: str
    kinds: list[str]
    cases: int


class _Seeds(msgspec.Struct):
    sentences: list[str]


class _Suite(msgspec.Struct):
    words: dict[str, list[str]]
    test: list[_Test]
    perturbed: list[_Perturbed]
    seeds: _Seeds


def built_in(*, seed: int) -> list[Case]:
    """The behavioural suite of this package. `seed` decides which fillings and typos are drawn."""
    suite = msgspec.convert(lexicon.load(_FILE), _Suite)
    cases = [case for test in suite.test for case in _filled(test, suite.words, _generator(seed, test.name))]
    for group in suite.perturbed:
        cases.extend(_perturbed(group, suite.seeds.sentences, _generator(seed, group.capability)))
    return cases


def _filled(test: _Test, words: lexicon.Words, draw: np.random.Generator) -> list[Case]:
    templates = [*([template] for template in (*test.templates, *test.sentences)), *test.pairs]
    each = _SENTENCE_FILLINGS if test.sentences else -(-test.cases // len(templates))
    expect = tuple(LABELS.index(label) for label in test.expect)
    sign = {"up": 1, "down": -1, None: 0}[test.direction]
    return [
        Case(test.capability, test.name, test.kind, texts, expect, sign)
        for template in templates
        for texts in lexicon.fill(template, words, each, draw)
    ]


def _perturbed(group: _Perturbed, sentences: list[str], draw: np.random.Generator) -> list[Case]:
    """At least `group.cases` changed sentences, each kind of change equally often, on sentences drawn without
    replacement.
    """
    each = -(-group.cases // len(group.kinds))
    return [
        Case(group.capability, kind, "invariance", (text, PERTURBATIONS[kind](text, draw)))
        for kind in group.kinds
        for text in (sentences[index] for index in sorted(draw.permutation(len(sentences))[:each]))
    ]


def _generator(seed: int, name: str) -> np.random.Generator:
    """A random stream for each test, so that a new test does not change the cases of the others."""
    return np.random.default_rng((seed, zlib.crc32(name.encode())))
