"""The built-in pairs: they differ in the person alone, and the measures over them are the plain ones."""

from __future__ import annotations

import json
import re
from importlib import resources
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import training.augmentation
from training.audit import lexicon, pairs
from training.audit.gaps import measure_gaps
from training.audit.pairs import PairSet, Variant, cross_pairs

BUILT_IN = {pair_set.attribute: pair_set for pair_set in pairs.built_in()}
# The longest term has three words ("The lady at the counter" five), and an article may change with it.
MOST_DIFFERENT_WORDS = 6


@pytest.mark.parametrize("attribute", BUILT_IN)
def test_pairs_are_of_one_scene_and_two_groups(attribute: str) -> None:
    """Every pair is one scene about two groups in two different texts, unless a dialect writes it like the standard."""
    pair_set = BUILT_IN[attribute]
    assert len(pair_set.pairs) > 100
    for left, right in pair_set.pairs:
        one, other = pair_set.variants[left], pair_set.variants[right]
        assert one.scene == other.scene
        assert one.group != other.group
        assert pair_set.wording or one.text != other.text


@pytest.mark.parametrize("attribute", [name for name, pair_set in BUILT_IN.items() if not pair_set.wording])
def test_texts_of_a_pair_differ_in_the_person_alone(attribute: str) -> None:
    """Two texts differ in one place, by at most the longest term."""
    pair_set = BUILT_IN[attribute]
    for left, right in pair_set.pairs:
        one, other = pair_set.variants[left].text.split(), pair_set.variants[right].text.split()
        while one and other and one[0] == other[0]:
            one, other = one[1:], other[1:]
        while one and other and one[-1] == other[-1]:
            one, other = one[:-1], other[:-1]
        assert max(len(one), len(other)) <= MOST_DIFFERENT_WORDS


@pytest.mark.parametrize("attribute", BUILT_IN)
def test_there_are_scenes_enough_to_judge(attribute: str) -> None:
    """Every attribute has at least 30 scenes, and every group occurs in each of them."""
    variants = BUILT_IN[attribute].variants
    scenes = {variant.scene for variant in variants}
    groups = {variant.group for variant in variants}
    assert len(scenes) >= 30
    assert {(variant.scene, variant.group) for variant in variants} == {(s, g) for s in scenes for g in groups}


def test_texts_read_like_sentences() -> None:
    """Articles agree with what follows, sentences begin with a capital and end with a stop, and no slot is left."""
    filled = [pair_set for pair_set in BUILT_IN.values() if not pair_set.wording]
    texts = [variant.text for pair_set in filled for variant in pair_set.variants]
    assert not [text for text in texts if re.search(r"\b[Aa] (?:[AaEeIiOo]|8\d)|\b[Aa]n (?!hour|[AaEeIiOo8])", text)]
    assert not [text for text in texts if not re.fullmatch(r"[A-Z][^{}]*[.?!]", text)]


def test_the_attributes_of_the_audit_are_there() -> None:
    """Gender, names in both readings, and the other attributes by which people are treated differently."""
    expected = {"gender", "names, gender", "names, origin", "nationality", "religion", "orientation", "age"}
    assert expected | {"ethnicity", "disability", "dialect"} == set(BUILT_IN)


def test_names_are_compared_within_one_origin_or_one_gender() -> None:
    """Three names a group: 9 pairs for each of 8 origins by gender, and for 2 × 28 pairs of origins by origin."""
    by_gender, by_origin = BUILT_IN["names, gender"], BUILT_IN["names, origin"]
    scenes = len({variant.scene for variant in by_gender.variants})
    assert len(by_gender.pairs) == scenes * 8 * 9
    assert len(by_origin.pairs) == scenes * 2 * 28 * 9


def test_measures_agree_with_plain_loops() -> None:
    """Mean, maximum, flips, group gap and offsets are those of a loop over scenes and groups."""
    draw = np.random.default_rng(5)
    variants = tuple(
        Variant(scene, group, f"{scene} {group} {term}") for scene in range(7) for group in "abc" for term in range(2)
    )
    pair_set = PairSet("made up", variants, cross_pairs(variants))
    scores = draw.uniform(-1, 1, len(variants))
    labels = draw.integers(0, 3, len(variants))
    found = measure_gaps(pair_set, scores, labels, seed=1)
    differences, flips, group_gaps = [], [], []
    for scene in range(7):
        members = [place for place, variant in enumerate(variants) if variant.scene == scene]
        for one, other in combinations(members, 2):
            if variants[one].group != variants[other].group:
                differences.append(abs(scores[one] - scores[other]))
                flips.append(labels[one] != labels[other])
        means = {g: np.mean([scores[p] for p in members if variants[p].group == g]) for g in "abc"}
        group_gaps += [abs(means[one] - means[other]) for one, other in combinations("abc", 2)]
    assert found.n_pairs == len(differences) == 7 * 12
    assert found.mean_abs_gap == pytest.approx(np.mean(differences))
    assert found.max_abs_gap == max(differences)
    assert found.flip_rate == pytest.approx(np.mean(flips))
    assert found.group_gap == pytest.approx(np.mean(group_gaps))
    assert found.interval.low <= found.mean_abs_gap <= found.interval.high
    assert sum(offset.mean_offset for offset in found.groups) == pytest.approx(0.0)


def test_the_audit_is_not_what_augmentation_teaches() -> None:
    """No template and no first name of the audit is in the training augmentation: otherwise it would test memory."""
    folder = resources.files(training.augmentation)
    taught = {
        canonical(text)
        for file in folder.iterdir()
        if file.name.endswith(".json")
        for text in strings(json.loads(file.read_text(encoding="utf-8")))
    }
    identity, behaviour = lexicon.load("identity.toml"), lexicon.load("behaviour.toml")
    names = [identity["names"][gender] for gender in ("female", "male")]
    templates = [identity["person"], identity["described"], identity["dialect"], behaviour["test"], behaviour["seeds"]]
    assert not [text for text in strings([names, templates]) if canonical(text) in taught]


def canonical(text: str) -> str:
    """`text` with every slot alike, without punctuation and letter case."""
    return re.sub(r"\W+", " ", re.sub(r"\{\w+\}", "X", text)).casefold().strip()


def strings(value: Any) -> list[str]:
    """All strings in a structure of lists and tables, but the names of tests and their kinds."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        inner = [part for key, part in value.items() if key not in ("capability", "name", "kind", "expect")]
        return [text for part in inner for text in strings(part)]
    return [text for part in value for text in strings(part)] if isinstance(value, list) else []
