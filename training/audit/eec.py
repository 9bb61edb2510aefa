"""The Equity Evaluation Corpus (Kiritchenko and Mohammad 2018), or a file with its columns, as counterfactual pairs.

A scene is a template with an emotion word. Nouns are compared in fixed couples (she and he, my aunt and my uncle).
First names are compared with each other: women's with men's of the same race, and the two races of the same gender.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sentiment.errors import InputError
from training.audit.pairs import PairSet, Variant, cross_pairs
from training.data.rows import read_rows

_COLUMNS = ("Sentence", "Template", "Person", "Gender", "Race", "Emotion word")
_COUPLES = (
    ("she", "he"),
    ("her", "him"),
    ("woman", "man"),
    ("girl", "boy"),
    ("sister", "brother"),
    ("daughter", "son"),
    ("wife", "husband"),
    ("girlfriend", "boyfriend"),
    ("mother", "father"),
    ("aunt", "uncle"),
    ("mom", "dad"),
)
_COUPLE_OF = {word: number for number, couple in enumerate(_COUPLES) for word in couple}


def read_eec(path: Path) -> list[PairSet]:
    """The pairs in a file with the columns of the corpus: gender by nouns, gender by names, and race by names.

    Raises:
        InputError: the file cannot be read, a column is missing, or it has nothing to compare.
    """
    frame = read_rows(path, _COLUMNS)
    named = frame[frame["Race"] != ""]
    nouns = frame[frame["Race"] == ""]
    couples = nouns["Person"].map(lambda person: _COUPLE_OF.get(person.split()[-1].lower()))
    sets = [
        _pair_set("EEC gender, nouns", nouns[couples.notna()], "Gender", couples[couples.notna()]),
        _pair_set("EEC gender, names", named, "Gender", named["Race"]),
        _pair_set("EEC names, race", named, "Race", named["Gender"]),
    ]
    found = [pair_set for pair_set in sets if pair_set.pairs]
    if not found:
        raise InputError(f"{path} has no two sentences that differ only in gender or race")
    return found


def _pair_set(attribute: str, rows: pd.DataFrame, group: str, alike: pd.Series) -> PairSet:
    scenes = rows.groupby(["Template", "Emotion word"], sort=True).ngroup()
    variants = tuple(
        Variant(int(scene), str(name), str(text))
        for scene, name, text in zip(scenes, rows[group], rows["Sentence"], strict=True)
    )
    return PairSet(attribute, variants, cross_pairs(variants, list(alike)))
