"""A batch that nobody could read is refused when it is produced."""

from __future__ import annotations

import asyncio
import gzip
import struct
from pathlib import Path

import lz4.frame
import pytest
import snappy
import zstandard
from kafka.record.util import calc_crc32c

from consumers.broker.batch import HEADER_BYTES, read_header
from consumers.broker.codes import BrokerError, Code
from consumers.broker.compaction import compact_partition
from consumers.broker.records import MAX_RECORDS_BYTES
from tests.consumers.broker.build import NOW_MS, batch, open_partition

_CODECS = {1: gzip.compress, 2: snappy.compress, 3: lz4.frame.compress, 4: zstandard.compress}
_KEYED = batch([b"x", b"y"], keys=[b"a", b"b"])
_RECORDS = _KEYED[HEADER_BYTES:]


def _batch(payload: bytes, *, codec: int = 0, count: int = 2) -> bytes:
    """A batch around any bytes, with lengths and checksum that agree."""
    middle = _KEYED[23:HEADER_BYTES]
    middle = struct.pack(">i", count - 1) + middle[4:-4] + struct.pack(">i", count)
    body = struct.pack(">h", codec) + middle + payload
    return struct.pack(">qiibI", 0, len(body) + 9, 0, 2, calc_crc32c(body)) + body


_BAD = {
    "no record": _batch(b""),
    "a record too few": _batch(_RECORDS, count=3),
    "a record too many": _batch(_RECORDS, count=1),
    "cut short": _batch(_RECORDS[:-1]),
    "a byte too many": _batch(_RECORDS + b"\0"),
    "a key longer than its record": _batch(_RECORDS[:4] + b"\x7e" + _RECORDS[5:]),
    "a negative length": _batch(b"\x01" + _RECORDS[1:]),
    "an endless number": _batch(b"\xff" * 40),
    "too many headers": _batch(b"\x0e\0\0\0\1\1\xfe\x7f", count=1),
    "numbered out of order": _batch(_RECORDS[: len(_RECORDS) // 2] * 2),
    "unknown codec": _batch(_RECORDS, codec=5),
    **{f"garbage in codec {codec}": _batch(b"garbage", codec=codec) for codec in _CODECS},
    **{f"cut short in codec {codec}": _batch(pack(_RECORDS)[:-3], codec=codec) for codec, pack in _CODECS.items()},
    **{
        f"a bomb in codec {codec}": _batch(pack(bytes(MAX_RECORDS_BYTES + 1)), codec=codec)
        for codec, pack in _CODECS.items()
    },
}


@pytest.mark.parametrize("policy", ["delete", "compact"])
@pytest.mark.parametrize("name", _BAD)
def test_a_batch_that_does_not_decode_is_refused(tmp_path: Path, name: str, policy: str) -> None:
    """Nothing of it is stored."""
    partition = open_partition(tmp_path, cleanup_policy=policy, max_message_bytes="8000000")
    with pytest.raises(BrokerError) as refused:
        partition.append(_BAD[name], NOW_MS)
    assert refused.value.code is Code.INVALID_RECORD
    assert partition.end_offset == 0


@pytest.mark.parametrize("codec", [0, *_CODECS])
def test_a_sound_batch_is_stored(tmp_path: Path, codec: int) -> None:
    """With each codec that the broker reads, on a compacted topic too."""
    partition = open_partition(tmp_path, cleanup_policy="compact")
    partition.append(_batch(_CODECS.get(codec, bytes)(_RECORDS), codec=codec), NOW_MS)
    assert partition.end_offset == 2


def test_a_header_name_may_be_any_bytes(tmp_path: Path) -> None:
    """Apache Kafka takes it, so compaction must be able to read it."""
    partition = open_partition(tmp_path, cleanup_policy="compact")
    partition.append(_batch(b"\x16\0\0\0\2k\1\2\4\xff\xfe\1", count=1), NOW_MS)
    assert partition.end_offset == 1


def test_compaction_keeps_what_it_cannot_read(tmp_path: Path) -> None:
    """A batch from before the broker checked what it stores does not stop it."""
    partition = open_partition(tmp_path)
    opaque = _batch(b"opaque", codec=2)
    partition.log.append(opaque, read_header(opaque))
    partition.append(_KEYED, NOW_MS)
    partition.log.roll()
    asyncio.run(compact_partition(partition))
    assert partition.cleaned_until == 4
    assert partition.log.size == len(opaque) + len(_KEYED)
    assert partition.log.offset_for_time(NOW_MS) == (NOW_MS, 0)
