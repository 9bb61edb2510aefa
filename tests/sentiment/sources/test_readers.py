"""Readers: the rows of a file as they are, faults by row where that is possible, and clear refusals where it is not."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.errors import InputError, UsageError
from sentiment.packed import open_packed
from sentiment.sources import BadRow, FileFormat, InputFile, Row, detect_format, find_input, open_rows
from sentiment.sources.csv_rows import read_csv
from sentiment.sources.jsonl_rows import read_jsonl

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


def buffered(content: bytes) -> io.BufferedReader[Any]:
    """An open file with this content."""
    return io.BufferedReader(io.BytesIO(content))


class Drip(io.RawIOBase):
    """A pipe that hands out a few bytes at a time."""

    def __init__(self, content: bytes, n_bytes: int) -> None:
        self._content = io.BytesIO(content)
        self._n_bytes = n_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's type is newer than 3.11
        data = self._content.read(min(self._n_bytes, len(buffer)))
        buffer[: len(data)] = data
        return len(data)


def rows_of(path: Path, file_format: FileFormat) -> list[Row | BadRow]:
    """All rows of a file."""
    with open_rows(InputFile(path), file_format) as source:
        return list(source.rows)


def rows_of_argument(argument: str) -> list[Row | BadRow]:
    """All rows of what a command line names."""
    given_input = find_input(argument)
    with open_rows(given_input, detect_format(given_input, None)) as source:
        return list(source.rows)


@settings(max_examples=40)
@given(st.lists(st.tuples(cells, cells), max_size=20))
def test_csv_rows_come_back_as_they_were_written(table: list[tuple[str, str]]) -> None:
    """Quotes, line ends and empty fields within values survive."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *table])
    read = list(read_csv(buffered(text.getvalue().encode()), "x").rows)
    assert [(row.values["a"], row.values["b"]) for row in read if isinstance(row, Row)] == table
    assert [row.number for row in read] == list(range(1, len(table) + 1))


@settings(max_examples=40)
@given(st.lists(st.dictionaries(cells, st.none() | st.booleans() | st.integers() | cells), min_size=1, max_size=20))
def test_jsonl_rows_come_back_with_their_bytes(objects: list[dict[str, object]]) -> None:
    """Values are decoded, and the raw line is there."""
    lines = [msgspec.json.encode(each) for each in objects]
    read = list(read_jsonl(buffered(b"\n".join(lines)), "x").rows)
    assert [row.values for row in read if isinstance(row, Row)] == objects
    assert [row.raw for row in read if isinstance(row, Row)] == lines


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_junk_never_raises_anything_but_an_input_error(junk: bytes) -> None:
    """Whatever the bytes are, the readers of text give rows, bad rows, or an InputError."""
    n_rows = 0
    for read in (read_csv, read_jsonl):
        try:
            n_rows += len(list(read(buffered(junk), "x").rows))
        except InputError as error:
            assert error.exit_code == 2
    assert n_rows >= 0


def test_a_bad_csv_row_is_told_by_its_line_and_the_others_are_read(tmp_path: Path) -> None:
    """Too many fields and broken quoting do not hide what follows; lines count, not rows."""
    path = tmp_path / "x.csv"
    path.write_text('text,n\n"two\nlines",1\nlong,1,2\n"a"b,2\nlast,3\n')
    read = rows_of(path, "csv")
    assert [(type(row).__name__, row.number, row.line) for row in read] == [
        ("Row", 1, 2),
        ("BadRow", 2, 4),
        ("BadRow", 3, 5),
        ("Row", 4, 6),
    ]
    assert [row.reason for row in read if isinstance(row, BadRow)] == ["field_count", "bad_quoting"]


def test_a_short_csv_row_has_empty_fields(tmp_path: Path) -> None:
    """As spreadsheets and pandas read it; it is marked, so that a command can say how many there are."""
    path = tmp_path / "x.csv"
    path.write_text("text,n,m\nfull,1,2\nshort\n")
    read = [row for row in rows_of(path, "csv") if isinstance(row, Row)]
    assert [(dict(row.values), row.padded) for row in read] == [
        ({"text": "full", "n": "1", "m": "2"}, False),
        ({"text": "short", "n": "", "m": ""}, True),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_encoding_is_known_by_its_mark(tmp_path: Path, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """The mark is part of no name or value, and the file may be packed, whatever it is called."""
    for file_format, content in (
        ("csv", "text\n\u201chi\u201d \U0001f600\n"),
        ("jsonl", '{"text":"\u201chi\u201d \U0001f600"}\n'),
    ):
        path = tmp_path / f"x.{file_format}"
        path.write_bytes(pack(content.encode(encoding)))
        assert [row.values for row in rows_of_argument(str(path)) if isinstance(row, Row)] == [
            {"text": "\u201chi\u201d \U0001f600"}
        ]


PIPED: dict[str, tuple[FileFormat, bytes]] = {
    "gzip": ("csv", gzip.compress(b"a,b\n1,2\n")),
    "bzip2": ("csv", bz2.compress(b"a,b\n1,2\n")),
    "xz": ("jsonl", lzma.compress(b'{"a":"1","b":"2"}\n')),
    "tab": ("csv", b"a\tb\n1\t2\n"),
    "excel": ("csv", b"sep=;\r\na;b\r\n1;2\r\n"),
    "UTF-16": ("csv", "a,b\n1,2\n".encode("utf-16")),
    "mark": ("jsonl", b'\xef\xbb\xbf{"a":"1","b":"2"}'),
    "array": ("jsonl", b'\n  [\n {"a":"1",\n"b":"2"}]'),
}


@pytest.mark.parametrize("n_bytes", [1, 2, 5, 9, 1_000])
@pytest.mark.parametrize("shape", PIPED)
def test_a_pipe_may_hand_out_its_bytes_in_any_pieces(shape: str, n_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is, is told by its first bytes, and not by how many of them come at once."""
    file_format, content = PIPED[shape]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Drip(content, n_bytes))))
    with open_rows(InputFile(None), file_format) as source:
        read = list(source.rows)
    assert [dict(row.values) for row in read if isinstance(row, Row)] == [{"a": "1", "b": "2"}]


def test_a_short_line_of_a_pipe_is_read_before_the_next_one_comes() -> None:
    """Somebody may type it, and wait for the answer."""
    pipe = Drip(b"ok\nfine\n", 3)
    with open_packed(io.BufferedReader(pipe), "a pipe") as text:
        assert text.readline() == b"ok\n"
        assert pipe.read(3) == b"fin"


def test_half_a_pair_in_utf_16_is_a_fault_of_its_row(tmp_path: Path) -> None:
    """The other rows are read."""
    path = tmp_path / "x.jsonl"
    path.write_bytes('\ufeff{"a":1}\n{"a":"\ud83d"}\n{"a":2}'.encode("utf-16-le", "surrogatepass"))
    assert [getattr(row, "reason", None) for row in rows_of(path, "jsonl")] == [None, "not_utf8", None]


def test_parquet_reads_only_the_columns_asked_for(tmp_path: Path) -> None:
    """Rows come in order, with the needed values."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": [f"t{n}" for n in range(2_500)], "other": list(range(2_500))}), path)
    with open_rows(InputFile(path), "parquet", ["text", "absent"]) as source:
        assert source.columns == ("text", "other")
        read = [row.values for row in source.rows]
    assert read == [{"text": f"t{n}"} for n in range(2_500)]


def _truncated_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(b"text\n" + os.urandom(4_000).hex().encode())[:2_000])


def _damaged_gzip(path: Path) -> None:
    packed = bytearray(gzip.compress(b"text\n" + b"".join(b"%d\n" % n for n in range(5_000))))
    packed[200:220] = b"\xff" * 20
    path.write_bytes(bytes(packed))


def _truncated_parquet(path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"] * 1_000}), path)
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("absent.csv", lambda path: None, "there is no file"),
        ("folder.csv", lambda path: path.mkdir(), "is a directory"),
        ("junk.csv", lambda path: path.write_bytes(b"\x00\x01\x02" * 1_000), "binary"),
        ("junk.parquet", lambda path: path.write_bytes(os.urandom(1_000)), "not a readable Parquet"),
        ("cut.parquet", _truncated_parquet, "not a readable Parquet"),
        ("not.csv.gz", lambda path: path.write_text("text\nhello\n"), "named as gzip, which it is not"),
        ("cut.csv.gz", _truncated_gzip, "cut off"),
        ("damaged.csv.gz", _damaged_gzip, "damaged"),
        ("old.csv", lambda path: path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1")), "is an Excel workbook"),
        (
            "half.csv",
            lambda path: path.write_bytes("text\nhello\n".encode("utf-16")[:-1]),
            "is not UTF-16-LE throughout",
        ),
        ("empty.csv", lambda path: path.write_bytes(b""), "is empty"),
        ("empty.jsonl", lambda path: path.write_bytes(b"\n\n"), "is empty"),
        ("none.json", lambda path: path.write_text("[\n\n]"), "an empty JSON array"),
        ("open.json", lambda path: path.write_text('\n[{"a":1},'), "JSON array, which begins in line 2, does not end"),
        (
            "goes.on.json",
            lambda path: path.write_text('[{"a":1}\n]\n\n[{"b":1}]'),
            "after the end of its JSON array, in line 4",
        ),
        (
            "open.csv",
            lambda path: path.write_text('text,n\na,1\n"never closed,2\nb,3\n'),
            "never closed; its row starts at line 3",
        ),
        ("table.csv", lambda path: pq.write_table(pa.table({"text": ["a"]}), path), "Parquet file"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, name: str, make: object, says: str) -> None:
    """Each kind of unusable file has its own message, and exit code 2."""
    path = tmp_path / name
    make(path)  # type: ignore[operator]
    with pytest.raises(InputError) as refused:
        rows_of_argument(str(path))
    assert says in refused.value.message
    assert refused.value.exit_code == 2


def test_the_name_in_a_zip_tells_the_format(tmp_path: Path) -> None:
    """If its own does not, as in downloads that are called archive.zip."""
    path = tmp_path / "archive.ZIP"
    for name, content in (("folder/Reviews.TSV", "text\tn\nhi\t1\n"), ("a.json", '[{"text": "hi", "n": "1"}]')):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, content)
        assert [row.values for row in rows_of_argument(str(path)) if isinstance(row, Row)] == [{"text": "hi", "n": "1"}]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="cut off or damaged"):
        rows_of_argument(str(path))


def test_a_format_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    """Neither a nameless pipe nor an unknown suffix is guessed at. What a file is packed with does not matter."""
    for packing in ("", ".gz", ".bz2", ".xz", ".zst", ".zip", ".ZIP"):
        assert detect_format(InputFile(tmp_path / f"x.JSONL{packing}"), None) == "jsonl"
    assert detect_format(InputFile(tmp_path / "x.bin"), "csv") == "csv"
    for unknown in (InputFile(None), InputFile(tmp_path / "x.bin")):
        with pytest.raises(UsageError) as refused:
            detect_format(unknown, None)
        assert "--format" in str(refused.value.hint)


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, file_format: FileFormat) -> None:
    """Ten times the rows take at most 1.1 times the memory."""

    def peak(n_rows: int) -> int:
        path = tmp_path / f"{n_rows}.{file_format}"
        with path.open("w") as file:
            if file_format == "csv":
                file.write("text\n")
            for n in range(n_rows):
                file.write(f"row {n} {'x' * 200}\n" if file_format == "csv" else f'{{"text":"row {n} {"x" * 200}"}}\n')
        tracemalloc.start()
        with open_rows(InputFile(path), file_format) as source:
            assert sum(1 for _ in source.rows) == n_rows
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)  # imports and caches
    assert peak(20_000) <= 1.1 * peak(2_000)
