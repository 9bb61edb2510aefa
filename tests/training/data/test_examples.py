"""Labelled files: what is read, what is refused, and how it is weighted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import datasets
import pandas as pd
import pytest

from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.sources import ReadingOptions
from tests.fakes import names_searched
from training.data.examples import (
    Example,
    RowLayout,
    Weighting,
    describe,
    fingerprint,
    read_examples,
    read_texts,
    without_leakage,
)

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


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
@pytest.mark.parametrize("labels", [[0, 1, 2], [0.0, 1.0, 2.0], ["0", " 1 ", "2"], ["Negative", "1", "POSITIVE"]])
def test_foreign_columns_and_labels_are_mapped(tmp_path: Path, name: str, labels: list[object]) -> None:
    """Whatever type a file gives to its labels, a map of words says what they mean; our own words need none."""
    rows = [{"body": f"text {number}", "stars": label} for number, label in enumerate(labels)]
    layout = RowLayout("body", "stars", {"0": "negative", "1": "neutral", "2": "positive"})
    found = read_examples(write(tmp_path / name, rows), layout)
    assert [(example.text, example.label) for example in found] == [("text 0", 0), ("text 1", 1), ("text 2", 2)]


def test_a_file_is_read_as_the_user_says(tmp_path: Path) -> None:
    """Semicolons, cp1252 and a second header, as other commands take them; without these words it is refused."""
    path = tmp_path / "survey.csv"
    path.write_bytes("text;label\nQuestion 1;Question 2\nkäputt, very;negative\nschön;positive\n".encode("cp1252"))
    layout = RowLayout(reading=ReadingOptions(None, ";", "cp1252", 1))
    assert [example.text for example in read_examples(path, layout)] == ["käputt, very", "schön"]
    with pytest.raises(InputError, match="survey"):
        read_examples(path)


def test_unknown_labels_are_named_and_texts_are_not(tmp_path: Path) -> None:
    """Labels are no texts. A column of texts that is taken for labels by mistake is not shown."""
    path = write(
        tmp_path / "rows.jsonl", [{"text": f"canary {n}", "label": n % 2, "other": "x" * n} for n in range(40)]
    )
    with pytest.raises(InputError, match=r"40 rows with an unknown label: '0', '1' \(rows 1, 2") as caught:
        read_examples(path)
    assert "--label-map 0=negative" in (caught.value.hint or "")
    for column in ("text", "other"):
        with pytest.raises(InputError, match="different values, too many or too long for labels") as caught:
            read_examples(path, RowLayout(label=column))
        assert "canary" not in f"{caught.value} {caught.value.hint}"
        assert "xx" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"text": "canary", "label": "angry"}], "an unknown label: 'angry' (rows 1)"),
        ([*ROWS, {"text": "  ", "label": "neutral"}], "no text (rows 3)"),
        ([{"text": None, "label": "neutral"}], "no text (rows 1)"),
        ([{"body": "canary", "label": "neutral"}], "no column 'text'"),
        ([{"text": "canary", "stars": 1}], "no column 'label'"),
        (
            [{**ROWS[0], "id": "a"}, {**ROWS[1], "id": "b"}, {**ROWS[1], "id": "a"}],
            "an id that another row has (rows 1, 3)",
        ),
    ],
)
def test_bad_rows_are_named_by_number_not_text(tmp_path: Path, rows: list[dict[str, object]], said: str) -> None:
    """Each message names the row or the column, and never contains the text."""
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


def test_optional_columns_are_read_where_they_are(tmp_path: Path) -> None:
    """Product and id come along as strings; a missing one is empty, and empty ids are not duplicates of each other."""
    rows: list[dict[str, object]] = [{**ROWS[0], "id": 7, "product": "app"}, {**ROWS[1]}, {**ROWS[1]}]
    examples = read_examples(write(tmp_path / "a.csv", rows))
    assert [(example.id, example.product) for example in examples][1:] == [("", ""), ("", "")]
    assert examples[0].product == "app"


def test_unlabelled_texts_are_prepared_and_unique(tmp_path: Path) -> None:
    """Texts of any column, redacted and normalised, without empty texts and duplicates; only as many as asked for."""
    rows: list[dict[str, object]] = [{"content": text} for text in ("mail jane@example.org", "", "b", "b", None, "c")]
    path = write(tmp_path / "a.jsonl", rows)
    assert read_texts(path, "content") == ["mail email", "b", "c"]
    assert read_texts(path, "content", most=2) == ["mail email", "b"]
    with pytest.raises(InputError, match="no column 'text'"):
        read_texts(path)


def test_a_hub_data_set_is_read_with_its_label_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's class numbers become names; a split can be chosen; the rest is as from a file."""
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=list(LABELS))})
    hub = datasets.Dataset.from_list([{"text": row["text"], "label": row["label"]} for row in ROWS], features=features)
    asked = []

    def load(name: str, split: str) -> datasets.Dataset:
        asked.append((name, split))
        return hub

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert [example.label for example in read_examples("hub:owner/feedback:test")] == [0, 1]
    assert read_examples("hub:owner/feedback")[0].text == "Mail me at email"
    assert asked == [("owner/feedback", "test"), ("owner/feedback", "train")]


def test_a_local_folder_of_a_data_set_is_read_like_the_hub(tmp_path: Path) -> None:
    """What `datasets` can load by path needs no network."""
    (tmp_path / "feedback").mkdir()
    write(tmp_path / "feedback" / "train.csv", ROWS)
    assert [example.source for example in read_examples(f"hub:{tmp_path / 'feedback'}")] == ["mail", "chat"]


def test_a_hub_that_cannot_be_reached_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, no such data set: one line with its name and what else can be given."""

    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("canary")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(InputError, match="owner/feedback") as caught:
        read_examples("hub:owner/feedback")
    assert "give a CSV" in str(caught.value.hint)
    assert "canary" not in str(caught.value)


def test_held_out_texts_are_taken_out_of_training() -> None:
    """A text that differs from a held-out one in case and outer punctuation only is not trained on."""
    train = [Example(text=t, label=0, source="s", kind="human") for t in ("Great app!", "other", "great APP")]
    held_out = [Example(text="great app.", label=2, source="s", kind="human")]
    kept, dropped = without_leakage(train, held_out)
    assert [example.text for example in kept] == ["other"]
    assert dropped == 2


def test_weights_multiply() -> None:
    """A weight is that of its class × that of its data set, halved for a neutral from stars."""
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


def test_names_are_hidden_as_in_serving(tmp_path: Path) -> None:
    """In labelled rows and in texts without labels, where the user wants them hidden."""
    file = write(tmp_path / "rows.jsonl", [{"text": "Jane Roe was great", "label": "positive"}])
    with names_searched():
        assert [example.text for example in read_examples(file)] == ["person was great"]
        assert read_texts(file) == ["person was great"]
