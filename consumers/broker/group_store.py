"""Groups on disk: each as it was when its last rebalance ended, so that members survive a restart of the broker."""

from collections.abc import Iterator

from consumers.broker.entries import Entry, GroupDeleted, GroupStored
from consumers.broker.group import Group, GroupState
from consumers.broker.journal import Journal
from consumers.broker.member import Member


class GroupStore:
    """Writes groups to the journal; `apply` collects what the journal says of them, `restored` makes groups of it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._stored: dict[str, GroupStored] = {}

    def save(self, group: Group) -> None:
        """Write the group as it is now."""
        members = [member.stored() for member in group.members.values()]
        entry = GroupStored(
            group.group_id, group.generation, group.protocol_type, group.protocol_name, group.leader, members
        )
        self._write(entry)

    def save_if_emptied(self, group: Group) -> None:
        """Write a group that has lost its last member."""
        stored = self._stored.get(group.group_id)
        if group.state is GroupState.EMPTY and stored is not None and stored.members:
            self.save(group)

    def delete(self, group_id: str) -> None:
        """Forget the group."""
        self._write(GroupDeleted(group_id))

    def _write(self, entry: Entry) -> None:
        self._journal.write(entry)
        self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect; entries of other kinds change nothing."""
        match entry:
            case GroupStored():
                self._stored[entry.group] = entry
            case GroupDeleted():
                self._stored.pop(entry.group, None)

    def entries(self) -> Iterator[Entry]:
        """Entries that describe the present state."""
        yield from self._stored.values()

    def restored(self, now_s: float) -> Iterator[Group]:
        """Every group. Its members have their whole session timeout, from now, to find the broker again."""
        for entry in self._stored.values():
            group = Group(entry.group, generation=entry.generation, protocol_type=entry.protocol_type)
            for stored in entry.members:
                group.add(Member.restored(stored, now_s))
            if entry.members:
                group.state, group.protocol_name, group.leader = GroupState.STABLE, entry.protocol_name, entry.leader
            yield group
