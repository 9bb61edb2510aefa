"""Random Arrow arrays of every type that Parquet holds, and what Arrow says of their values."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pat
from hypothesis import strategies as st

ZONES = [None, "UTC", "Europe/Berlin", "+05:30", "-11:00", "America/St_Johns", "Mars/Olympus"]
_WIDEST = {"s": 2**33, "ms": 2**52, "us": 2**62, "ns": 2**63 - 1}
"""Far outside of what Python's types hold, but not of what Parquet does."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)

_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    pa.null(): st.none(),
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float16(): st.floats(width=16, allow_nan=False),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
    pa.decimal32(7, 2): st.decimals(-99_999, 99_999, places=2),
    pa.decimal128(38, 10): st.decimals(-(10**20), 10**20, places=10),
    pa.decimal256(60, 5): st.decimals(-(10**20), 10**20, places=5),
    pa.string(): texts,
    pa.large_string(): texts,
    pa.string_view(): texts,
    pa.binary(): st.binary(max_size=8),
    pa.large_binary(): st.binary(max_size=8),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.uuid(): st.uuids().map(lambda value: value.bytes),
    pa.date32(): st.integers(-(2**31), 2**31 - 1),
    pa.time32("ms"): st.integers(0, 86_399_999),
    pa.time64("us"): st.integers(0, 86_399_999_999),
    pa.time64("ns"): st.integers(0, 86_399_999_999_999),
    **{pa.duration(unit): st.integers(-(2**63), 2**63 - 1) for unit in ("s", "ms", "us", "ns")},
}


@st.composite
def leaves(draw: st.DrawFn, n: int) -> Any:
    """An array of `n` values that are not nested."""
    kinds = st.sampled_from(list(_LEAVES)) | st.builds(
        pa.timestamp, st.sampled_from(sorted(_WIDEST)), st.sampled_from(ZONES)
    )
    kind = draw(kinds)
    if pat.is_timestamp(kind):
        most = _WIDEST[kind.unit]
        # Around today, too: a wide range alone would hardly ever give a time that Python can hold.
        values: Any = st.integers(-most, most) | st.integers(0, min(most, 2**31 * len(str(most)) ** 4))
    else:
        values = _LEAVES[kind]
    drawn = draw(st.lists(st.none() | values, min_size=n, max_size=n))
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(drawn, kind.storage_type))
    if pat.is_temporal(kind):
        return pa.array(drawn, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)
    return pa.array(drawn, kind)


@st.composite
def arrays(draw: st.DrawFn, n: int, depth: int = 0) -> Any:
    """An array of `n` values of any type, dictionaries, lists, structs and maps of such included."""
    shape = draw(st.sampled_from(["leaf", "leaf", "dictionary", "list", "large_list", "fixed", "struct", "map"]))
    if shape == "leaf" or depth > 1:
        return draw(leaves(n))
    if shape == "dictionary":
        strings = pa.array(draw(st.lists(st.none() | texts, min_size=n, max_size=n)), pa.string())
        return strings.dictionary_encode()
    if shape == "struct":
        names = draw(st.lists(texts.filter(lambda name: "\x00" not in name), min_size=1, max_size=3))
        mask = pa.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), pa.bool_())
        children = [draw(arrays(n, depth + 1)) for _ in names]
        return pa.StructArray.from_arrays(children, names, mask=mask)
    if shape == "fixed":
        return pa.FixedSizeListArray.from_arrays(draw(arrays(2 * n, depth + 1)), 2)
    lengths = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(int).tolist()
    if shape == "map":
        keys = pa.array([f"k{number}" for number in range(offsets[-1])])
        return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys, draw(arrays(offsets[-1], depth + 1)))
    made = pa.LargeListArray if shape == "large_list" else pa.ListArray
    width = pa.int64() if shape == "large_list" else pa.int32()
    return made.from_arrays(pa.array(offsets, width), draw(arrays(offsets[-1], depth + 1)))


def agrees(read: Any, scalar: Any) -> bool:
    """Whether `read` has the value of an Arrow scalar, to the last nanosecond."""
    kind = scalar.type
    if pat.is_dictionary(kind):
        return agrees(read, scalar.value)
    if isinstance(kind, pa.BaseExtensionType) or not scalar.is_valid:
        return bool(read == scalar.as_py())
    if pat.is_map(kind):
        return len(read) == len(scalar.values) and all(
            agrees(pair[0], each["key"]) and agrees(pair[1], each["value"])
            for pair, each in zip(read, scalar.values, strict=True)
        )
    if pat.is_struct(kind):
        pairs = list(read.items()) if isinstance(read, dict) else read
        return [name for name, _ in pairs] == [field.name for field in kind] and all(
            agrees(value, scalar[place]) for place, (_, value) in enumerate(pairs)
        )
    if pat.is_nested(kind):
        return len(read) == len(scalar.values) and all(map(agrees, read, scalar.values))
    if pat.is_temporal(kind):
        return _number_of(read, getattr(kind, "unit", "D")) == scalar.value
    if (pat.is_binary(kind) or pat.is_large_binary(kind)) and isinstance(read, str):
        return bool(read.encode() == scalar.as_py())
    return bool(read == scalar.as_py()) and isinstance(read, type(scalar.as_py()))


def _number_of(read: Any, unit: str) -> int:
    """How many units a time is after its beginning, by numpy, or by its decimal digits."""
    match read:
        case datetime():
            in_utc = read if read.tzinfo is None else read.astimezone(UTC).replace(tzinfo=None)
            return _number_of(in_utc.isoformat(), unit)
        case date() | time():
            return _number_of(read.isoformat(), unit)
        case timedelta():
            return _exactly(Decimal(read // timedelta(microseconds=1)), 6, unit)
    if "T" in read and "P" in read:
        sign, _, digits = read.partition("PT")
        return _exactly(Decimal(sign + digits.removesuffix("S")), 0, unit)
    if ":" in read and "T" not in read:
        read = "1970-01-01T" + read
    return int(np.datetime64(read.removesuffix("Z").removeprefix("+"), unit).astype("int64"))


def _exactly(number: Decimal, exponent: int, unit: str) -> int:
    scaled = number.scaleb({"s": 0, "ms": 3, "us": 6, "ns": 9}[unit] - exponent)
    assert scaled == scaled.to_integral_value()
    return int(scaled)
