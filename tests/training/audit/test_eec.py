"""Reading the Equity Evaluation Corpus, and files in its columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment.errors import InputError
from tests.data import data_file
from training.audit.eec import read_eec

CORPUS = "fairness/equity_evaluation_corpus.csv.gz"
HEADER = "ID,Sentence,Template,Person,Gender,Race,Emotion,Emotion word\n"
ROWS = """\
1,My aunt is glad.,<p> is <e>.,my aunt,female,,joy,glad
2,My uncle is glad.,<p> is <e>.,my uncle,male,,joy,glad
3,She is glad.,<p> is <e>.,she,female,,joy,glad
4,He is glad.,<p> is <e>.,he,male,,joy,glad
5,Ava is glad.,<p> is <e>.,Ava,female,European,joy,glad
6,Eva is glad.,<p> is <e>.,Eva,female,European,joy,glad
7,Sam is glad.,<p> is <e>.,Sam,male,European,joy,glad
8,Zuri is glad.,<p> is <e>.,Zuri,female,African-American,joy,glad
9,Ava is sad.,<p> is <e>.,Ava,female,European,sadness,sad
"""


def test_only_counterparts_are_paired(tmp_path: Path) -> None:
    """Nouns one to one, names within a race by gender and within a gender by race, always of one scene."""
    file = tmp_path / "made_up.csv"
    file.write_text(HEADER + ROWS)
    found = {
        pair_set.attribute: {frozenset(pair_set.variants[place].text for place in pair) for pair in pair_set.pairs}
        for pair_set in read_eec(file)
    }
    glad = [
        {"My aunt is glad.", "My uncle is glad."},
        {"She is glad.", "He is glad."},
    ]
    assert found["EEC gender, nouns"] == {frozenset(pair) for pair in glad}
    assert found["EEC gender, names"] == {frozenset({f"{name} is glad.", "Sam is glad."}) for name in ("Ava", "Eva")}
    assert found["EEC names, race"] == {frozenset({f"{name} is glad.", "Zuri is glad."}) for name in ("Ava", "Eva")}


@pytest.mark.parametrize(
    ("content", "said"),
    [("Sentence,Gender\nA,female\n", "no column 'Template'"), (HEADER + ROWS.splitlines()[-1], "no two sentences")],
)
def test_a_file_without_pairs_is_refused(content: str, said: str, tmp_path: Path) -> None:
    """A missing column is named, and a file with nothing to compare is an error."""
    file = tmp_path / "made_up.csv"
    file.write_text(content)
    with pytest.raises(InputError, match=said):
        read_eec(file)


def test_the_corpus_is_read_whole() -> None:
    """Of the 8,640 sentences the 2,880 with nouns make 1,440 pairs, and the 5,760 with names 28,800 twice."""
    sizes = [(pair_set.attribute, len(pair_set.pairs)) for pair_set in read_eec(data_file(CORPUS))]
    assert sizes == [("EEC gender, nouns", 1440), ("EEC gender, names", 28_800), ("EEC names, race", 28_800)]
