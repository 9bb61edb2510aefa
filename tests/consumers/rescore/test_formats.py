"""Re-scoring: every value of every input column survives, in each format."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.rescore.json_types import kind_of, merge_kinds, to_kind
from sentiment.columns import RESULT_COLUMNS, plan_columns
from sentiment.events import MAX_TEXT_CHARS
from tests.consumers.rescore.support import LABELS, TEXTS, rescore
from tests.fakes import LexiconClassifier

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


@settings(max_examples=10, deadline=None)
@given(table=st.lists(st.tuples(cells, cells), min_size=1, max_size=40))
def test_csv_values_survive_to_every_format(
    table: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any string survives: quotes, line ends, "NA", "1.0" and the empty one."""
    folder = tmp_path_factory.mktemp("csv")
    source = folder / "x.csv"
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("text", "other"), *table])
    source.write_text(text.getvalue(), encoding="utf-8", newline="")
    for name in ("y.csv", "y.jsonl", "y.parquet"):
        rescore(source, folder / name)
    with (folder / "y.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["text"], row["other"]) for row in csv.DictReader(file)] == table
    objects = [msgspec.json.decode(line) for line in (folder / "y.jsonl").read_bytes().split(b"\n")[:-1]]
    assert [(each["text"], each["other"]) for each in objects] == table
    read = pq.read_table(folder / "y.parquet")
    assert list(zip(read["text"].to_pylist(), read["other"].to_pylist(), strict=True)) == table


def test_results_are_the_contract_s_columns_and_those_of_their_own_row(tmp_path: Path) -> None:
    """Label, score and probabilities belong to the row's text; what the model sees is redacted."""
    source = tmp_path / "x.csv"
    source.write_text("text\n" + "\n".join([*TEXTS, "awful, mail me: jo@example.com".join('""')]) + "\n")
    classifier = LexiconClassifier()
    rescore(source, tmp_path / "y.parquet", classifier)
    frame = pd.read_parquet(tmp_path / "y.parquet")
    assert list(frame.columns) == ["text", *RESULT_COLUMNS]
    assert list(frame["label"]) == [*LABELS, "negative"]
    assert (frame["p_positive"] - frame["p_negative"] == frame["score"]).all()
    assert set(frame["model_version"]) == {"1"}
    assert frame["text"][3] == "awful, mail me: jo@example.com"
    assert classifier.seen[3] == "awful, mail me: email"


def test_a_row_that_lacks_fields_is_kept_with_empty_ones(tmp_path: Path) -> None:
    """The missing fields are empty, as in pandas, and the number of such rows is reported."""
    source = tmp_path / "x.csv"
    source.write_text("text,n\ngreat,1\nawful\n")
    _, watch = rescore(source, tmp_path / "y.csv")
    assert (tmp_path / "y.csv").read_text().splitlines()[2].startswith("awful,,negative")
    assert watch.said == ["rows with fewer fields than the header: 1 (the missing ones are taken to be empty)"]


def test_jsonl_keeps_the_bytes_of_every_value(tmp_path: Path) -> None:
    """Numbers keep their digits, escapes and nested values their form, absent keys stay absent."""
    source = tmp_path / "x.jsonl"
    source.write_bytes(
        b'{"text":"gr\\u0065at","n":1.10,"big":123456789012345678901,"o":{"a": [1, 2]}}\n{"text":"awful"}\n'
    )
    rescore(source, tmp_path / "y.jsonl")
    first, second = (tmp_path / "y.jsonl").read_bytes().splitlines()
    assert first.startswith(
        b'{"text":"gr\\u0065at","n":1.10,"big":123456789012345678901,"o":{"a": [1, 2]},"label":"positive"'
    )
    assert second.startswith(b'{"text":"awful","label":"negative"')
    rescore(source, tmp_path / "y.csv")
    with (tmp_path / "y.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["n"], rows[0]["big"], rows[0]["o"], rows[1]["n"]) == (
        "1.10",
        "123456789012345678901",
        '{"a": [1, 2]}',
        "",
    )


json_values = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | cells
)


@given(st.lists(json_values | st.lists(json_values, max_size=2), min_size=1, max_size=10))
def test_json_columns_get_a_type_that_loses_nothing(values: list[object]) -> None:
    """However mixed the values of a column are, they can be recovered from it."""
    kind = kind_of(values[0])
    for value in values[1:]:
        kind = merge_kinds(kind, kind_of(value))
    for value in values:
        held = to_kind(value, kind)
        assert (msgspec.json.decode(held) if kind == "json" and held is not None else held) == value


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Timestamps, decimals, lists, categories and gaps come back as they were, and pandas still reads the file."""
    frame = pd.DataFrame(
        {
            "text": TEXTS,
            "score": pd.Series([1, None, 3], dtype="Int64"),
            "at": pd.to_datetime(["2024-01-01T00:00:00.123456789Z"] * 3),
            "kind": pd.Categorical(["a", "b", "a"]),
        }
    )
    table = pa.Table.from_pandas(frame).append_column("amount", pa.array([Decimal("1.10"), None, Decimal("2.00")]))
    table = table.append_column("tags", pa.array([["x"], [], None]))
    source = tmp_path / "x.parquet"
    pq.write_table(table, source, row_group_size=2)
    _, watch = rescore(source, tmp_path / "y.parquet")
    result = pq.read_table(tmp_path / "y.parquet")
    kept = result.select(["text", "input_score", "at", "kind", "amount", "tags"])
    assert kept.rename_columns(table.column_names).cast(table.schema).equals(table)
    assert [field.type for field in kept.schema] == [field.type for field in pq.read_schema(source)]
    assert list(pd.read_parquet(tmp_path / "y.parquet")["label"]) == LABELS
    assert "kept as 'input_score'" in watch.said[0]
    for name in ("y.csv", "y.jsonl"):
        rescore(source, tmp_path / name)
    assert msgspec.json.decode((tmp_path / "y.jsonl").read_bytes().splitlines()[0])["amount"] == "1.10"


@given(st.lists(st.sampled_from([*RESULT_COLUMNS, "input_score", "input_input_score", "a"]), unique=True))
def test_columns_never_collide(names: list[str]) -> None:
    """All names of the output differ, the result has the names of the contract, and no input column is lost."""
    columns = plan_columns(names)
    assert len(set(columns.outputs)) == len(names) + len(RESULT_COLUMNS)
    assert columns.outputs[-len(RESULT_COLUMNS) :] == RESULT_COLUMNS
    assert [after for before, after in zip(names, columns.kept_as, strict=True) if before not in RESULT_COLUMNS] == [
        name for name in names if name not in RESULT_COLUMNS
    ]


def test_rows_that_cannot_be_scored_get_nulls_and_are_counted(tmp_path: Path) -> None:
    """Empty, missing, too long or no text at all: exactly what the scoring worker refuses too."""
    source = tmp_path / "x.jsonl"
    rows = [
        {"text": ""},
        {"text": None},
        {"id": 1},
        {"text": 5},
        {"text": "x" * (MAX_TEXT_CHARS + 1)},
        {"text": "great"},
    ]
    source.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    report, _ = rescore(source, tmp_path / "y.jsonl")
    results = [msgspec.json.decode(line) for line in (tmp_path / "y.jsonl").read_bytes().splitlines()]
    assert (report.n_rows, report.n_unscored) == (6, 5)
    assert [result["label"] for result in results] == [None] * 5 + ["positive"]
    assert [result["score"] for result in results][:5] == [None] * 5
