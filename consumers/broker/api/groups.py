"""Consumer groups: membership, and what the admin client asks about them."""

from typing import Any

from kafka.protocol.admin import DeleteGroupsResponse, DescribeGroupsResponse, ListGroupsResponse
from kafka.protocol.consumer import HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, SyncGroupResponse

from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code, attempt
from consumers.broker.group import Group, GroupState
from consumers.broker.groups import MemberIdRequiredError
from consumers.broker.member import JoinRequest, MemberClaim

_Described = DescribeGroupsResponse.DescribedGroup

_NO_PROTOCOL_NAME_SINCE = 7
"""Since this version of JoinGroup a refused member gets no protocol name; before, it gets an empty one."""
_MEMBER_ID_REQUIRED_SINCE = 4
_SEVERAL_LEAVE_SINCE = 3
_DESCRIBE_NOT_FOUND_SINCE = 6


async def join_group(broker: Broker, call: Call) -> JoinGroupResponse:
    """Join, and wait until all members have joined."""
    request = call.request
    try:
        joined = await broker.groups.join(_join_request(call), broker.now_s())
    except BrokerError as error:
        member_id = error.member_id if isinstance(error, MemberIdRequiredError) else request.member_id
        return JoinGroupResponse(
            error_code=error.code,
            generation_id=-1,
            protocol_type=None,
            protocol_name=None if call.version >= _NO_PROTOCOL_NAME_SINCE else "",
            leader="",
            member_id=member_id,
            members=[],
        )
    return JoinGroupResponse(
        error_code=Code.NONE,
        generation_id=joined.generation,
        protocol_type=joined.protocol_type,
        protocol_name=joined.protocol_name,
        leader=joined.leader,
        member_id=joined.member_id,
        members=[
            JoinGroupResponse.JoinGroupResponseMember(
                member_id=member_id, group_instance_id=instance_id, metadata=metadata
            )
            for member_id, instance_id, metadata in joined.members
        ],
    )


def _join_request(call: Call) -> JoinRequest:
    request = call.request
    return JoinRequest(
        request.group_id,
        request.member_id,
        request.group_instance_id,
        call.client_id,
        call.client_host,
        request.session_timeout_ms,
        request.rebalance_timeout_ms if call.version >= 1 else request.session_timeout_ms,
        request.protocol_type,
        [(protocol.name, bytes(protocol.metadata)) for protocol in request.protocols],
        needs_member_id=call.version >= _MEMBER_ID_REQUIRED_SINCE,
    )


def _claim(request: Any) -> MemberClaim:
    return MemberClaim(request.member_id, request.generation_id, request.group_instance_id)


async def sync_group(broker: Broker, call: Call) -> SyncGroupResponse:
    """Hand in the assignment as the leader, or wait for it as another member."""
    request = call.request
    try:
        group, assignment = await broker.groups.sync(
            request.group_id,
            _claim(request),
            (request.protocol_type, request.protocol_name),
            {item.member_id: bytes(item.assignment) for item in request.assignments},
            broker.now_s(),
        )
    except BrokerError as error:
        return SyncGroupResponse(error_code=error.code, protocol_type=None, protocol_name=None, assignment=b"")
    return SyncGroupResponse(
        error_code=Code.NONE,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name,
        assignment=assignment,
    )


def heartbeat(broker: Broker, call: Call) -> HeartbeatResponse:
    """Keep a session alive; the answer tells of a rebalance."""
    request = call.request
    outcome = attempt(broker.groups.heartbeat, request.group_id, _claim(request), broker.now_s())
    return HeartbeatResponse(error_code=outcome.code)


def leave_group(broker: Broker, call: Call) -> LeaveGroupResponse:
    """Take one member out of its group, or several since version 3."""
    request = call.request

    def leave(member_id: str, instance_id: str | None) -> Code:
        return attempt(broker.groups.leave, request.group_id, member_id, instance_id, broker.now_s()).code

    if call.version < _SEVERAL_LEAVE_SINCE:
        return LeaveGroupResponse(error_code=leave(request.member_id, None))
    members = [
        LeaveGroupResponse.MemberResponse(
            member_id=member.member_id,
            group_instance_id=member.group_instance_id,
            error_code=leave(member.member_id, member.group_instance_id),
        )
        for member in request.members
    ]
    return LeaveGroupResponse(error_code=Code.NONE, members=members)


def list_groups(broker: Broker, call: Call) -> ListGroupsResponse:
    """All groups that have members or offsets, or had members once."""
    request = call.request
    states = {state.lower() for state in request.states_filter}
    types = {kind.lower() for kind in request.types_filter}
    described = {group.group_id: (group.protocol_type, group.state) for group in broker.groups}
    for group_id in broker.offsets.groups():
        described.setdefault(group_id, ("", GroupState.EMPTY))
    return ListGroupsResponse(
        error_code=Code.NONE,
        groups=[
            ListGroupsResponse.ListedGroup(
                group_id=group_id, protocol_type=protocol_type, group_state=state.value, group_type="classic"
            )
            for group_id, (protocol_type, state) in described.items()
            if (not states or state.lower() in states) and (not types or "classic" in types)
        ],
    )


def describe_groups(broker: Broker, call: Call) -> DescribeGroupsResponse:
    """State, members and their assignments, of each group once; an unknown group is `Dead`."""
    wanted = dict.fromkeys(call.request.groups)
    return DescribeGroupsResponse(groups=[_describe(broker, group_id, call.version) for group_id in wanted])


def _describe(broker: Broker, group_id: str, version: int) -> Any:
    group = broker.groups.get(group_id)
    if group is None and group_id in broker.offsets.groups():
        group = Group(group_id)
    if group is None:
        return _not_found(group_id, told=version >= _DESCRIBE_NOT_FOUND_SINCE)
    stable = group.state is GroupState.STABLE
    return _Described(
        error_code=Code.NONE,
        error_message=None,
        group_id=group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type,
        protocol_data=(group.protocol_name or "") if stable else "",
        members=[
            _Described.DescribedGroupMember(
                member_id=member.member_id,
                group_instance_id=member.instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                member_metadata=member.metadata(group.protocol_name) if stable else b"",
                member_assignment=member.assignment if stable else b"",
            )
            for member in group.members.values()
        ],
        authorized_operations=set(),
    )


def _not_found(group_id: str, *, told: bool) -> Any:
    """`told`: whether the client knows of the error; older ones only see the state."""
    return _Described(
        error_code=Code.GROUP_ID_NOT_FOUND if told else Code.NONE,
        error_message=f"Group {group_id} not found." if told else None,
        group_id=group_id,
        group_state=GroupState.DEAD.value,
        protocol_type="",
        protocol_data="",
        members=[],
        authorized_operations=set(),
    )


def delete_groups(broker: Broker, call: Call) -> DeleteGroupsResponse:
    """Delete empty groups with their offsets; groups with members are refused."""

    def delete(group_id: str) -> Code:
        if broker.groups.get(group_id) is None and group_id not in broker.offsets.groups():
            return Code.GROUP_ID_NOT_FOUND
        return attempt(broker.delete_group, group_id).code

    return DeleteGroupsResponse(
        results=[
            DeleteGroupsResponse.DeletableGroupResult(group_id=group_id, error_code=delete(group_id))
            for group_id in call.request.groups_names
        ]
    )
