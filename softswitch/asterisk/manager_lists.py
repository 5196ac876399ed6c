"""Answers of the manager interface that are lists of events: QueueStatus, QueueSummary, CoreShowChannels.

Field names and their order are those of Asterisk 22's app_queue.c and manager.c.
"""

from collections.abc import Iterator

from softswitch.asterisk.centre import Centre, Channel, EntryInfo, MemberInfo, QueueInfo
from softswitch.asterisk.manager_message import Action, message

Pairs = list[tuple[str, object]]
CONTEXT = "softswitch"
STATES = {4: "Ring", 5: "Ringing", 6: "Up"}


def channel_fields(channel: Channel, prefix: str = "") -> Pairs:
    """A channel as every event about one shows it; `prefix` is `Dest` for the second of two."""
    return [
        (prefix + "Channel", channel.name),
        (prefix + "ChannelState", channel.state),
        (prefix + "ChannelStateDesc", STATES.get(channel.state, "Down")),
        (prefix + "CallerIDNum", channel.number or "<unknown>"),
        (prefix + "CallerIDName", channel.caller_name or "<unknown>"),
        (prefix + "ConnectedLineNum", channel.other_number or "<unknown>"),
        (prefix + "ConnectedLineName", channel.other_name or "<unknown>"),
        (prefix + "Language", channel.language),
        (prefix + "AccountCode", ""),
        (prefix + "Context", CONTEXT),
        (prefix + "Exten", channel.exten),
        (prefix + "Priority", 1),
        (prefix + "Uniqueid", channel.unique_id),
        (prefix + "Linkedid", channel.linked_id),
    ]


def member_fields(member: MemberInfo) -> Pairs:
    """As QueueMemberStatus and its kin show a member."""
    return [
        ("Queue", member.queue),
        ("MemberName", member.name),
        ("Interface", member.interface),
        *_standing(member),
        ("Ringinuse", 0),
        ("Wrapuptime", member.wrapup_s),
    ]


def _standing(member: MemberInfo) -> Pairs:
    return [
        ("StateInterface", member.interface),
        ("Membership", "dynamic"),
        ("Penalty", member.penalty),
        ("CallsTaken", member.calls),
        ("LastCall", member.last_call),
        ("LastPause", member.last_pause),
        ("LoginTime", member.login),
        ("InCall", int(member.in_call)),
        ("Status", member.status),
        ("Paused", int(member.paused)),
        ("PausedReason", member.reason),
    ]


def queue_status(centre: Centre, action: Action) -> Iterator[bytes]:
    """`Queue` and `Member` (an interface) choose."""
    count = 0
    only = action.get("Member")
    for queue in centre.queues(action.get("Queue")):
        yield _event("QueueParams", action, _params(queue))
        shown = [member for member in queue.members if only in ("", member.interface)]
        for member in shown:
            yield _event("QueueMember", action, _member(member))
        entries = () if only else queue.entries
        for entry in entries:
            yield _event("QueueEntry", action, _entry(entry))
        count += 1 + len(shown) + len(entries)
    yield _complete("QueueStatusComplete", action, count)


def _params(queue: QueueInfo) -> Pairs:
    ended = queue.completed + queue.abandoned
    level = 100 * queue.in_level / queue.completed if queue.completed else 0.0
    level2 = 100 * (queue.in_level + queue.lost_in_level) / ended if ended else 0.0
    return [
        ("Queue", queue.queue),
        ("Max", queue.max),
        ("Strategy", queue.strategy),
        ("Calls", len(queue.entries)),
        ("Holdtime", queue.hold_s),
        ("TalkTime", queue.talk_s),
        ("Completed", queue.completed),
        ("Abandoned", queue.abandoned),
        ("ServiceLevel", queue.service_level_s),
        ("ServicelevelPerf", f"{level:.1f}"),
        ("ServicelevelPerf2", f"{level2:.1f}"),
        ("Weight", queue.weight),
    ]


def _member(member: MemberInfo) -> Pairs:
    """Here alone Asterisk says Name and Location."""
    return [
        ("Queue", member.queue),
        ("Name", member.name),
        ("Location", member.interface),
        *_standing(member),
        ("Wrapuptime", member.wrapup_s),
    ]


def _entry(entry: EntryInfo) -> Pairs:
    channel = dict(channel_fields(entry.channel))
    names = ("CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName")
    return [
        ("Queue", entry.queue),
        ("Position", entry.position),
        ("Channel", entry.channel.name),
        ("Uniqueid", entry.channel.unique_id),
        *((name, channel[name]) for name in names),
        ("Wait", entry.wait_s),
        ("Priority", entry.priority),
    ]


def queue_summary(centre: Centre, action: Action) -> Iterator[bytes]:
    queues = centre.queues(action.get("Queue"))
    for queue in queues:
        free = sum(member.status == 1 and not member.paused for member in queue.members)
        waits = [entry.wait_s for entry in queue.entries]
        yield _event(
            "QueueSummary",
            action,
            [
                ("Queue", queue.queue),
                ("LoggedIn", len(queue.members)),
                ("Available", free),
                ("Callers", len(waits)),
                ("HoldTime", queue.hold_s),
                ("TalkTime", queue.talk_s),
                ("LongestHoldTime", max(waits, default=0)),
            ],
        )
    yield _complete("QueueSummaryComplete", action, len(queues))


def show_channels(centre: Centre, action: Action) -> Iterator[bytes]:
    channels = centre.channels()
    for channel in channels:
        more: Pairs = [
            ("BridgeId", channel.linked_id if channel.application == "Queue" else ""),
            ("Application", channel.application),
            ("ApplicationData", ""),
            ("Duration", _clock(channel.duration_s)),
        ]
        yield _event("CoreShowChannel", action, [*channel_fields(channel), *more])
    yield _complete("CoreShowChannelsComplete", action, len(channels))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"


def _event(name: str, action: Action, fields: Pairs) -> bytes:
    return message([("Event", name), *_answering(action), *fields])


def _complete(name: str, action: Action, count: int) -> bytes:
    done: Pairs = [("EventList", "Complete"), ("ListItems", count)]
    return _event(name, action, done)


def _answering(action: Action) -> Pairs:
    return [("ActionID", action.action_id)] if action.action_id else []
