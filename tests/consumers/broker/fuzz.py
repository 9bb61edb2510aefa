"""Frames that no client would send: every field of every request with odd values, and half of the frames damaged.

The same seed makes the same frames. As a program it sends many of them to a broker of its own, and fails if that does
anything but answer or close the connection:

    python -m tests.consumers.broker.fuzz --seed 1 --frames 85000
"""

from __future__ import annotations

import argparse
import asyncio
import random
import struct
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psutil
from kafka.protocol.metadata import MetadataRequest

from consumers.broker.api.table import APIS
from tests.broker.batches import batch
from tests.broker.wire import Wire
from tests.brokers import DevBroker
from tests.waiting import WITHIN_S, wait_until

_AT_ONCE = 200
_INTEGER_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_NAMES = ("topic", "other", "group", "id", "range", "consumer", "", ".", "../../x", "\0", "\u2603", "x" * 300)
_BATCH = batch([b"value", b"\xff"])


def frames(seed: int, count: int) -> Iterator[bytes]:
    """Requests with their lengths in front."""
    rng = random.Random(seed)
    keys = sorted(APIS)
    for _ in range(count):
        api = APIS[rng.choice(keys)]
        version = rng.randint(api.min_version, api.max_version)
        fields = {
            field.name: _value(rng, field, version)
            for field in api.request.fields.values()
            if field.for_version_q(version)
        }
        request = api.request(version=version, **fields)
        request.with_header(correlation_id=rng.getrandbits(31), client_id=rng.choice(_NAMES))
        frame = bytes(request.encode(header=True, framed=False))
        if rng.random() < 0.5:
            frame = _damaged(rng, frame)
        size = len(frame) if rng.random() < 0.97 else rng.choice((len(frame) - 1, len(frame) + 9, 2**31 - 1, -1))
        yield struct.pack(">i", size) + frame


def _value(rng: random.Random, field: Any, version: int) -> Any:
    if field.nullable_for_version_q(version) and rng.random() < 0.1:
        return None
    if field.is_struct_array():
        return [_struct(rng, field, version) for _ in range(rng.choice((0, 1, 1, 1, 2, 5)))]
    if field.is_struct():
        return _struct(rng, field, version)
    if field.is_array():
        return [_simple(rng, field.type_str.removeprefix("[]")) for _ in range(rng.choice((0, 1, 1, 2, 5)))]
    return _simple(rng, field.type_str)


def _struct(rng: random.Random, field: Any, version: int) -> Any:
    parts = field.fields.values() if isinstance(field.fields, dict) else field.fields
    return field(**{each.name: _value(rng, each, version) for each in parts if each.for_version_q(version)})


def _simple(rng: random.Random, kind: str) -> Any:
    if kind in _INTEGER_BITS:
        bits = _INTEGER_BITS[kind] - 1
        edges = (-(2**bits), -2, -1, 0, 0, 0, 1, 1, 2, 100, 2**bits - 1)
        return rng.choice((*edges, rng.randint(-(2**bits), 2**bits - 1)))
    makers: dict[str, Callable[[], Any]] = {
        "bool": lambda: rng.random() < 0.5,
        "string": lambda: rng.choice(_NAMES),
        "uuid": lambda: uuid.UUID(int=rng.choice((0, 1, rng.getrandbits(128)))),
        "bytes": lambda: rng.randbytes(rng.choice((0, 1, 20, 5_000))),
        "records": lambda: rng.choice((b"", _BATCH, _BATCH * 2, _damaged(rng, _BATCH))),
    }
    return makers[kind]()


def _damaged(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    match rng.randrange(5):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + rng.randbytes(rng.randrange(9)) + data[at:]
        case 2:
            return data[:at] + data[rng.randrange(len(data) + 1) :]
        case 3:
            return data[:at] + rng.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4))) + data[at + 4 :]
        case _:
            damaged = bytearray(data)
            for _ in range(rng.randint(1, 4)):
                damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            return bytes(damaged)


async def _send_all(port: int, seed: int, count: int) -> Counter[str]:
    """What became of the frames, each on a connection of its own."""
    outcomes: Counter[str] = Counter()
    waiting = iter(frames(seed, count))

    async def send() -> None:
        for frame in waiting:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            received = b""
            try:
                writer.write(frame)
                writer.write_eof()
                async with asyncio.timeout(WITHIN_S):
                    received = await reader.read()
            except ConnectionError:
                pass  # it was refused before it was read
            writer.close()
            outcomes["answered" if received else "closed"] += 1
            assert not received or struct.unpack_from(">i", received)[0] == len(received) - 4

    await asyncio.gather(*(send() for _ in range(_AT_ONCE)))
    return outcomes


def attack(seed: int, count: int) -> str:
    """Send frames to a broker; the outcomes, and the memory that it has then.

    AssertionError if it ends, fails at one, keeps a connection, serves nobody else, or does not start again.
    """
    with DevBroker() as broker:
        assert broker.process is not None
        process = psutil.Process(broker.process.pid)
        descriptors = process.num_fds()
        outcomes = asyncio.run(_send_all(broker.port, seed, count))
        assert broker.died() is None, broker.died()
        # Each partition that was written to has a file.
        logs = len(list((broker.data_dir / "topics").glob("*/*.log")))
        wait_until(lambda: process.num_fds() <= descriptors + logs, "the end of its connections")
        memory = process.memory_info().rss >> 20
        broker.restart()
        with Wire(broker.bootstrap) as wire:
            assert len(wire.ask(MetadataRequest(topics=None), 5).brokers) == 1
        for line in broker.log_file.read_text().splitlines():
            assert not any(word in line for word in ("[error", "[critical", "Traceback")), line
    return f"{outcomes['answered']} answered, {outcomes['closed']} closed, {memory} MiB"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=int, default=85_000)
    arguments = parser.parse_args()
    sys.stdout.write(f"{attack(arguments.seed, arguments.frames)}\n")


if __name__ == "__main__":
    main()
