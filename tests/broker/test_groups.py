"""Consumer groups of the classic protocol: who gets what, who is thrown out, who may commit."""

from __future__ import annotations

import threading
from typing import Any

from kafka import TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from tests.broker.group_wire import SHARE, SUBSCRIPTION
from tests.broker.support import consumer, new_topic, producer, unique
from tests.broker.wire import Wire
from tests.brokers import Broker
from tests.waiting import WITHIN_S, wait_until

_UNKNOWN_MEMBER, _ILLEGAL_GENERATION, _REBALANCE, _METADATA_TOO_LARGE = 25, 22, 27, 12


class _Revoked(ConsumerRebalanceListener):
    def __init__(self) -> None:
        self.partitions: list[TopicPartition] = []

    def on_partitions_revoked(self, revoked: Any) -> None:
        self.partitions += revoked

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Nothing to do."""


class _Member:
    """A consumer in a thread that polls all the time, as a worker does."""

    def __init__(self, bootstrap: str, group: str, topic: str, **options: Any) -> None:
        self.revoked = _Revoked()
        self.share: set[int] = set()
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(bootstrap, group, topic, options))
        self._thread.start()

    def _run(self, bootstrap: str, group: str, topic: str, options: dict[str, Any]) -> None:
        with consumer(bootstrap, group_id=group, heartbeat_interval_ms=200, **options) as client:
            client.subscribe([topic], listener=self.revoked)
            while not self._leave.is_set():
                client.poll(1_000)
                self.share = {partition.partition for partition in client.assignment()}

    def leave(self) -> None:
        """Leave the group."""
        self._leave.set()
        self._thread.join()

    def __enter__(self) -> _Member:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


def _shared_out(members: list[_Member], partitions: int) -> bool:
    """Whether each partition has exactly one member, and each member a partition."""
    shares = [member.share for member in members]
    return all(shares) and sorted(number for share in shares for number in share) == list(range(partitions))


def test_members_share_the_partitions(broker: Broker) -> None:
    """Two members have every partition once between them; when one leaves, the other has all."""
    topic, group = new_topic(broker.bootstrap, partitions=4), unique("group")
    with _Member(broker.bootstrap, group, topic) as one:
        with _Member(broker.bootstrap, group, topic) as two:
            wait_until(lambda: _shared_out([one, two], 4), "both have a share")
        wait_until(lambda: _shared_out([one], 4), "the one that stayed has all")


def test_a_cooperative_rebalance_takes_only_what_moves(broker: Broker) -> None:
    """Only the partitions that go to the new member are revoked."""
    topic, group = new_topic(broker.bootstrap, partitions=4), unique("group")
    options = {"partition_assignment_strategy": [CooperativeStickyAssignor]}
    with _Member(broker.bootstrap, group, topic, **options) as first:
        wait_until(lambda: _shared_out([first], 4), "the first has all")
        with _Member(broker.bootstrap, group, topic, **options) as second:
            wait_until(lambda: _shared_out([first, second], 4), "both have a share")
            assert {partition.partition for partition in first.revoked.partitions} == second.share
            assert len(second.share) == 2


def test_a_group_reads_on_where_it_committed(broker: Broker) -> None:
    """A new member begins at the committed offset."""
    topic, group = new_topic(broker.bootstrap), unique("group")
    with producer(broker.bootstrap) as client:
        for number in range(10):
            client.send(topic, b"%d" % number).get(WITHIN_S)
    for expected in (range(4), range(4, 8)):
        with consumer(broker.bootstrap, topic, group_id=group, max_poll_records=4) as member:
            records = wait_until(lambda member=member: member.poll(1_000), "records")
            assert [int(each.value) for each in records[TopicPartition(topic, 0)]] == list(expected)
            member.commit()


def test_a_silent_member_is_thrown_out(broker: Broker) -> None:
    """Without heartbeats its session ends, and it is unknown."""
    group = unique("group")
    with Wire(broker.bootstrap) as wire:
        joined = wire.join_alone(group, session_timeout_ms=1_000)
        other = wire.join(group)
        assert other.error_code == 79
        # The group waits for the silent member no longer than its session.
        other = wire.join(group, other.member_id)
        assert (other.error_code, other.leader, len(other.members)) == (0, other.member_id, 1)
        assert other.generation_id > joined.generation_id
        assert wire.heartbeat(group, joined.member_id, joined.generation_id) == _UNKNOWN_MEMBER


def test_a_rebalance_is_told_by_heartbeat(broker: Broker) -> None:
    """While somebody joins, members are told to join again; when they do, the leader sees both."""
    group = unique("group")
    with Wire(broker.bootstrap) as first, Wire(broker.bootstrap) as second:
        joined = first.join_alone(group)
        member_id = second.join(group).member_id
        request = second.join_request(group, member_id)
        second.send(request, 7)
        wait_until(
            lambda: first.heartbeat(group, joined.member_id, joined.generation_id) == _REBALANCE, "the member is told"
        )
        again = first.join(group, joined.member_id)
        other = second.receive(request, 7)
        assert again.generation_id == other.generation_id == joined.generation_id + 1
        assert again.leader == other.leader
        leader = again if again.leader == again.member_id else other
        assert {each.member_id for each in leader.members} == {joined.member_id, member_id}


def test_new_members_first_get_an_id(broker: Broker) -> None:
    """MEMBER_ID_REQUIRED comes with the id to join with (KIP-394); older clients join at once."""
    group = unique("group")
    with Wire(broker.bootstrap) as wire:
        wire.find_coordinator(group, 0)
        refused = wire.join(group)
        assert (refused.error_code, refused.generation_id) == (79, -1)
        assert refused.member_id
        assert wire.join(group, "made up").error_code == _UNKNOWN_MEMBER
        old = wire.join(unique("group"), version=3)
        assert (old.error_code, old.leader) == (0, old.member_id)


def test_protocols_have_to_fit(broker: Broker) -> None:
    """A member that has no assignor in common with the others is INCONSISTENT_GROUP_PROTOCOL."""
    group = unique("group")
    with Wire(broker.bootstrap) as wire:
        wire.join_alone(group)
        assert wire.join(group, protocols=[("cooperative-sticky", SUBSCRIPTION)]).error_code == 23


def test_session_timeouts_have_limits(broker: Broker) -> None:
    """A timeout below group.min.session.timeout.ms (500 here) is INVALID_SESSION_TIMEOUT."""
    group = unique("group")
    with Wire(broker.bootstrap) as wire:
        wire.find_coordinator(group, 0)
        assert wire.join(group, session_timeout_ms=100).error_code == 26


def test_a_static_member_comes_back_without_a_rebalance(broker: Broker) -> None:
    """It gets a new member id, the same generation and the same share; its old id is fenced (KIP-345)."""
    group, instance = unique("group"), "worker-1"
    with Wire(broker.bootstrap) as wire:
        wire.find_coordinator(group, 0)
        first = wire.join(group, instance_id=instance)
        assert first.error_code == 0
        shares = {first.member_id: SHARE}
        assert wire.sync(group, first.member_id, first.generation_id, shares, instance).assignment == SHARE
        again = wire.join(group, instance_id=instance)
        assert (again.error_code, again.generation_id) == (0, first.generation_id)
        assert again.member_id != first.member_id
        assert again.leader != again.member_id, "it must not assign anew"
        assert wire.sync(group, again.member_id, again.generation_id, {}, instance).assignment == SHARE
        assert wire.heartbeat(group, first.member_id, first.generation_id, instance) == 82
        assert wire.heartbeat(group, again.member_id, again.generation_id, instance) == 0


def test_only_the_current_generation_commits(broker: Broker) -> None:
    """A stale generation is ILLEGAL_GENERATION, a stranger UNKNOWN_MEMBER_ID; the member itself may."""
    topic, group = new_topic(broker.bootstrap), unique("group")
    with Wire(broker.bootstrap) as wire:
        joined = wire.join_alone(group)
        member, generation = joined.member_id, joined.generation_id
        assert wire.commit(group, (topic, 1), (member, generation - 1)) == _ILLEGAL_GENERATION
        assert wire.commit(group, (topic, 1), ("stranger", generation)) == _UNKNOWN_MEMBER
        assert wire.commit(group, (topic, 1)) == _UNKNOWN_MEMBER
        assert wire.committed(group, topic) == (0, -1)
        assert wire.commit(group, (topic, 1), (member, generation)) == 0
        assert wire.committed(group, topic) == (0, 1)


def test_a_group_without_members_takes_anybodys_offsets(broker: Broker) -> None:
    """Clients that assign partitions to themselves commit with no member and generation -1."""
    topic, group = new_topic(broker.bootstrap), unique("group")
    with Wire(broker.bootstrap) as wire:
        assert wire.commit(group, (topic, 41)) == 0
        assert wire.commit(group, (topic, 42)) == 0
        assert wire.committed(group, topic) == (0, 42)
        assert wire.commit(group, (topic, 43), ("", 5)) in (_ILLEGAL_GENERATION, _UNKNOWN_MEMBER)
        assert wire.commit(group, (unique("nothing"), 1)) == 3
        assert wire.committed(unique("group"), topic) == (0, -1)


def test_the_metadata_of_an_offset_are_bounded(broker: Broker) -> None:
    """What is longer than 4,096 characters is refused, and the offset with it."""
    topic, group = new_topic(broker.bootstrap), unique("group")
    with Wire(broker.bootstrap) as wire:
        assert wire.commit(group, (topic, 1), metadata="x" * 4096) == 0
        assert wire.commit(group, (topic, 2), metadata="x" * 4097) == _METADATA_TOO_LARGE
        assert wire.committed(group, topic) == (0, 1)
