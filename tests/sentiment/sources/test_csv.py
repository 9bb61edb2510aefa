"""CSV as people have it: any delimiter and encoding, headers that repeat or lack names, a second header."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentiment.errors import InputError, UsageError
from sentiment.sources import BadRow, ReadingOptions, Row, columns_of, detect_format, find_input, open_rows
from sentiment.sources.csv_rows import read_csv
from sentiment.sources.delimiters import DELIMITERS, find_delimiter
from sentiment.sources.headers import column_names, find_column

names = st.text(st.sampled_from("abcxyz_ "), min_size=1, max_size=8).filter(str.strip)
texts = st.text(st.sampled_from('ab ,;\t|"\n\r\u00e9'), max_size=12)
prose = st.lists(st.sampled_from(["good", "bad", "so, so", "well; no", "a | b", 'said "no"', "x\ty"]), max_size=6)


def rows_of(content: str | bytes, options: ReadingOptions | None = None) -> list[Row | BadRow]:
    """All rows of a CSV file with this content, in UTF-8."""
    data = content.encode() if isinstance(content, str) else content
    return list(read_csv(io.BufferedReader(io.BytesIO(data)), "x", options or ReadingOptions()).rows)


def values_of(path: Path, **options: object) -> list[dict[str, str]]:
    """The values of all rows, as a command reads them."""
    given_input = find_input(str(path), ReadingOptions(**options))  # type: ignore[arg-type]
    with open_rows(given_input, detect_format(given_input)) as source:
        return [dict(row.values) for row in source.rows if isinstance(row, Row)]


def written(rows: list[list[str]], delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    """The rows as Python's writer writes them."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


@given(
    st.lists(names, min_size=2, max_size=5, unique=True),
    st.data(),
    st.sampled_from(DELIMITERS),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(max_examples=200, deadline=None)
def test_whatever_delimiter_was_written_is_found(
    header: list[str], data: st.DataObject, delimiter: str, quoting: int
) -> None:
    """Texts hold the other delimiters, quotes and line ends; the values come back, with `--delimiter` too."""
    body = data.draw(st.lists(st.tuples(*[texts] * len(header)).map(list), max_size=6))
    content = written([header, *body], delimiter, quoting)
    expected = [dict(zip(header, row, strict=True)) for row in body]
    for options in (ReadingOptions(), ReadingOptions(delimiter=delimiter)):
        assert [row.values for row in rows_of(content, options) if isinstance(row, Row)] == expected


@given(st.lists(st.tuples(prose, st.integers(1, 5)), min_size=3, max_size=9), st.sampled_from(DELIMITERS))
@settings(max_examples=100, deadline=None)
def test_a_header_of_sentences_does_not_mislead(rows: list[tuple[list[str], int]], delimiter: str) -> None:
    """A question in the header may hold any of the delimiters, as long as the rows tell."""
    header = ["id", "What, if anything, did you like; or not | at all?", "stars"]
    body = [[str(n), " ".join(words), str(stars)] for n, (words, stars) in enumerate(rows)]
    assume(len({len(row[1].split(",")) for row in body}) > 1 or delimiter != ";")
    assert find_delimiter(written([header, *body], delimiter)) == delimiter


def test_what_is_empty_around_the_table_is_left_out() -> None:
    """Empty lines above the header, and delimiters behind the last column. Lines stay true."""
    read = rows_of("\n\r\na,b\n1,2,,\n\n3,4\n5,6,,7\n")
    assert [row.line for row in read] == [4, 6, 7]
    assert [row.values for row in read if isinstance(row, Row)] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_a_file_of_one_column_stays_whole() -> None:
    """A delimiter in its header is in no row."""
    assert [row.values for row in rows_of("likes | dislikes\ngood\nbad\n")] == [
        {"likes | dislikes": "good"},
        {"likes | dislikes": "bad"},
    ]
    assert [row.values for row in rows_of("Likes; dislikes\ngood\na;b\nbad\n")] == [
        {"Likes; dislikes": "good"},
        {"Likes; dislikes": "a;b"},
        {"Likes; dislikes": "bad"},
    ]
    assert [row.values for row in rows_of("text\na; b\nc; d\n")] == [{"text": "a; b"}, {"text": "c; d"}]


@given(st.sampled_from(DELIMITERS), st.integers(0, 2_000))
@settings(max_examples=60, deadline=None)
def test_the_delimiter_is_found_wherever_the_sample_ends(delimiter: str, end: int) -> None:
    """It may end within a row, a quote or the header."""
    header = ["id", "text", "product", "at"]
    body = [[str(n), 'a, b; c | d\t"e"\nf', "tv; radio", "2024"] for n in range(60)]
    content = written([header, *body], delimiter)
    start = content.index(delimiter) + 1
    assert find_delimiter(content[: start + end]) == delimiter


@pytest.mark.parametrize("line", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
@pytest.mark.parametrize("delimiter", [None, ";"])
def test_the_line_of_excel_tells_the_delimiter(line: str, delimiter: str | None) -> None:
    """It is no header, and counts as a line."""
    options = ReadingOptions(delimiter=delimiter)
    read = rows_of(line + "a,b;c\n1,2;3\n", options)
    assert [(row.line, row.values) for row in read if isinstance(row, Row)] == [(3, {"a,b": "1,2", "c": "3"})]


@pytest.mark.parametrize("ending", [".csv", ".CSV", ".tsv", ".Tab"])
@pytest.mark.parametrize(
    ("encoding", "option"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-8-sig", "utf-8"),
        ("utf-16", None),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
        ("cp1252", "Windows-1252"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_the_encoding_is_that_of_the_file_or_of_the_option(
    tmp_path: Path, ending: str, encoding: str, option: str | None
) -> None:
    """A mark tells it. The ending may be in capitals."""
    text = {"cp1252": "\u00e9t\u00e9 \u2019", "shift_jis": "\u65e5\u672c"}.get(encoding, "\u00e9\U0001f600")
    path = tmp_path / f"x{ending}"
    path.write_bytes(f"{text}\ttext\r\n1\t{text}\r\n".encode(encoding))
    assert values_of(path, encoding=option) == [{text: "1", "text": text}]


@pytest.mark.parametrize(
    ("content", "options", "says", "hint"),
    [
        ("text\nhi\n".encode("utf-16-le"), {}, "is UTF-16 without a byte-order mark", "--encoding utf-16-le"),
        ("text\nhi\n".encode("utf-16-be"), {}, "is UTF-16 without a byte-order mark", "--encoding utf-16-be"),
        ("text\nhi\n".encode("utf-16"), {"encoding": "cp1252"}, "is not cp1252", "leave --encoding out"),
        ("\u00e9t\u00e9,text\n1,hi\n".encode("cp1252"), {}, "line 1: the header is not UTF-8", ""),
        (b"text\nhi\n", {"encoding": "base64"}, "no encoding 'base64'", "cp1252"),
        (b"text\nhi\n", {"encoding": "utf-99"}, "no encoding 'utf-99'", "cp1252"),
        (b"text\nhi\n", {"encoding": "unicode_escape"}, "no encoding 'unicode_escape'", "cp1252"),
        (b"text\nhi\n", {"delimiter": ";;"}, "--delimiter is one character", ""),
        (b"text\nhi\n", {"delimiter": '"'}, "--delimiter is one character", ""),
        (b"text\nhi\n", {"file_format": "jsonl", "delimiter": ";"}, "are for CSV", "--format csv"),
        (b"text\nhi\n", {"file_format": "jsonl", "skip_rows": 1}, "are for CSV", "--format csv"),
        (b"text\nhi\n", {"file_format": "parquet", "encoding": "utf-8"}, "--encoding is for text", ""),
    ],
)
def test_what_cannot_be_read_so_is_refused_with_the_remedy(
    tmp_path: Path, content: bytes, options: dict[str, object], says: str, hint: str
) -> None:
    """Exit code 2, and the option that is right."""
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises((InputError, UsageError)) as refused:
        values_of(path, **options)
    assert refused.value.exit_code == 2
    assert says in refused.value.message
    assert hint in (refused.value.hint or "")


@given(st.lists(st.sampled_from(["a", "b", "a#2", "", " ", "#1", "#2"]), min_size=1, max_size=8))
def test_every_column_has_one_name(header: list[str]) -> None:
    """The first of a name keeps it, and each can be found by its number unless a name looks like one."""
    found = column_names(header)
    assert len(set(found)) == len(header)
    for position, name in enumerate(header):
        if name.strip() and header.index(name) == position:
            assert found[position] == name
        if not {"#1", "#2"} & set(header):
            assert find_column(f"#{position + 1}", found, "x") == found[position]


def test_columns_that_repeat_are_told_apart(tmp_path: Path) -> None:
    """By `NAME#2` or by number; the name alone does not say which. Nameless columns are in nobody's way."""
    path = tmp_path / "survey.csv"
    path.write_text(",Response,Open-Ended Response,,Open-Ended Response,\n0,yes,first,,second,\n")
    columns = columns_of(find_input(str(path)), "csv")
    assert columns == ("#1", "Response", "Open-Ended Response", "#4", "Open-Ended Response#2", "#6")
    row = values_of(path)[0]
    for wanted, value in [
        ("Response", "yes"),
        ("Open-Ended Response#1", "first"),
        ("Open-Ended Response#2", "second"),
        ("#5", "second"),
        ("#3", "first"),
        ("#1", "0"),
    ]:
        found = find_column(wanted, columns, "x")
        assert found is not None
        assert row[found] == value
    for wanted in ("Open-Ended Response#3", "#7", "#0", "Response#1", "absent"):
        assert find_column(wanted, columns, "x") is None
    with pytest.raises(InputError, match="several columns 'Open-Ended Response'") as refused:
        find_column("Open-Ended Response", columns, "x")
    assert "'Open-Ended Response#2'" in (refused.value.hint or "")


def test_rows_after_the_header_are_skipped_and_lines_stay_true() -> None:
    """A second header may be broken or go over lines; rows are numbered from the first one that counts."""
    content = 'text,n\n"which\nhow",many,really\nshort\na,1\nb,2,x\nc,3\n'
    read = rows_of(content, ReadingOptions(skip_rows=2))
    assert [(type(row), row.number, row.line) for row in read] == [(Row, 1, 5), (BadRow, 2, 6), (Row, 3, 7)]
    assert rows_of(content, ReadingOptions(skip_rows=99)) == []
