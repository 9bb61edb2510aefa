"""Write parts, and join the written parts: one class per output format.

CSV to CSV and JSONL to JSONL keep the characters of every value; Parquet to Parquet keeps every type. A CSV has no
types, so its columns become strings in Parquet. JSON columns get the narrowest type that holds all values
(`json_types`). A value that the output's format cannot hold becomes its JSON text.
"""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

import msgspec

from consumers.rescore.inputs import Part
from consumers.rescore.json_types import Kind, to_kind
from sentiment.columns import RESULT_COLUMNS, Columns, Result, transpose
from sentiment.sources import FileFormat, Row

_RAW_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Writer(Protocol):
    """Writes parts and joins them. The same parts in the same order give the same bytes."""

    def write_part(self, path: Path, part: Part, results: Sequence[Result]) -> None:
        """Write one part with its results."""
        ...

    def join(self, parts: Sequence[Path], path: Path, *, packed: bool) -> None:
        """Write all parts into one file, `packed` with gzip."""
        ...


def make_writer(file_format: FileFormat, columns: Columns, kinds: dict[str, Kind]) -> Writer:
    """The writer for a format; `kinds` are the column types of a JSONL input."""
    match file_format:
        case "csv":
            return _CsvWriter(columns)
        case "jsonl":
            return _JsonlWriter(columns)
        case "parquet":
            return _ParquetWriter(columns, kinds)


class _CsvWriter:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def write_part(self, path: Path, part: Part, results: Sequence[Result]) -> None:
        """Write rows without a header."""
        with path.open("w", encoding="utf-8", newline="") as file:
            for row, result in zip(part.rows, results, strict=True):
                values = _raw_values(row) if row.raw is not None else row.values
                cells = [_cell(values.get(name)) for name in self._columns.inputs]
                file.write(_csv_line([*cells, *map(_cell, result)]))

    def join(self, parts: Sequence[Path], path: Path, *, packed: bool) -> None:
        """Write the header, then the parts."""
        _concatenate(parts, path, packed=packed, start=_csv_line(self._columns.outputs).encode())


class _JsonlWriter:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def write_part(self, path: Path, part: Part, results: Sequence[Result]) -> None:
        """Write one object per line; the values of a JSONL input keep their bytes."""
        names = self._columns.renamed
        with path.open("wb") as file:
            for row, result in zip(part.rows, results, strict=True):
                values = _raw_values(row) if row.raw is not None else row.values
                whole = {names.get(name, name): value for name, value in values.items()}
                whole |= zip(RESULT_COLUMNS, result, strict=True)
                file.write(msgspec.json.encode(whole, enc_hook=str) + b"\n")

    def join(self, parts: Sequence[Path], path: Path, *, packed: bool) -> None:
        """Write the parts one after the other."""
        _concatenate(parts, path, packed=packed)


class _ParquetWriter:
    def __init__(self, columns: Columns, kinds: dict[str, Kind]) -> None:
        self._columns = columns
        self._kinds = kinds

    def write_part(self, path: Path, part: Part, results: Sequence[Result]) -> None:
        """Write a Parquet file with one row group."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = part.table if part.table is not None else self._to_table(part.rows)
        table = table.rename_columns(list(self._columns.kept_as))
        for name, values in transpose(results).items():
            kind = pa.string() if name in {"label", "model_version"} else pa.float64()
            table = table.append_column(name, pa.array(values, kind))
        pq.write_table(table, path)

    def join(self, parts: Sequence[Path], path: Path, *, packed: bool) -> None:
        """Write every part as a row group. `packed` is ignored, because Parquet compresses by itself."""
        import pyarrow.parquet as pq

        with pq.ParquetWriter(path, pq.read_schema(parts[0])) as writer:
            for part in parts:
                writer.write_table(pq.read_table(part, use_threads=False))

    def _to_table(self, rows: Sequence[Row]) -> Any:
        import pyarrow as pa

        types = {"bool": pa.bool_(), "int": pa.int64(), "big_int": pa.int64(), "float": pa.float64()}
        arrays = []
        for name in self._columns.inputs:
            kind = self._kinds.get(name, "string")
            values = [to_kind(row.values.get(name), kind) for row in rows]
            arrays.append(pa.array(values, types.get(kind, pa.string())))
        return pa.table(arrays, names=list(self._columns.inputs))


def _raw_values(row: Row) -> dict[str, Any]:
    """The values of a JSON object with the bytes that they have in the file."""
    return cast("dict[str, Any]", _RAW_OBJECT.decode(row.raw or b"{}"))


_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def _csv_line(fields: Sequence[str]) -> str:
    """One line of RFC 4180 with a line feed. (The standard library's writer does not quote a lone CR.)"""
    quoted = ('"' + field.replace('"', '""') + '"' if _NEEDS_QUOTES.search(field) else field for field in fields)
    return ",".join(quoted) + "\n"


def _cell(value: object) -> str:
    """A CSV field: a string unchanged, an empty field for null, JSON text for everything else."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    text = bytes(value) if isinstance(value, msgspec.Raw) else msgspec.json.encode(value, enc_hook=str)
    if text == b"null":
        return ""
    return str(msgspec.json.decode(text)) if text.startswith(b'"') else text.decode()


def _concatenate(parts: Sequence[Path], path: Path, *, packed: bool, start: bytes = b"") -> None:
    with _opened(path, packed=packed) as target:
        target.write(start)
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target)


@contextmanager
def _opened(path: Path, *, packed: bool) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        if not packed:
            yield file
            return
        # No name and no time in the header, so that the same rows give the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as target:
            yield cast("IO[bytes]", target)
