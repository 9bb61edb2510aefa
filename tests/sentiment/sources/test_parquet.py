"""Parquet: every type is read, nothing is lost, and no file takes much memory, whatever it unpacks to."""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from sentiment.errors import InputError
from sentiment.sources import InputFile, Row, open_rows
from sentiment.sources.parquet_pages import listed_null_bytes
from tests.processes import start
from tests.sentiment.sources.arrow_tables import agrees, arrays

MIB = 1 << 20


def read(path: Path, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The values of all rows."""
    with open_rows(InputFile(path), "parquet", columns) as source:
        return [dict(row.values) for row in source.rows if isinstance(row, Row)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_values_of_every_type_are_those_that_arrow_reads(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nested, far away, in nanoseconds, in unknown zones: nothing fails, and nothing is lost."""
    n_rows = data.draw(st.integers(0, 5))
    table = pa.table({str(number): data.draw(arrays(n_rows)) for number in range(3)})
    path = tmp_path_factory.mktemp("any") / "x.parquet"
    options = {
        "data_page_version": data.draw(st.sampled_from(["1.0", "2.0"])),
        "use_dictionary": data.draw(st.booleans()),
        "compression": data.draw(st.sampled_from(["snappy", "zstd", "gzip", "lz4", "brotli", "none"])),
        "store_schema": data.draw(st.booleans()),
    }
    try:
        pq.write_table(table, path, row_group_size=2, **options)
        expected = pq.read_table(path)
    except pa.ArrowException:  # some nestings cannot be written, or not be read back
        reject()
    rows = read(path)
    assert len(rows) == n_rows
    for name in table.column_names:
        for row, scalar in zip(rows, expected[name], strict=True):
            assert agrees(row[name], scalar), scalar.type


def test_int96_reads_times_beyond_2262(tmp_path: Path) -> None:
    """Spark writes 9999-12-31 for "no end". As nanoseconds it would be a day in 1816."""
    path = tmp_path / "x.parquet"
    moments = pa.array([0, 253_402_214_400_000_000, None], pa.timestamp("us"))
    pq.write_table(pa.table({"at": moments}), path, use_deprecated_int96_timestamps=True)
    assert [row["at"] for row in read(path)] == moments.to_pylist()


def test_a_string_that_is_not_utf8_is_marked_as_in_csv(tmp_path: Path) -> None:
    """Ingest rejects the row, and rescore names it."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": pa.array([b"good", b"\xff", None]).view(pa.string())}), path)
    assert [row["text"] for row in read(path)] == ["good", "\udcff", None]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.binary())])
def test_bytes_that_nobody_calls_a_string_are_one_if_they_are_utf8(tmp_path: Path, kind: pa.DataType) -> None:
    """Older writers of Impala, Hive and Spark have no other strings. What is no text stays bytes."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": pa.array(["so good é".encode(), b"\xff\x00", None], kind)}), path)
    assert [row["text"] for row in read(path)] == ["so good é", b"\xff\x00", None]


@pytest.mark.parametrize("columns", [None, ["a.b"], ["a"], ["absent"], []])
def test_columns_with_dots_are_columns(tmp_path: Path, columns: list[str] | None) -> None:
    """Arrow takes a dot for a step into a struct."""
    path = tmp_path / "x.parquet"
    table = pa.table({"a": [{"b": 1}, {"b": 2}], "a.b": ["x", "y"], "c": [None, 1]})
    pq.write_table(table, path)
    wanted = [name for name in table.column_names if columns is None or name in columns]
    assert read(path, columns) == [{name: row[name] for name in wanted} for row in table.to_pylist()]


def test_two_columns_with_one_name_are_refused(tmp_path: Path) -> None:
    """Nobody knows which is meant."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), path)
    with pytest.raises(InputError, match="several columns with the same name: 'text'"):
        read(path)


def _repeated(path: Path) -> None:
    column = pa.DictionaryArray.from_arrays(pa.nulls(5_000_000, pa.int32()), pa.array(["a"]))
    pq.write_table(pa.table({"text": column}), path, row_group_size=5_000_000, data_page_size=1 << 30)


def _large_dictionary(path: Path) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 900, pa.int32()), pa.array(["x" * (8 * MIB)]))
    pq.write_table(pa.table({"text": column}), path, compression="zstd", dictionary_pagesize_limit=1 << 30)


def _large_pages(path: Path) -> None:
    column = pa.array(["x" * (64 * MIB)])
    table = pa.Table.from_arrays([column] * 9, names=["text", *"abcdefgh"])
    pq.write_table(table, path, compression="zstd", use_dictionary=False)


def _many_pages(path: Path) -> None:
    pages = pa.chunked_array([pa.array(["x" * (8 * MIB)])] * 80)
    pq.write_table(pa.table({"text": pages}), path, compression="zstd", use_dictionary=False, write_batch_size=1)


def _shared_beginnings(path: Path) -> None:
    column = pa.chunked_array([pa.array(["y" * MIB] * 100)] * 10)
    encoding = {"text": "DELTA_BYTE_ARRAY"}
    pq.write_table(pa.table({"text": column}), path, use_dictionary=False, column_encoding=encoding)


def _long_list(path: Path) -> None:
    values = pa.nulls(40_000_000)
    column = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)
    pq.write_table(pa.table({"text": ["a"], "other": column}), path)


def _wide_nulls(path: Path) -> None:
    pq.write_table(pa.table({"text": pa.nulls(30, pa.binary(30 * MIB))}), path, compression="zstd")


def _wide_null_lists(path: Path) -> None:
    column = pa.nulls(1, pa.list_(pa.int8(), 40_000_000))
    pq.write_table(pa.table({"text": ["a"], "other": column}), path, compression="zstd")


def _lists_of_wide_nulls(path: Path) -> None:
    size, count = MIB, 4_000
    # The memory is never touched, so it is none: a null has no values that would be written.
    values = pa.Array.from_buffers(pa.int8(), size * count, [None, pa.py_buffer(mmap.mmap(-1, size * count))])
    nulls = pa.py_buffer(bytes(count // 8))
    wide = pa.Array.from_buffers(pa.list_(pa.int8(), size), count, [nulls], children=[values])
    column = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), wide)
    pq.write_table(pa.table({"text": ["a"], "other": column}), path)


_READ_ALL = """
import json, sys
from pathlib import Path
from sentiment.errors import InputError
from sentiment.sources import InputFile, open_rows
from training.comparison.process import peak_memory_bytes
import pyarrow.parquet
before = peak_memory_bytes()
messages = []
for name in sys.argv[1:]:
    try:
        with open_rows(InputFile(Path(name)), "parquet") as source:
            for row in source.rows:
                pass
        messages.append("read")
    except InputError as error:
        messages.append(error.message)
print(json.dumps([peak_memory_bytes() - before, messages]))
"""


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    """Repeated values, large pages, shared beginnings, long lists, wide nulls: each would take gigabytes."""
    makers: list[Callable[[Path], None]] = [
        _repeated,
        _large_dictionary,
        _large_pages,
        _many_pages,
        _shared_beginnings,
        _long_list,
        _wide_nulls,
        _wide_null_lists,
        _lists_of_wide_nulls,
    ]
    paths = [tmp_path / f"{make.__name__}.parquet" for make in makers]
    for make, path in zip(makers, paths, strict=True):
        make(path)
        assert path.stat().st_size < MIB
    child = start([sys.executable, "-c", _READ_ALL, *map(str, paths)], stdout=subprocess.PIPE)
    printed, _ = child.communicate()
    peak, messages = json.loads(printed)
    for path, message in zip(paths, messages, strict=True):
        assert message.startswith(f"{path}: "), message
        assert "unpacks to more than" in message
    assert peak < 900 * MIB


def test_ordinary_files_are_read_whatever_their_pages(tmp_path: Path) -> None:
    """One large page for all, many small ones, or a dictionary of long texts: a limit never refuses them."""
    texts = [f"a text that is number {number} of many, and quite long" * 3 for number in range(5_000)]
    table = pa.table({"text": texts, "tags": [[text[:9], "same"] for text in texts], "n": list(range(5_000))})
    for name, options in {
        "one": {"data_page_size": 1 << 30, "use_dictionary": False},
        "small": {"data_page_size": 100, "write_batch_size": 10},
        "dictionary": {"dictionary_pagesize_limit": 1 << 30},
    }.items():
        path = tmp_path / f"{name}.parquet"
        pq.write_table(table, path, **options)
        assert read(path) == table.to_pylist()


def test_ordinary_lists_of_vectors_are_read(tmp_path: Path) -> None:
    """Nulls among them count with all their values, and there are not too many."""
    vectors = pa.array([[[1.0] * 16, None], [], None, [[0.5] * 16] * 30], pa.list_(pa.list_(pa.float32(), 16)))
    table = pa.table({"text": list("abcd"), "vectors": vectors})
    pq.write_table(table, path := tmp_path / "vectors.parquet")
    assert read(path) == table.to_pylist()


@pytest.mark.parametrize(
    ("kind", "n_bytes"),
    [
        (pa.list_(pa.int8(), 100), 0),
        (pa.list_(pa.int8()), 0),
        (pa.list_(pa.list_(pa.int8(), 100)), 1600),
        (pa.large_list(pa.struct({"x": pa.list_(pa.int8(), 100), "y": pa.list_(pa.list_(pa.int8(), 10), 10)})), 3200),
        (pa.struct({"x": pa.map_(pa.string(), pa.list_(pa.int8(), 100))}), 1600),
        (pa.list_(pa.list_view(pa.list_(pa.int8(), 100)), 5), 1600),
    ],
)
def test_nulls_in_lists_of_any_length_are_counted(kind: pa.DataType, n_bytes: int) -> None:
    """Those that a row has once are counted by the row."""
    assert listed_null_bytes(kind) == n_bytes
