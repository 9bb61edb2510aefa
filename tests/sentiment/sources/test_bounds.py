"""Hostile files of text: whatever they hold, a reader takes bounded memory and names the place and the limit."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumers.rescore.inputs import PART_BYTES, PART_ROWS, in_parts
from sentiment import packed
from sentiment.bounded import MAX_COLUMNS, MAX_LINE_BYTES
from sentiment.cli.text_lines import read_lines
from sentiment.errors import InputError
from sentiment.results import read_results
from sentiment.sources import BadRow, FileFormat, InputFile, Row, open_rows
from sentiment.sources.csv_rows import read_csv

MIB = 1 << 20
LONG = b"a" * (MAX_LINE_BYTES + 1)


def read(path: Path, file_format: FileFormat) -> Iterator[Row | BadRow]:
    with open_rows(InputFile(path), file_format) as source:
        yield from source.rows


def csv_of(path: Path) -> Iterator[object]:
    return read(path, "csv")


def jsonl_of(path: Path) -> Iterator[object]:
    return read(path, "jsonl")


def text_of(path: Path) -> Iterator[object]:
    return read_lines(InputFile(path))


READERS = [csv_of, jsonl_of, text_of, read_results]


def pack(path: Path, head: bytes, block: bytes, n_blocks: int) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(n_blocks):
            file.write(block)
    return path


@pytest.mark.parametrize("reader", READERS)
def test_a_packed_line_without_an_end_takes_bounded_memory(
    tmp_path: Path, reader: Callable[[Path], Iterator[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of 200 MiB is read past, or refused, with a small multiple of the longest line in memory."""
    monkeypatch.setattr(packed, "FREE_UNPACKED_BYTES", 64 * MIB)
    path = pack(tmp_path / "x.gz", b"text\n", b"0" * MIB, 200)
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as refused:
            list(reader(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused.value.exit_code == 2
    assert peak < 12 * MAX_LINE_BYTES


@pytest.mark.parametrize("reader", [csv_of, jsonl_of, text_of])
def test_a_gzip_bomb_of_lines_is_refused_with_its_limit(
    tmp_path: Path, reader: Callable[[Path], Iterator[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short lines that unpack to a thousand times their size would go on for ever."""
    monkeypatch.setattr(packed, "FREE_UNPACKED_BYTES", MIB)
    path = pack(tmp_path / "x.gz", b"text\n", b"0" * 65_535 + b"\n", 160)
    with pytest.raises(InputError, match="unpacks to more than") as refused:
        for _ in reader(path):
            pass
    assert str(path) in refused.value.message
    assert refused.value.hint is not None
    assert "unpack it" in refused.value.hint


@pytest.mark.parametrize(
    ("file_format", "head", "last"), [("csv", b"text,n\nfirst,1\n", b"last,3\n"), ("jsonl", b'{"n":1}\n', b'{"n":3}\n')]
)
def test_an_overlong_line_is_one_bad_row_and_the_next_is_read(
    tmp_path: Path, file_format: FileFormat, head: bytes, last: bytes
) -> None:
    """The row is rejected with its line and the limit."""
    path = tmp_path / "x"
    path.write_bytes(head + LONG + b"\n" + last)
    rows = list(read(path, file_format))
    assert [type(row) for row in rows] == [Row, BadRow, Row]
    bad = rows[1]
    assert isinstance(bad, BadRow)
    assert (bad.reason, bad.line, bad.message) == (
        "line_too_long",
        2 + (file_format == "csv"),
        "the line is longer than 8 MiB",
    )


def test_an_overlong_line_to_score_says_so_and_the_next_is_read(tmp_path: Path) -> None:
    """`score --file` answers every line."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"good\n" + LONG + b"\nbad\n")
    assert [(line.text, line.error) for line in read_lines(InputFile(path))] == [
        ("good", None),
        (None, "the line is longer than 8 MiB"),
        ("bad", None),
    ]


def test_an_overlong_result_is_refused_with_its_line(tmp_path: Path) -> None:
    """Statistics over some of the results would mislead."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\n" + LONG)
    with pytest.raises(InputError, match=r"line 2 is longer than 8 MiB"):
        list(read_results(path))


def test_a_quoted_field_over_many_lines_has_the_limit_of_a_line() -> None:
    """Its row cannot be skipped: nobody knows where it ends."""
    body = b'text\n"' + b"a\n" * (MAX_LINE_BYTES // 2) + b'"\n'
    with pytest.raises(InputError, match="never closed; its row starts at line 2"):
        list(read_csv(io.BufferedReader(io.BytesIO(body)), "x.csv").rows)


def test_a_row_of_short_fields_over_many_lines_has_the_limit_of_a_line() -> None:
    """No field is long, but the row does not end."""
    body = b'text\n"a' + b'\n","' * (MAX_LINE_BYTES // 4) + b'"\n'
    with pytest.raises(InputError, match="its row starts at line 2"):
        list(read_csv(io.BufferedReader(io.BytesIO(body)), "x.csv").rows)


def test_a_header_of_millions_of_columns_is_refused_with_the_limit() -> None:
    """In linear time, and whether or not it fits a line."""
    for header, says in [
        (b"a," * (MAX_LINE_BYTES // 2 - 1), f"at most {MAX_COLUMNS} are read"),
        (b"abcdefgh," * (MAX_LINE_BYTES // 9 + 1), "line 1: the header is longer than 8 MiB"),
    ]:
        with pytest.raises(InputError, match=says) as refused:
            read_csv(io.BufferedReader(io.BytesIO(header + b"\n1\n")), "x.csv")
        assert refused.value.exit_code == 2
        assert refused.value.hint is not None


def test_parts_end_early_if_their_rows_are_large() -> None:
    """A thousand rows of 8 MiB would be 8 GiB. Ordinary rows come in thousands."""
    large = [Row(n, n, {}, raw=bytes(MAX_LINE_BYTES)) for n in range(1, 12)]
    assert [len(part) for part in in_parts(large)] == [PART_BYTES // MAX_LINE_BYTES + 1] * 2 + [1]
    small = [Row(n, n, {"text": "a"}) for n in range(2 * PART_ROWS + 1)]
    assert [len(part) for part in in_parts(small)] == [PART_ROWS, PART_ROWS, 1]
    assert list(in_parts([])) == [[]]
