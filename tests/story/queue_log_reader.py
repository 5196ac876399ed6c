"""A reader of Asterisk's queue_log, written from its documented format alone: it imports nothing of the switch.

Fields by verb are those of Asterisk's documentation and of the reporting add-ons that extend it; a line that has fewer,
more or other fields than its verb allows is refused, and so is an order of verbs that no report could make sense of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

NUMBER, TEXT, OPTIONAL = "number", "text", "optional"
VERBS: dict[str, tuple[str, ...]] = {
    "QUEUESTART": (),
    "CONFIGRELOAD": (),
    "ENTERQUEUE": (OPTIONAL, OPTIONAL, NUMBER, OPTIONAL),
    "CONNECT": (NUMBER, TEXT, NUMBER),
    "COMPLETECALLER": (NUMBER, NUMBER, NUMBER),
    "COMPLETEAGENT": (NUMBER, NUMBER, NUMBER),
    "ABANDON": (NUMBER, NUMBER, NUMBER),
    "EXITWITHTIMEOUT": (NUMBER, NUMBER, NUMBER),
    "EXITEMPTY": (NUMBER, NUMBER, NUMBER),
    "EXITWITHKEY": (TEXT, NUMBER, NUMBER, NUMBER),
    "WITHDRAW": (NUMBER, NUMBER, NUMBER, OPTIONAL),
    "RINGNOANSWER": (NUMBER,),
    "RINGCANCELED": (NUMBER,),
    "BLINDTRANSFER": (TEXT, TEXT, NUMBER, NUMBER, NUMBER),
    "ATTENDEDTRANSFER": (TEXT, TEXT, NUMBER, NUMBER, NUMBER),
    "AGENTDUMP": (),
    "SYSCOMPAT": (),
    "ADDMEMBER": (OPTIONAL,),
    "REMOVEMEMBER": (),
    "PAUSE": (OPTIONAL,),
    "UNPAUSE": (OPTIONAL,),
    "PAUSEALL": (OPTIONAL,),
    "UNPAUSEALL": (OPTIONAL,),
    "PENALTY": (NUMBER,),
    "AGENTLOGIN": (TEXT,),
    "AGENTLOGOFF": (TEXT, NUMBER),
    "AGENTCALLBACKLOGIN": (TEXT,),
    "AGENTCALLBACKLOGOFF": (TEXT, NUMBER, OPTIONAL),
    "OUTCALL": (TEXT, NUMBER, OPTIONAL),
    "CALLERONHOLD": (),
    "CALLEROFFHOLD": (OPTIONAL,),
    "JOINEMPTY": (),
    "FULL": (),
}
ENDS = {
    *("COMPLETECALLER", "COMPLETEAGENT", "ABANDON", "EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY"),
    *("WITHDRAW", "BLINDTRANSFER", "ATTENDEDTRANSFER", "SYSCOMPAT"),
}
TALKED = {"COMPLETECALLER", "COMPLETEAGENT", "BLINDTRANSFER", "ATTENDEDTRANSFER"}


class Unreadable(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Event:
    time: int
    call: str
    queue: str
    agent: str
    verb: str
    data: tuple[str, ...]


@dataclass(slots=True)
class Figures:
    """What a report would print of one queue."""

    entered: int = 0
    answered: int = 0
    abandoned: int = 0
    hold_s: int = 0
    talk_s: int = 0
    ends: dict[str, int] = field(default_factory=dict)


def parse(line: str) -> Event:
    time, call, queue, agent, verb, *data = line.split("|")
    if verb not in VERBS:
        raise Unreadable(f"unknown verb: {line}")
    wanted = VERBS[verb]
    if len(data) > len(wanted):
        raise Unreadable(f"too many fields: {line}")
    padded = [*data, *[""] * (len(wanted) - len(data))]
    for value, kind in zip(padded, wanted, strict=True):
        if (kind == NUMBER and not value.isdecimal()) or (kind == TEXT and not value):
            raise Unreadable(f"field {value!r} is no {kind}: {line}")
    if not time.isdecimal() or not (call and queue and agent):
        raise Unreadable(f"head: {line}")
    return Event(int(time), call, queue, agent, verb, tuple(padded))


def report(lines: Iterable[str]) -> dict[str, Figures]:
    """Figures by queue; every call goes ENTERQUEUE, perhaps CONNECT, one end, and may then enter again."""
    figures: dict[str, Figures] = {}
    state: dict[str, tuple[str, str]] = {}
    members: set[tuple[str, str]] = set()
    for event in map(parse, lines):
        one = figures.setdefault(event.queue, Figures())
        now = state.get(event.call, ("out", ""))
        if event.verb == "ENTERQUEUE":
            _expect(now[0] == "out", event)
            state[event.call] = ("waits", event.queue)
            one.entered += 1
        elif event.verb == "CONNECT":
            _expect(now == ("waits", event.queue), event)
            state[event.call] = ("talks", event.queue)
            one.answered += 1
            one.hold_s += int(event.data[0])
        elif event.verb == "AGENTDUMP":
            _expect(now == ("talks", event.queue), event)
            state[event.call] = ("waits", event.queue)
            one.answered -= 1
        elif event.verb in ENDS:
            talked = event.verb in TALKED
            _expect(now[1] == event.queue and (now[0] == "talks" or not talked), event)
            state[event.call] = ("out", "")
            one.ends[event.verb] = one.ends.get(event.verb, 0) + 1
            one.abandoned += event.verb == "ABANDON"
            one.talk_s += int(event.data[-2]) if talked else 0
        elif event.verb == "ADDMEMBER":
            _expect((event.queue, event.agent) not in members, event)
            members.add((event.queue, event.agent))
        elif event.verb == "REMOVEMEMBER":
            _expect((event.queue, event.agent) in members, event)
            members.remove((event.queue, event.agent))
    del figures["NONE"]
    return figures


def _expect(sound: bool, event: Event) -> None:
    if not sound:
        raise Unreadable(f"out of order: {event}")
