"""Rows of JSON: each line or element by its own keys, faults where they are, and arrays however they are laid out."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.bounded import MAX_COLUMNS, MAX_LINE_BYTES
from sentiment.errors import InputError
from sentiment.sources import BadRow, InputFile, Row, columns_of
from sentiment.sources.columns import AHEAD_ROWS, with_needed_columns
from sentiment.sources.json_array import array_elements
from sentiment.sources.jsonl_rows import read_jsonl

letters = st.text(st.sampled_from('a"\\[]{},: \n\u00e9\U0001f600'), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | letters,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(letters, values, max_size=3)


def rows_of(content: str | bytes, buffer: int = 8_192) -> list[Row | BadRow]:
    """All rows of a file with this content, of which `buffer` bytes are read at a time."""
    data = content.encode() if isinstance(content, str) else content
    return list(read_jsonl(io.BufferedReader(io.BytesIO(data), buffer), "x").rows)


def found(rows: list[Row | BadRow]) -> list[object]:
    """The values of each row, or the line and the reason why there are none."""
    return [row.values if isinstance(row, Row) else (row.line, row.reason) for row in rows]


@given(
    st.lists(objects, min_size=1, max_size=6), st.sampled_from([None, 0, 3]), st.booleans(), st.sampled_from([16, 99])
)
@settings(max_examples=100, deadline=None)
def test_an_array_has_the_rows_of_its_objects(
    written: list[dict[str, object]], indent: int | None, ascii_only: bool, buffer: int
) -> None:
    """However it is laid out, each row has its values, its number, and itself on one line as `raw`."""
    read = rows_of("\n " + json.dumps(written, indent=indent, ensure_ascii=ascii_only) + "\n", buffer)
    assert found(read) == written
    assert [row.number for row in read] == list(range(1, len(written) + 1))
    for row, values_written in zip(read, written, strict=True):
        assert isinstance(row, Row)
        assert b"\n" not in (row.raw or b"")
        assert json.loads(row.raw or b"") == values_written


@given(st.lists(objects, min_size=1, max_size=6))
def test_lines_and_an_array_of_them_give_the_same(written: list[dict[str, object]]) -> None:
    """On the same lines, if the first bracket stands on the first of them."""
    lines = [json.dumps(each) for each in written]
    as_lines, as_array = rows_of("\n".join(lines)), rows_of("[" + ",\n".join(lines) + "]")
    assert as_lines == as_array


@given(st.text(st.sampled_from('[]{}",:\\ \na1'), max_size=40))
@settings(max_examples=300)
def test_anything_that_begins_like_an_array_gives_rows_or_a_refusal(content: str) -> None:
    """No other error, and an array that Python's own reader takes is not refused."""
    content = "[{" + content
    try:
        rows_of(content)
    except InputError as error:
        assert error.exit_code == 2
        with pytest.raises(json.JSONDecodeError):
            json.loads(content)


def test_what_is_no_object_is_a_fault_of_its_line_or_element() -> None:
    """Also the first, and the others are read; empty lines are none. The true reason is told."""
    lines = [
        ("nonsense", "not_json", "not a JSON object"),
        ('{"a":1', "not_json", "not a JSON object"),
        ("[1]", "not_an_object", "not a JSON object"),
        ("null", "not_an_object", "not a JSON object"),
        ('{"a":NaN}', "not_json", "NaN is not a JSON value"),
        ('{"NaN":-Infinity}', "not_json", "-Infinity is not a JSON value"),
        ('{"a":' + "[" * 5_000 + "]" * 5_000 + "}", "not_json", "nested too deeply"),
        ('{"a":"\udcff"}', "not_utf8", "not UTF-8, or not what --encoding says"),
    ]
    for line, reason, message in lines:
        data = line.encode("utf-8", "surrogateescape")
        first, second, last = rows_of(data + b"\n\n" + data + b'\n{"a":2}')
        for row, number in ((first, 1), (second, 3)):
            assert isinstance(row, BadRow)
            assert (row.line, row.reason, row.message[: len(message)]) == (number, reason, message)
        assert isinstance(last, Row)
    array = rows_of('[{"a":1},\n 2,\n{"a":NaN}, nonsense,\n{"a":4}]')
    assert found(array) == [{"a": 1}, (2, "not_an_object"), (3, "not_json"), (3, "not_json"), {"a": 4}]


def test_a_line_of_a_log_does_not_make_an_array() -> None:
    """An array begins with an object."""
    assert found(rows_of('[INFO] starting\n{"a":1}')) == [(1, "not_an_object"), {"a": 1}]


def test_an_array_is_read_one_element_at_a_time() -> None:
    """On one line, in the memory of a few. An element has the limit of a line."""
    element = b'{"a":"%s"},' % (b"x" * 500)
    data = b"[" + element * 8_000 + b"{}]"
    tracemalloc.start()
    n_rows = sum(1 for _ in read_jsonl(io.BufferedReader(io.BytesIO(data)), "x").rows)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_rows == 8_001
    assert most < 1_000_000
    for endless in (b'"' + b"x" * (MAX_LINE_BYTES + 1), b"[" * (MAX_LINE_BYTES // 4) + b" " * MAX_LINE_BYTES):
        with pytest.raises(InputError, match="in line 2 is longer than 8 MiB"):
            list(array_elements(io.BufferedReader(io.BytesIO(b"[{},\n" + endless + b'"]')), "x"))


def test_a_column_of_a_file_is_a_key_of_any_row(tmp_path: Path) -> None:
    """In the order in which they come."""
    path = tmp_path / "x.jsonl"
    path.write_text('nonsense\n{"a":1}\n' * 2_000 + '{"b":1,"a":2}\n')
    assert columns_of(InputFile(path), "jsonl") == ("a", "b")
    path.write_text("nonsense\nmore\n")
    with pytest.raises(InputError, match=r"no row that can be read; the first \(line 1\): not a JSON object"):
        columns_of(InputFile(path), "jsonl")
    path.write_text("\n".join(json.dumps({f"key {n}": 1}) for n in range(MAX_COLUMNS + 1)))
    with pytest.raises(InputError, match=f"more than {MAX_COLUMNS} different keys"):
        columns_of(InputFile(path), "jsonl")
    path.write_text("\n".join(json.dumps({f"{n}" + "k" * (MAX_LINE_BYTES // 2): 1}) for n in range(3)))
    with pytest.raises(InputError, match=r"or 8 MiB of them \(line 2\)"):
        columns_of(InputFile(path), "jsonl")


@given(st.lists(st.sets(st.sampled_from("abc")), max_size=8), st.sets(st.sampled_from("ab"), min_size=1))
def test_rows_of_a_pipe_come_once_all_columns_are_there(keys: list[set[str]], needed: set[str]) -> None:
    """The same rows in the same order, or a refusal if a column is in none of them."""
    rows = [Row(n, n, dict.fromkeys(each, 1)) for n, each in enumerate(keys, start=1)]
    if not rows or needed <= set().union(*keys):
        assert list(with_needed_columns(iter(rows), needed, "x")) == rows
    else:
        with pytest.raises(InputError, match="has no column"):
            list(with_needed_columns(iter(rows), needed, "x"))


def test_a_pipe_is_not_held_back_for_ever() -> None:
    """If the first thousand rows lack a column, it is said at once."""

    def endless() -> object:
        number = 0
        while True:
            number += 1
            yield Row(number, number, {"a": 1})

    with pytest.raises(InputError, match=f"no column 'b' among its first {AHEAD_ROWS:,} rows") as refused:
        next(with_needed_columns(endless(), {"b"}, "x"))  # type: ignore[arg-type]
    assert refused.value.hint == "its columns are: 'a'"
    with pytest.raises(InputError, match=r"no row that can be read; the first \(line 1\): no"):
        next(with_needed_columns(iter([BadRow(1, 1, "not_json", "no")]), {"b"}, "x"))
