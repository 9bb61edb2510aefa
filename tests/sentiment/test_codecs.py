"""Whatever is compressed comes out, up to a limit and never beyond it."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import snappy
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from kafka.codec import snappy_encode

from sentiment.codecs import GZIP, LZ4, SNAPPY, ZSTD, BadCompressionError, TooLongError, decompress
from tests.processes import run_python

PACKERS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "gzip": (GZIP, gzip.compress),
    "gzip in members": (GZIP, lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:])),
    "snappy": (SNAPPY, snappy.compress),
    "snappy of Java": (SNAPPY, lambda data: snappy_encode(data, xerial_blocksize=100)),
    "lz4": (LZ4, lz4.frame.compress),
    "zstd": (ZSTD, zstandard.compress),
    "zstd in frames": (ZSTD, lambda data: zstandard.compress(data[:7]) + zstandard.compress(data[7:])),
}
BOMBS = 256 * 1024 * 1024
LIMIT = 1024 * 1024


@pytest.mark.parametrize("name", PACKERS)
@given(data=st.binary(max_size=1_000), excess=st.integers(1, 10))
def test_everything_comes_back_and_the_limit_is_exact(name: str, data: bytes, excess: int) -> None:
    """Data as long as the limit is whole; a byte more is refused."""
    codec, pack = PACKERS[name]
    packed = pack(data)
    assert decompress(packed, codec, len(data)) == data
    if len(data) >= excess:
        with pytest.raises(TooLongError):
            decompress(packed, codec, len(data) - excess)


@pytest.mark.parametrize("codec", [0, GZIP, SNAPPY, LZ4, ZSTD, 5, 7])
@given(data=st.binary(min_size=1, max_size=200))
def test_any_bytes_decompress_or_are_refused(codec: int, data: bytes) -> None:
    """No other error comes out."""
    with contextlib.suppress(BadCompressionError):
        assert len(decompress(data, codec, 500)) <= 500


_MEASURE = """
import resource, sys
from pathlib import Path
from sentiment.codecs import TooLongError, decompress
data, codec, limit = Path(sys.argv[1]).read_bytes(), int(sys.argv[2]), int(sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decompress(data, codec, limit)
except TooLongError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
def test_a_bomb_takes_no_more_memory_than_the_limit(name: str, tmp_path: Path) -> None:
    """256 MiB in some kilobytes: what is beyond the limit of 1 MiB is never made."""
    codec, pack = PACKERS[name]
    bomb = tmp_path / "bomb"
    bomb.write_bytes(pack(bytes(BOMBS)))
    told = run_python(_MEASURE, str(bomb), str(codec), str(LIMIT))
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) * 1024 < 32 * LIMIT
