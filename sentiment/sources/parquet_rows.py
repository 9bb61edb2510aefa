"""Reads Parquet, a limited number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.errors import InputError
from sentiment.sources.inputs import reading
from sentiment.sources.rows import Row, Rows

_BATCH_ROWS = 1_000


@contextmanager
def open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file to be read in pieces that are smaller than its row groups.

    Raises:
        InputError: the file is not Parquet, or is cut off; also while it is read.
    """
    with reading(str(path)):
        try:
            with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
                yield file
        except pa.ArrowException as error:
            raise InputError(
                f"{path} is not a readable Parquet file ({type(error).__name__})", hint="is it complete?"
            ) from None


def read_parquet(file: pq.ParquetFile, columns: Sequence[str] | None) -> Rows:
    """The rows, with the values of `columns`, or of all, as Python objects."""
    names = tuple(file.schema_arrow.names)
    wanted = None if columns is None else [column for column in columns if column in names]
    return Rows(names, _rows(file, wanted))


def _rows(file: pq.ParquetFile, columns: list[str] | None) -> Iterator[Row]:
    number = 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns, use_threads=False):
        values: dict[str, Any]
        for values in batch.to_pylist():
            number += 1
            yield Row(number, None, values)
