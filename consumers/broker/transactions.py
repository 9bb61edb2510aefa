"""The transaction coordinator: epochs that fence zombies, and transactions that end once, whole.

A transaction ends in three steps, each of which can be repeated: the decision is written to the journal, a marker goes
into each partition, and one last entry says that all is done (with it the group offsets take effect). After a crash in
between the next start goes on from the decision.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from consumers.broker.codes import BrokerError, Code
from consumers.broker.entries import (
    Entry,
    Offset,
    PartitionId,
    Transaction,
    TransactionCompleted,
    TransactionForgotten,
    TransactionState,
)
from consumers.broker.journal import Journal
from consumers.broker.member import MemberClaim
from consumers.broker.offsets import Offsets
from consumers.broker.producer_ids import ProducerIds
from consumers.broker.topics import Topics

MAX_TIMEOUT_MS = 15 * 60 * 1000
"""`transaction.max.timeout.ms`, as in Apache Kafka."""
_IDLE_EXPIRY_MS = 7 * 24 * 3600 * 1000
"""`transactional.id.expiration.ms`: workers take a new id at each start, so old ones have to go."""
_LAST_EPOCH = 0x7FFF - 1

_DECIDED = (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)


class ProducerClaim(NamedTuple):
    """Which transactional producer a request says that it comes from."""

    transactional_id: str
    producer_id: int
    epoch: int


class OffsetFence(Protocol):
    """Refuses, by BrokerError, offsets of a group from somebody who may not commit them (KIP-447)."""

    def __call__(self, group_id: str, claim: MemberClaim, *, transactional: bool) -> None:
        """See the class."""


class Transactions:
    """All times are epoch milliseconds, given by the caller. Methods that take a claim raise BrokerError."""

    def __init__(
        self, journal: Journal, producer_ids: ProducerIds, topics: Topics, offsets: Offsets, fence: OffsetFence
    ) -> None:
        self._journal = journal
        self._producer_ids = producer_ids
        self._topics = topics
        self._offsets = offsets
        self._fence = fence
        self._transactions: dict[str, Transaction] = {}

    def __iter__(self) -> Iterator[Transaction]:
        return iter(list(self._transactions.values()))

    def get(self, transactional_id: str) -> Transaction | None:
        """None for an id that never had a producer."""
        return self._transactions.get(transactional_id)

    def init_producer(
        self, transactional_id: str, timeout_ms: int, known: tuple[int, int], now_ms: int
    ) -> tuple[int, int]:
        """(producer id, epoch) for a new instance; the one before is fenced, its open transaction aborted.

        `known` is the id and epoch that the producer believes to have, (-1, -1) at its start (KIP-360).
        """
        if not 0 < timeout_ms <= MAX_TIMEOUT_MS:
            raise BrokerError(Code.INVALID_TRANSACTION_TIMEOUT)
        current = self._transactions.get(transactional_id)
        if current is None:
            producer_id, epoch = self._producer_ids.new(), 0
        else:
            producer_id, epoch = self._next_instance(current, known, now_ms)
        last_epoch = known[1] if known[0] == producer_id else -1
        empty = TransactionState.EMPTY
        self._change(
            Transaction(transactional_id, producer_id, epoch, timeout_ms, empty, now_ms, last_epoch=last_epoch)
        )
        return producer_id, epoch

    def _next_instance(self, current: Transaction, known: tuple[int, int], now_ms: int) -> tuple[int, int]:
        """The id and the epoch that fence the producer of `current`; its open transaction is aborted."""
        if known[0] >= 0 and (
            known[0] != current.producer_id or known[1] not in (current.producer_epoch, current.last_epoch)
        ):
            raise _fenced(Code.PRODUCER_FENCED)
        _check_not_ending(current)
        if current.state is TransactionState.ONGOING:
            current = self._abort_and_fence(current, now_ms)
        if current.producer_epoch >= _LAST_EPOCH:
            return self._producer_ids.new(), 0
        return current.producer_id, current.producer_epoch + 1

    def _checked(self, claim: ProducerClaim, fenced: Code = Code.PRODUCER_FENCED) -> Transaction:
        """The transaction of the claim; `fenced` is the error for an older epoch."""
        current = self._transactions.get(claim.transactional_id)
        if current is None or current.producer_id != claim.producer_id:
            raise BrokerError(Code.INVALID_PRODUCER_ID_MAPPING)
        if current.producer_epoch != claim.epoch:
            raise _fenced(fenced)
        _check_not_ending(current)
        return current

    def check_produce(self, claim: ProducerClaim, partition: PartitionId) -> None:
        """Refuse a transactional batch that its coordinator does not know of: it would hang in the log for ever."""
        current = self._checked(claim, fenced=Code.INVALID_PRODUCER_EPOCH)
        if current.state is not TransactionState.ONGOING or partition not in current.partitions:
            raise BrokerError(Code.INVALID_TXN_STATE, "the partition was not added to an open transaction")

    def add_partitions(self, claim: ProducerClaim, partitions: set[PartitionId], now_ms: int) -> None:
        """Add partitions to the open transaction, or begin one with them."""
        current = self._checked(claim)
        if not partitions <= current.partitions or current.state is not TransactionState.ONGOING:
            current = _ongoing(current, now_ms)
            self._change(replace(current, partitions=current.partitions | partitions))

    def add_group(self, claim: ProducerClaim, group: str, now_ms: int) -> None:
        """Announce that offsets of `group` will be part of the transaction; begin one if none is open."""
        current = self._checked(claim)
        if group not in current.groups or current.state is not TransactionState.ONGOING:
            current = _ongoing(current, now_ms)
            self._change(replace(current, groups=current.groups | {group}))

    def check_offsets(self, claim: ProducerClaim, group: str, member: MemberClaim) -> None:
        """Refuse offsets of `group` that may not be put into this transaction by this member."""
        current = self._checked(claim, fenced=Code.INVALID_PRODUCER_EPOCH)
        if current.state is not TransactionState.ONGOING or group not in current.groups:
            raise BrokerError(Code.INVALID_TXN_STATE, "the group was not added to an open transaction")
        self._fence(group, member, transactional=True)

    def hold_offsets(self, producer_id: int, group: str, offsets: list[Offset]) -> None:
        """Keep offsets, checked by `check_offsets`, until the transaction ends."""
        self._offsets.hold(group, producer_id, offsets)

    def end(self, claim: ProducerClaim, *, commit: bool, now_ms: int) -> None:
        """Commit or abort; a repeated request gets the same answer as the first."""
        current = self._checked(claim)
        done = TransactionState.COMPLETE_COMMIT if commit else TransactionState.COMPLETE_ABORT
        if current.state is done:
            return
        if current.state is not TransactionState.ONGOING:
            raise BrokerError(Code.INVALID_TXN_STATE, f"no transaction is open, the state is {current.state}")
        decision = TransactionState.PREPARE_COMMIT if commit else TransactionState.PREPARE_ABORT
        self._change(replace(current, state=decision, updated_ms=now_ms))
        self._carry_out(claim.transactional_id, now_ms)

    def _abort_and_fence(self, current: Transaction, now_ms: int) -> Transaction:
        self._change(
            replace(
                current,
                state=TransactionState.PREPARE_ABORT,
                producer_epoch=current.producer_epoch + 1,
                last_epoch=-1,
                updated_ms=now_ms,
            )
        )
        self._carry_out(current.transactional_id, now_ms)
        return self._transactions[current.transactional_id]

    def _carry_out(self, transactional_id: str, now_ms: int) -> None:
        decided = self._transactions[transactional_id]
        commit = decided.state is TransactionState.PREPARE_COMMIT
        for topic, number in sorted(decided.partitions):
            if self._topics.has_partition(topic, number):
                partition = self._topics.partition(topic, number)
                partition.end_transaction(decided.producer_id, decided.producer_epoch, commit=commit, now_ms=now_ms)
        self._change(TransactionCompleted(transactional_id, now_ms))

    def recover(self, now_ms: int) -> None:
        """Carry out what was decided before a crash. Open transactions stay open: their producers may come back."""
        for transaction in self:
            if transaction.state in _DECIDED:
                self._carry_out(transaction.transactional_id, now_ms)

    def tick(self, now_ms: int) -> None:
        """Abort what is open beyond its timeout, fencing its producer; forget ids that were idle for a week."""
        for transaction in self:
            if transaction.state in _DECIDED:
                self._carry_out(transaction.transactional_id, now_ms)
            elif transaction.state is TransactionState.ONGOING:
                if now_ms - transaction.started_ms > transaction.timeout_ms:
                    self._abort_and_fence(transaction, now_ms)
            elif now_ms - transaction.updated_ms > _IDLE_EXPIRY_MS:
                self._change(TransactionForgotten(transaction.transactional_id))

    def _change(self, entry: Entry) -> None:
        self._journal.write(entry)
        self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect; entries of other kinds change nothing."""
        match entry:
            case Transaction():
                self._transactions[entry.transactional_id] = entry
            case TransactionForgotten():
                self._transactions.pop(entry.transactional_id, None)
            case TransactionCompleted():
                decided = self._transactions[entry.transactional_id]
                self._offsets.end_transaction(
                    decided.producer_id, commit=decided.state is TransactionState.PREPARE_COMMIT
                )
                self._transactions[entry.transactional_id] = _completed(decided, entry.updated_ms)

    def entries(self) -> Iterator[Entry]:
        """Entries that describe the present state."""
        yield from self._transactions.values()


def _ongoing(current: Transaction, now_ms: int) -> Transaction:
    """The transaction, begun now unless it is open."""
    if current.state is TransactionState.ONGOING:
        return current
    return replace(
        current,
        state=TransactionState.ONGOING,
        started_ms=now_ms,
        updated_ms=now_ms,
        partitions=frozenset(),
        groups=frozenset(),
    )


def _completed(decided: Transaction, now_ms: int) -> Transaction:
    commit = decided.state is TransactionState.PREPARE_COMMIT
    state = TransactionState.COMPLETE_COMMIT if commit else TransactionState.COMPLETE_ABORT
    return replace(decided, state=state, updated_ms=now_ms, partitions=frozenset(), groups=frozenset())


def _fenced(code: Code) -> BrokerError:
    return BrokerError(code, "There is a newer producer with the same transactionalId.")


def _check_not_ending(transaction: Transaction) -> None:
    """A transaction that could not be ended at once (a full disk) is tried again by `tick`; until then clients wait."""
    if transaction.state in _DECIDED:
        raise BrokerError(Code.CONCURRENT_TRANSACTIONS, "the last transaction is still being ended")
