"""What an ingest remembers, without Kafka: digests of rows, and the chunks in which they are kept."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.ingest import state
from consumers.ingest.appending import known_rows
from consumers.ingest.fields import Publishable
from consumers.ingest.identity import DIGEST_BYTES, IDENTITY_BYTES, row_digest
from consumers.ingest.ordering import in_order_of_time
from consumers.ingest.state import CHUNK_ROWS, Chunks, Position, StateReader, WriterName, chunk_key
from sentiment.events import FeedbackInput
from sentiment.settings import load_settings
from tests.consumers.ingest.support import START

NAME = WriterName("export", "writer")


def row(row_id: str | None = None, **values: Any) -> Publishable:
    """A row with this id, or with one that is made up."""
    event = FeedbackInput(id=row_id or "made-up-1", created_at=START, **{"text": "fine", **values})
    return Publishable(1, event, START, row_id is not None)


def digests(first: int, n: int) -> list[bytes]:
    """Digests `first` to `first + n`."""
    return [number.to_bytes(DIGEST_BYTES) for number in range(first, first + n)]


@given(st.lists(st.integers(0, 3 * CHUNK_ROWS), max_size=12), st.integers(2, 6))
def test_the_newest_digests_are_kept_and_no_more(commits: list[int], max_chunks: int) -> None:
    """However many rows a commit has, and if a new run goes on after any of them. Past the bound the oldest go."""
    kept: dict[int, bytes] = {}  # a compacted topic
    published = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "MAX_CHUNKS", max_chunks)
        for n_rows in commits:
            _, changed = resumed(kept, published).add(digests(published, n_rows))
            assert sum(map(len, changed.values())) <= (n_rows + CHUNK_ROWS - 1) * DIGEST_BYTES
            kept |= changed
            published += n_rows
    found = {each[i : i + DIGEST_BYTES] for each in kept.values() for i in range(0, len(each), DIGEST_BYTES)}
    newest = min(published, (max_chunks - 1) * CHUNK_ROWS)
    assert {*digests(published - newest, newest)} <= found <= {*digests(0, published)}
    assert len(kept) <= max_chunks
    assert max(map(len, kept.values()), default=0) <= CHUNK_ROWS * DIGEST_BYTES


def resumed(kept: dict[int, bytes], published: int) -> Chunks:
    """Where a run that reads this state goes on."""
    reader = StateReader(load_settings(None, {}), NAME, position=Position(published=published, run="r"))
    reader.chunks = {chunk_key(NAME, number): value for number, value in kept.items()}
    return reader.end_of_chunks()


@given(st.lists(st.integers(0, 700), max_size=8))
def test_a_run_goes_on_where_it_would_be_if_it_had_read_the_state(commits: list[int]) -> None:
    """What it knows from its own commits is what a new run reads."""
    kept: dict[int, bytes] = {}
    chunks, published = Chunks(), 0
    for n_rows in commits:
        chunks, changed = chunks.add(digests(published, n_rows))
        kept |= changed
        published += n_rows
        assert chunks == resumed(kept, published)


def test_an_id_is_the_identity_and_without_one_it_is_what_is_published() -> None:
    """The rest of the digest tells whether the text has changed."""
    one, edited, other = (row_digest(each) for each in (row("1"), row("1", text="bad"), row("2")))
    assert one[:IDENTITY_BYTES] == edited[:IDENTITY_BYTES] != other[:IDENTITY_BYTES]
    assert one[IDENTITY_BYTES:] == other[IDENTITY_BYTES:] != edited[IDENTITY_BYTES:]
    assert row_digest(row("1", product="tv", rating=3.0)) == one
    contents: list[dict[str, Any]] = [
        {},
        {"text": "bad"},
        {"product": "tv"},
        {"source": "tv"},
        {"author_id": "tv"},
        {"language": "en"},
        {"rating": 3.0},
        {"metadata": {"a": 1}},
    ]
    assert len({row_digest(row(**each)) for each in contents}) == len(contents)
    assert row_digest(row("made-up-1"))[:IDENTITY_BYTES] != row_digest(row())[:IDENTITY_BYTES]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("a\r\n", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.text("ab\n", min_size=1).map("x".__add__), st.dictionaries(st.text("ab", max_size=2), _VALUES), st.booleans())
def test_line_ends_and_the_order_of_keys_do_not_matter(text: str, metadata: dict[str, Any], has_id: bool) -> None:
    """Neither does a way through the database that sorts rows."""
    given = row("1" if has_id else None, text=text, metadata=metadata)
    windows = msgspec.structs.replace(
        given.event, text=text.replace("\n", "\r\n"), metadata=dict(reversed(metadata.items()))
    )
    assert row_digest(Publishable(7, windows, START, has_id)) == row_digest(given)
    with in_order_of_time([given], 0) as ordered:
        assert [row_digest(each) for each in ordered] == [row_digest(given)]


@given(st.lists(st.integers(0, 4), max_size=30), st.lists(st.integers(0, 4), max_size=30), st.booleans())
def test_new_rows_are_those_that_are_missing(before: list[int], export: list[int], has_ids: bool) -> None:
    """By content, as often as they are missing; by id, once."""

    def rows(numbers: list[int]) -> list[Publishable]:
        return [row(f"r{n}" if has_ids else None, text=f"text {n}") for n in numbers]

    with known_rows([b"".join(map(row_digest, rows(before)))]) as known:
        new = [each.event.text for each in rows(export) if known.is_new(each)]
    missing = {n: max(0, export.count(n) - before.count(n)) for n in export}
    if has_ids:
        missing = {n: int(n not in before) for n in export}
    assert sorted(new) == sorted(f"text {n}" for n, count in missing.items() for _ in range(count))
    assert known.found.rows == len(export)
    assert known.found.new == len(new)


def test_rows_without_times_keep_their_order() -> None:
    """There is nothing else to sort them by."""
    rows = [Publishable(n, FeedbackInput(text=f"{n}", id=f"r{n}"), None) for n in range(1, 30)]
    with in_order_of_time(rows, 3) as ordered:
        assert list(ordered) == rows[3:]
