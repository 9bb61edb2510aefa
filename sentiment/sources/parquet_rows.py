"""Reads Parquet in bounded memory, a limited number of rows at a time, whatever the footer says of their size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment import packed
from sentiment.bounded import MAX_COLUMNS, in_mib
from sentiment.errors import InputError
from sentiment.sources.inputs import reading
from sentiment.sources.names import listed
from sentiment.sources.parquet_pages import DamagedPageError, Demand, demand_of, listed_null_bytes, null_bytes
from sentiment.sources.parquet_values import to_python
from sentiment.sources.rows import Row, Rows

_BATCH_ROWS = 1_000
_BATCH_BYTES = 64 << 20

_AT_ONCE_BYTES = 512 << 20
_AT_ONCE_RATIO = 30
"""What has to be in memory at once, which is a page of each column, may be larger if the file is: texts shrink to a
third or a tenth."""

_ROW_BYTES = 64
"""What a row counts in the total, beside its values."""

_DAMAGED = (pa.ArrowException, DamagedPageError, UnicodeDecodeError, OverflowError)


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """An open file. `schema` is Arrow's."""

    name: str
    schema: pa.Schema
    _file: pq.ParquetFile
    _bytes: BinaryIO
    _n_bytes: int

    @property
    def n_rows(self) -> int:
        """The number of rows that the footer names: there are no more."""
        n_rows: int = self._file.metadata.num_rows
        return n_rows

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows in order, with `columns` or all: at most 1,000 at a time, and fewer if they may be large.

        Raises:
            InputError: the file is damaged, or would take far more memory than its size justifies.
        """
        wanted = self._wanted(columns)
        # Arrow reads no more rows than the footer says, so this check before the first row is no more than quick.
        self._limit_total(_ROW_BYTES * self.n_rows)
        total = 0
        with _reading_parquet(self.name):
            for group in range(self._file.num_row_groups):
                n_rows = self._rows_at_once(group, wanted)
                found = self._file.iter_batches(n_rows, row_groups=[group], columns=wanted, use_threads=False)
                for batch in found:
                    total += batch.nbytes + _ROW_BYTES * batch.num_rows
                    self._limit_total(total)
                    yield batch if columns is None else batch.select([n for n in self.schema.names if n in columns])

    def _wanted(self, columns: Sequence[str] | None) -> list[str] | None:
        """The columns that Arrow has to read. It takes a dot for a step into a struct, so with a dot it is all."""
        if columns is None or any("." in name for name in self.schema.names):
            return None
        return [name for name in self.schema.names if name in columns]

    def _rows_at_once(self, group: int, wanted: list[str] | None) -> int:
        """How many rows of a row group may be read together."""
        metadata, schema = self._file.metadata.row_group(group), self._file.schema
        flat: list[Demand] = []
        nested: list[Demand] = []
        null_lists = 0
        for index in range(metadata.num_columns):
            column = schema.column(index)
            if wanted is None or column.path.partition(".")[0] in wanted:
                demand = demand_of(self._bytes, metadata.column(index), column)
                (nested if column.max_repetition_level else flat).append(demand)
                null_lists += metadata.column(index).num_values * self._listed_null_bytes(column.path)
        self._limit_at_once([each.pages for each in (*flat, *nested)], (*flat, *nested), "a page of each column")
        # The lists of a row may have any length: in the worst case, one row has them all.
        self._limit_at_once([null_lists, *(each.whole for each in nested)], nested, "a row group's lists")
        value_bytes = sum(each.value for each in flat) + sum(
            null_bytes(field.type) for field in self.schema if wanted is None or field.name in wanted
        )
        self._limit_at_once([value_bytes], flat, "a row")
        return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, value_bytes)))

    def _listed_null_bytes(self, path: str) -> int:
        """Of the column that a part of it is in; names may have dots, too."""
        fields = (field for field in self.schema if f"{path}.".startswith(f"{field.name}."))
        return sum(listed_null_bytes(field.type) for field in fields)

    def _limit_total(self, n_bytes: int) -> None:
        self._limit(n_bytes, packed.FREE_UNPACKED_BYTES, packed.MAX_UNPACKED_RATIO, self._n_bytes, "it")

    def _limit_at_once(self, n_bytes: Sequence[int], demands: Sequence[Demand], what: str) -> None:
        in_file = sum(each.packed for each in demands)
        self._limit(sum(n_bytes), _AT_ONCE_BYTES, _AT_ONCE_RATIO, in_file, what)

    def _limit(self, n_bytes: int, free: int, ratio: int, in_file: int, what: str) -> None:
        allowed = max(free, ratio * in_file)
        if n_bytes > allowed:
            raise InputError(
                f"{self.name}: {what} unpacks to more than {in_mib(allowed)}, {ratio} times its size or more",
                hint="write it again with smaller pages and row groups, or convert it to CSV",
            )


@contextmanager
def open_parquet(path: Path) -> Iterator[ParquetTable]:
    """Open a file.

    Raises:
        InputError: the file cannot be read, is not Parquet, or is cut off; two columns have one name, or there are too
            many.
    """
    name = str(path)
    with reading(name):
        file = path.open("rb")
    with file:
        with _reading_parquet(name):
            # The nanoseconds of INT96 end in 2262. The programs that write INT96 keep microseconds.
            parquet = pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False, coerce_int96_timestamp_unit="us")
            names = parquet.schema_arrow.names
        if len(names) > MAX_COLUMNS:
            raise InputError(f"{name} has {len(names)} columns; at most {MAX_COLUMNS} are read")
        if repeated := [each for each, n in Counter(names).items() if n > 1]:
            raise InputError(f"{name} has several columns with the same name: {listed(sorted(repeated))}")
        yield ParquetTable(name, parquet.schema_arrow, parquet, file, path.stat().st_size)


def read_parquet(table: ParquetTable, columns: Sequence[str] | None) -> Rows:
    """The rows, with the values of `columns`, or of all, as Python objects (`parquet_values`)."""
    return Rows(tuple(table.schema.names), _rows(table.batches(columns)))


def rows_of(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows of a `RecordBatch` as Python objects."""
    names = batch.schema.names
    columns = [to_python(column) for column in batch.columns]
    if not columns:
        yield from ({} for _ in range(batch.num_rows))
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _rows(batches: Iterator[Any]) -> Iterator[Row]:
    number = 0
    for batch in batches:
        for values in rows_of(batch):
            number += 1
            yield Row(number, None, values)


@contextmanager
def _reading_parquet(name: str) -> Iterator[None]:
    """Turn every failure of Arrow into an InputError. Its damage comes as an OSError without a number."""
    try:
        yield
    except _DAMAGED as error:
        raise _not_readable(name, error) from None
    except OSError as error:
        if error.errno is None:
            raise _not_readable(name, error) from None
        raise InputError(f"{name} cannot be read: {error.strerror}") from None


def _not_readable(name: str, error: Exception) -> InputError:
    if isinstance(error, NotImplementedError):
        return InputError(
            f"{name} uses a part of Parquet that cannot be read here", hint="write it again, for instance with pyarrow"
        )
    return InputError(f"{name} is not a readable Parquet file ({type(error).__name__})", hint="is it complete?")
