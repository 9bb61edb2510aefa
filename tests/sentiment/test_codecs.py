"""Whatever is compressed comes out, up to a limit and never beyond it."""

from __future__ import annotations

import contextlib
import gzip
import subprocess
import sys
from collections.abc import Callable

import lz4.frame
import pytest
import snappy
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from kafka.codec import snappy_encode

from sentiment.codecs import GZIP, LZ4, SNAPPY, ZSTD, BadCompressionError, TooLongError, decompress

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
from sentiment.codecs import TooLongError, decompress
data, codec, limit = sys.stdin.buffer.read(), int(sys.argv[1]), int(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decompress(data, codec, limit)
except TooLongError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
def test_a_bomb_takes_no_more_memory_than_the_limit(name: str) -> None:
    """256 MiB in some kilobytes: what is beyond the limit of 1 MiB is never made."""
    codec, pack = PACKERS[name]
    told = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(codec), str(LIMIT)],
        input=pack(bytes(BOMBS)),
        capture_output=True,
        check=True,
    )
    assert int(told.stdout) * 1024 < 32 * LIMIT
