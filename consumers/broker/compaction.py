"""Compaction of topics with `cleanup.policy=compact`: simple, by whole batches.

The closed segments of a partition become one. A batch is dropped if none of its records is current: each was written
again later with the same key, or belongs to an aborted transaction. Offsets stay, the newest value of every key stays,
and the last segment is never touched. Apache Kafka also drops tombstones, and old records in a batch that holds a
current one; here they stay.
"""

import asyncio
import os
from collections.abc import Iterator

from consumers.broker.batch import BatchHeader, is_abort_marker, without_transaction
from consumers.broker.durability import Flusher, FsyncPolicy
from consumers.broker.partition import Partition
from consumers.broker.producers import Aborted
from consumers.broker.records import BadRecordsError, StoredRecord, records
from consumers.broker.segment import Segment


async def compact_partition(partition: Partition) -> None:
    """Compact if segments were closed since the last time. A thread does the work."""
    # Records after the last stable offset may still be aborted.
    old = [segment for segment in partition.log.closed_segments if segment.end_offset <= partition.stable_offset]
    if not old or old[-1].end_offset <= partition.cleaned_until:
        return
    state = old[-1].state_at_end()
    if state is None:
        return
    aborted = partition.producers.aborted_between(old[0].base_offset, old[-1].end_offset - 1)
    new = await asyncio.to_thread(_write_compacted, old, aborted)
    if partition.log.closed_segments[: len(old)] == old:
        partition.log.replace_closed(old, new)
        new.close(state)
        new.unload_index()
        partition.cleaned_until = new.end_offset
    else:
        new.delete()  # records were deleted in the meantime


def _write_compacted(old: list[Segment], aborted: list[Aborted]) -> Segment:
    """A segment with what has to be kept of `old`, on the disk under a temporary name."""
    newest: dict[bytes | None, int] = {}
    for header, data in _batches(old):
        if not header.is_control and not _is_aborted(header, aborted):
            newest.update((record.key, record.offset) for record in _readable(data))
    directory = old[0].path.parent
    new = Segment(directory, old[0].base_offset, Flusher(FsyncPolicy.NEVER))
    new.path = directory / f"compacting-{old[0].base_offset}.tmp"
    new.path.write_bytes(b"")
    for header, data in _batches(old):
        kept = _kept(header, data, newest, aborted)
        if kept is not None:
            new.append(kept, header)
    if new.fd is not None:
        os.fsync(new.fd)
    new.end_offset = old[-1].end_offset
    return new


def _kept(header: BatchHeader, data: bytes, newest: dict[bytes | None, int], aborted: list[Aborted]) -> bytes | None:
    if header.is_control:
        # Readers that know of an aborted transaction look for its marker. Nobody needs the marker of a commit.
        return data if is_abort_marker(data) else None
    found = _readable(data)
    if _is_aborted(header, aborted) or (found and all(newest[record.key] != record.offset for record in found)):
        return None
    # Its commit marker is dropped. Without it the batch would look open if the log had to be read again.
    return without_transaction(data) if header.is_transactional else data


def _readable(data: bytes) -> list[StoredRecord]:
    """The records of a batch; none of one stored by a version that did not check, which is kept."""
    try:
        return list(records(data))
    except BadRecordsError:
        return []


def _is_aborted(header: BatchHeader, aborted: list[Aborted]) -> bool:
    return header.is_transactional and any(
        each.producer_id == header.producer_id and each.first_offset <= header.base_offset < each.marker_offset
        for each in aborted
    )


def _batches(segments: list[Segment]) -> Iterator[tuple[BatchHeader, bytes]]:
    for segment in segments:
        for position, header in segment.headers():
            yield header, segment.read_at(position, header.size)
