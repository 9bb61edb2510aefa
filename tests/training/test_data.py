"""Labelled files: what is read, what is refused, and how it is weighted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from sentiment.errors import InputError
from training.data import Example, Weighting, describe, fingerprint, read_examples, without_leakage

ROWS = [
    {"text": "Mail me at jane@example.org", "label": "negative", "source": "mail", "kind": "human"},
    {"text": "ok @shop", "label": "neutral", "source": "chat", "kind": "stars"},
]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    frame = pd.DataFrame(rows)
    if path.name.endswith(".parquet"):
        frame.to_parquet(path)
    elif ".csv" in path.name:
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz", "a.parquet"])
def test_every_format_gives_the_same_examples(tmp_path: Path, name: str) -> None:
    """CSV, JSONL and Parquet hold the same rows, redacted and normalised as in serving."""
    assert read_examples(write(tmp_path / name, ROWS)) == [
        Example(text="Mail me at email", label=0, source="mail", kind="human"),
        Example(text="ok @user", label=1, source="chat", kind="stars"),
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"text": "canary", "label": "angry"}], "an unknown label (rows 1)"),
        ([*ROWS, {"text": "  ", "label": "neutral"}], "no text (rows 3)"),
        ([{"text": None, "label": "neutral"}], "no text (rows 1)"),
        ([{"body": "canary", "label": "neutral"}], "no column 'text'"),
        ([{"text": "canary", "stars": 1}], "no column 'label'"),
    ],
)
def test_bad_rows_are_named_by_number_not_text(tmp_path: Path, rows: list[dict[str, object]], said: str) -> None:
    """Each fault tells the row or the column, and never the text."""
    with pytest.raises(InputError) as caught:
        read_examples(write(tmp_path / "bad.jsonl", rows))
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.jsonl", None),
        ("junk.jsonl", b"\x00\x01\x02"),
        ("junk.parquet", b"PAR1junk"),
        ("half.jsonl.gz", gzip.compress(json.dumps(ROWS[0]).encode(), mtime=0)[:-9]),
        ("empty.csv", b""),
        ("table.xlsx", b"PK"),
    ],
)
def test_unreadable_files_are_an_input_error(tmp_path: Path, name: str, content: bytes | None) -> None:
    """A file that is missing, damaged, empty or of another kind is named."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_examples(path)


def test_held_out_texts_are_taken_out_of_training() -> None:
    """A text that differs from a held-out one in case and outer punctuation only is not trained on."""
    train = [Example(text=t, label=0, source="s", kind="human") for t in ("Great app!", "other", "great APP")]
    held_out = [Example(text="great app.", label=2, source="s", kind="human")]
    kept, dropped = without_leakage(train, held_out)
    assert [example.text for example in kept] == ["other"]
    assert dropped == 2


def test_weights_multiply() -> None:
    """A weight is its class × its source, halved for a neutral that comes from stars."""
    weighting = Weighting(classes=(2.0, 1.0, 1.0), sources={"brand": 0.5})
    assert weighting.of(Example(text="a", label=0, source="brand", kind="human")) == 1.0
    assert weighting.of(Example(text="a", label=1, source="brand", kind="stars")) == 0.25
    assert weighting.of(Example(text="a", label=2, source="mail", kind="stars")) == 1.0


def test_the_fingerprint_is_of_content_and_order() -> None:
    """Another text, label or order gives another fingerprint; the same rows give the same."""
    one = Example(text="a", label=0, source="s", kind="human")
    two = Example(text="b", label=0, source="s", kind="human")
    three = Example(text="a", label=1, source="s", kind="human")
    prints = [fingerprint(rows) for rows in ([one, two], [two, one], [three, two], [one])]
    assert len(set(prints)) == len(prints)
    assert fingerprint([one, two]) == prints[0]
    assert describe([one, three])["labels"] == {"negative": 1, "neutral": 1}
