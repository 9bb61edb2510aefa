"""Parquet, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from consumers.sources.inputs import reading
from consumers.sources.rows import Row, Rows
from sentiment.errors import InputError

_BATCH_ROWS = 1_000


@contextmanager
def open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """The file, read in pieces, not by whole row groups.

    Raises:
        InputError: it is no Parquet file, or cut off; also while it is read.
    """
    with reading(str(path)):
        try:
            with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
                yield file
        except pa.ArrowException as error:
            raise InputError(
                f"{path} is no readable Parquet file ({type(error).__name__})", hint="is it complete?"
            ) from None


def read_parquet(file: pq.ParquetFile, name: str, columns: Sequence[str] | None) -> Rows:
    """Rows with the values of `columns` (of all by default) as Python objects."""
    names = tuple(file.schema_arrow.names)
    wanted = None if columns is None else [column for column in columns if column in names]
    return Rows(name, names, _rows(file, wanted))


def _rows(file: pq.ParquetFile, columns: list[str] | None) -> Iterator[Row]:
    number = 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns, use_threads=False):
        values: dict[str, Any]
        for values in batch.to_pylist():
            number += 1
            yield Row(number, None, values)
