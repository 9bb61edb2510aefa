"""Packed files: what was packed comes back whatever the format, and everything else is refused in one clear line."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment import packed
from sentiment.errors import InputError
from sentiment.packed import PACKED_SUFFIXES, open_packed

MIB = 1 << 20
Pack = Callable[[bytes], bytes]


def zipped(content: bytes, *names: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with `content` under each of the names, by default `x.csv`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names or ("x.csv",):
            archive.writestr(name, content)
    return file.getvalue()


STREAMS: dict[str, Pack] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
PACKERS = STREAMS | {".zip": zipped}
every_format = pytest.mark.parametrize("suffix", PACKERS)


class Pipe(io.BytesIO):
    """Gives a few bytes at a time, and cannot go back."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(min(16, size or 16))

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]  # as the others
        data = self.read(min(16, len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def seekable(self) -> bool:
        return False


def unpacked(data: bytes, name: str = "x", *, pipe: bool = False) -> bytes:
    """What a reader gets of a file with these bytes."""
    raw = io.BufferedReader(Pipe(data) if pipe else io.BytesIO(data), 16)
    with open_packed(raw, name) as stream:
        return stream.read()


def refusal(data: bytes, name: str = "x", *, pipe: bool = False) -> str:
    """The message with which such a file is refused. It is one line, names the file and has a remedy."""
    with pytest.raises(InputError) as refused:
        unpacked(data, name, pipe=pipe)
    assert refused.value.exit_code == 2
    assert refused.value.hint
    assert refused.value.message.startswith(f"{name} ")
    assert "\n" not in refused.value.message
    return refused.value.message


def test_every_ending_has_a_format() -> None:
    """The tests here hold for all that the reader knows."""
    assert list(PACKERS) == list(PACKED_SUFFIXES)


@given(st.sampled_from(sorted(STREAMS)), st.lists(st.binary(max_size=3_000), min_size=1, max_size=3), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_what_was_packed_comes_back(suffix: str, parts: list[bytes], padding: int) -> None:
    """Also of several members one behind the other, with padding, and from a pipe that gives a few bytes at a time."""
    whole = b"text\n" + b"".join(parts)
    members = [b"text\n" + parts[0], *parts[1:]]
    data = b"".join(STREAMS[suffix](part) for part in members) + b"\x00" * 4 * padding
    assert unpacked(data) == whole
    assert unpacked(data, pipe=True) == whole


@given(st.binary(max_size=3_000), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
@settings(max_examples=30, deadline=None)
def test_a_zip_of_one_file_comes_back(content: bytes, method: int) -> None:
    """With what macOS puts beside it, and with folders."""
    content = b"text\n" + content
    assert unpacked(zipped(content, method=method)) == content
    beside = io.BytesIO(zipped(content, "folder/x.csv", method=method))
    with zipfile.ZipFile(beside, "a") as archive:
        archive.writestr("folder/", b"")
        archive.writestr("__MACOSX/folder/._x.csv", b"\x00")
        archive.writestr("folder/.DS_Store", b"\x00")
    assert unpacked(beside.getvalue()) == content


def test_frames_to_be_skipped_are_skipped() -> None:
    """Parallel compressors of zstd begin with one."""
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"size"
    assert unpacked(skipped + STREAMS[".zst"](b"hello") + skipped) == b"hello"


@every_format
def test_a_file_that_is_cut_off_is_never_taken_for_a_whole_one(suffix: str) -> None:
    """Wherever it ends."""
    data = PACKERS[suffix](b"".join(b"%d,a text\n" % n for n in range(300)))
    for end in range(12, len(data) - 1, max(1, len(data) // 60)):
        assert "cut off" in refusal(data[:end])


@every_format
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_gives_what_was_packed_or_is_refused(suffix: str, data: st.DataObject) -> None:
    """Whatever byte is another, nobody else's error comes out, and no other text."""
    content = b"text\n" + b"".join(b"%d," % n for n in range(200))
    whole = bytearray(PACKERS[suffix](content))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    try:
        found = unpacked(bytes(whole))
    except InputError:
        return
    assert found in {content, bytes(whole)}  # the second if its first bytes are not those of the format any more


@every_format
def test_something_else_behind_the_end_is_refused(suffix: str) -> None:
    """It may be the rows of a second file."""
    data = PACKERS[suffix](b"text\nhello\n")
    assert "something" in refusal(data + b"junk that is none of it")
    if suffix == ".zip":
        assert "something" in refusal(data + data)
    else:
        assert unpacked(data + data) == b"text\nhello\n" * 2


@every_format
@pytest.mark.parametrize("inner", PACKERS)
def test_a_file_that_is_packed_twice_is_refused(suffix: str, inner: str) -> None:
    """Its text would be taken for junk."""
    assert refusal(PACKERS[suffix](PACKERS[inner](b"text\n"))) == "x is packed twice"


@every_format
def test_a_bomb_is_refused_with_its_limit(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bounded memory."""
    data = PACKERS[suffix](bytes(64 * MIB))
    monkeypatch.setattr(packed, "FREE_UNPACKED_BYTES", MIB)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="unpacks to more than") as refused:
            unpacked(data)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "unpack it" in (refused.value.hint or "")
    assert most < 48 * MIB


def test_a_stream_that_asks_for_much_memory_is_refused() -> None:
    """The highest ordinary levels do not."""
    for preset in (6, 9 | lzma.PRESET_EXTREME):
        assert unpacked(lzma.compress(b"hello", preset=preset)) == b"hello"
    wide = lzma.compress(b"hello", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 256 * MIB}])
    assert "needs more than 128 MiB of memory" in refusal(wide)
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert "needs more than 128 MiB of memory" in refusal(frame.compress(b"hello") + frame.flush())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (zipped(b"text\n", "a.csv", "b.csv"), "several files"),
        (zipped(b"", *(f"{n}-{'x' * 200}" for n in range(5_000))), "several files"),
        (zipped(b"text\n", "folder/"), "without a file"),
        (zipped(b"", "[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook"),
        (zipped(b"text\n", method=zipfile.ZIP_BZIP2), "a method that is not read"),
        (zipped(b"text\n", method=zipfile.ZIP_LZMA), "a method that is not read"),
    ],
)
def test_a_zip_without_one_plain_file_is_refused(data: bytes, says: str) -> None:
    """Nobody knows which of several was meant."""
    assert says in refusal(data)


def test_an_encrypted_zip_is_refused() -> None:
    """It is not taken for a damaged one."""
    data = zipped(b"text\n")
    central = data.index(b"PK\x01\x02")
    flags = bytearray(data)
    flags[6] |= 1
    flags[central + 8] |= 1
    assert "is encrypted" in refusal(bytes(flags))


def test_a_zip_from_a_pipe_is_refused_with_the_remedy() -> None:
    """Its directory is at the end."""
    with pytest.raises(InputError, match="cannot be read from a pipe") as refused:
        unpacked(zipped(b"text\n"), pipe=True)
    assert "unzip -p" in (refused.value.hint or "")


@every_format
def test_a_plain_file_with_the_name_of_a_packed_one_is_refused(suffix: str) -> None:
    """And one that is packed in another way than its name says is read."""
    assert "which it is not" in refusal(b"text\nhello\n", f"X.CSV{suffix.upper()}")
    assert unpacked(STREAMS[".gz"](b"text\n"), f"x{suffix}") == b"text\n"


@pytest.mark.parametrize("magic", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x00", b"\x04\x22\x4d\x18", b"\x1f\x9d"])
def test_formats_that_are_not_read_are_named(magic: bytes) -> None:
    """They are not taken for text."""
    assert "which is not read" in refusal(magic + bytes(20))


@given(st.binary(max_size=200))
def test_plain_bytes_are_given_as_they_are(content: bytes) -> None:
    """A text may begin with the letters of a format."""
    for text in (b"BZh" + content[:0] + b" is a name\n", b"text\n" + content):
        assert unpacked(text) == text
