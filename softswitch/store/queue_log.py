"""Events of queues as Asterisk's `queue_log` writes them: one function per verb, so that no field can be in a wrong place.

A line is `epoch|callid|queue|agent|EVENT|data1|…|data5`; the table of the same name has those ten columns. Lengths are
whole seconds except the milliseconds of RINGNOANSWER and RINGCANCELED. What is not known is `NONE`. Verbs that Asterisk
does not have and reporting tools expect: CALLERONHOLD, CALLEROFFHOLD, JOINEMPTY, FULL, AGENTCALLBACKLOGIN and
AGENTCALLBACKLOGOFF. `docs/queue_log.md` has all of them with their fields and when they are written.
"""

import re

from softswitch.ids import AgentId, CallId, QueueName
from softswitch.store.rows import QueueLogRow

NONE = "NONE"
CONTEXT = "softswitch"
"""In the place of a dialplan's context."""
_UNSAFE = re.compile(r"[|\x00-\x1f\x7f\x85\u2028\u2029]")
_LONGEST_FIELD = 200


def line(row: QueueLogRow) -> str:
    """The line without its end; a field can hold neither the separator nor the end of a line."""
    fields = [row.callid or NONE, row.queuename or NONE, row.agent or NONE, row.event]
    fields += (row.data1, row.data2, row.data3, row.data4, row.data5)
    told = "|".join(fields)
    if len(told) > _LONGEST_FIELD or told.count("|") >= len(fields) or not told.isprintable():
        told = "|".join(map(_safe, fields))
    return f"{int(row.time)}|{told.rstrip('|')}"


def enter_queue(
    wall: float, call: CallId, queue: QueueName, *, ani: str, position: int, name: str = ""
) -> QueueLogRow:
    return _event("ENTERQUEUE", wall, call, queue, None, "", ani, position, name)


def connect(
    wall: float, call: CallId, queue: QueueName, agent: AgentId, *, wait_s: float, leg: str, ring_s: float
) -> QueueLogRow:
    """`leg` is the agent's, in the place of a channel's unique id."""
    return _event("CONNECT", wall, call, queue, agent, int(wait_s), leg, int(ring_s))


def complete(
    wall: float,
    call: CallId,
    queue: QueueName,
    agent: AgentId,
    *,
    by_agent: bool,
    wait_s: float,
    talk_s: float,
    original_position: int,
) -> QueueLogRow:
    verb = "COMPLETEAGENT" if by_agent else "COMPLETECALLER"
    return _event(verb, wall, call, queue, agent, int(wait_s), int(talk_s), original_position)


def abandon(
    wall: float, call: CallId, queue: QueueName, *, position: int, original_position: int, wait_s: float
) -> QueueLogRow:
    return _event("ABANDON", wall, call, queue, None, position, original_position, int(wait_s))


def exit_with_timeout(
    wall: float, call: CallId, queue: QueueName, *, position: int, original_position: int, wait_s: float
) -> QueueLogRow:
    return _event("EXITWITHTIMEOUT", wall, call, queue, None, position, original_position, int(wait_s))


def exit_empty(
    wall: float, call: CallId, queue: QueueName, *, position: int, original_position: int, wait_s: float
) -> QueueLogRow:
    return _event("EXITEMPTY", wall, call, queue, None, position, original_position, int(wait_s))


def exit_with_key(
    wall: float,
    call: CallId,
    queue: QueueName,
    *,
    key: str,
    position: int,
    original_position: int,
    wait_s: float,
) -> QueueLogRow:
    return _event("EXITWITHKEY", wall, call, queue, None, key, position, original_position, int(wait_s))


def withdraw(
    wall: float,
    call: CallId,
    queue: QueueName,
    *,
    position: int,
    original_position: int,
    wait_s: float,
    info: str = "",
) -> QueueLogRow:
    return _event("WITHDRAW", wall, call, queue, None, position, original_position, int(wait_s), info)


def join_empty(wall: float, call: CallId, queue: QueueName) -> QueueLogRow:
    return _event("JOINEMPTY", wall, call, queue, None)


def full(wall: float, call: CallId, queue: QueueName) -> QueueLogRow:
    """As many wait as may; like JOINEMPTY of somebody who never entered."""
    return _event("FULL", wall, call, queue, None)


def sys_compat(wall: float, call: CallId, queue: QueueName, agent: AgentId) -> QueueLogRow:
    """An agent answered, but there was no audio that both sides could have: the call is over."""
    return _event("SYSCOMPAT", wall, call, queue, agent)


def ring_no_answer(
    wall: float, call: CallId, queue: QueueName, agent: AgentId, *, rang_s: float
) -> QueueLogRow:
    return _event("RINGNOANSWER", wall, call, queue, agent, int(rang_s * 1000))


def ring_cancelled(
    wall: float, call: CallId, queue: QueueName, agent: AgentId, *, rang_s: float
) -> QueueLogRow:
    """The caller went while this phone rang; Asterisk spells it RINGCANCELED."""
    return _event("RINGCANCELED", wall, call, queue, agent, int(rang_s * 1000))


def blind_transfer(
    wall: float,
    call: CallId,
    queue: QueueName,
    agent: AgentId,
    *,
    number: str,
    wait_s: float,
    talk_s: float,
    original_position: int,
) -> QueueLogRow:
    data = (number, CONTEXT, int(wait_s), int(talk_s), original_position)
    return _event("BLINDTRANSFER", wall, call, queue, agent, *data)


def attended_transfer(
    wall: float,
    call: CallId,
    queue: QueueName,
    agent: AgentId,
    *,
    other: str,
    wait_s: float,
    talk_s: float,
    original_position: int,
) -> QueueLogRow:
    """`other` is the leg that was consulted, in the place of a bridge's unique id."""
    data = ("BRIDGE", other, int(wait_s), int(talk_s), original_position)
    return _event("ATTENDEDTRANSFER", wall, call, queue, agent, *data)


def caller_on_hold(wall: float, call: CallId, queue: QueueName, agent: AgentId) -> QueueLogRow:
    return _event("CALLERONHOLD", wall, call, queue, agent)


def caller_off_hold(
    wall: float, call: CallId, queue: QueueName, agent: AgentId, *, held_s: float
) -> QueueLogRow:
    return _event("CALLEROFFHOLD", wall, call, queue, agent, int(held_s))


def add_member(wall: float, queue: QueueName, agent: AgentId, *, paused: bool = False) -> QueueLogRow:
    return _event("ADDMEMBER", wall, None, queue, agent, "PAUSED" if paused else "")


def remove_member(wall: float, queue: QueueName, agent: AgentId) -> QueueLogRow:
    return _event("REMOVEMEMBER", wall, None, queue, agent)


def penalty(wall: float, queue: QueueName, agent: AgentId, *, penalty: int) -> QueueLogRow:
    return _event("PENALTY", wall, None, queue, agent, penalty)


def agent_dump(wall: float, call: CallId, queue: QueueName, agent: AgentId) -> QueueLogRow:
    """The agent hung up while he was told what comes; the caller waits on."""
    return _event("AGENTDUMP", wall, call, queue, agent)


def pause_all(wall: float, agent: AgentId, *, reason: str = "") -> QueueLogRow:
    """An agent is paused in all his queues at once."""
    return _event("PAUSEALL", wall, None, None, agent, reason)


def unpause_all(wall: float, agent: AgentId, *, reason: str = "") -> QueueLogRow:
    return _event("UNPAUSEALL", wall, None, None, agent, reason)


def pause(wall: float, queue: QueueName, agent: AgentId, *, reason: str = "") -> QueueLogRow:
    return _event("PAUSE", wall, None, queue, agent, reason)


def unpause(wall: float, queue: QueueName, agent: AgentId, *, reason: str = "") -> QueueLogRow:
    return _event("UNPAUSE", wall, None, queue, agent, reason)


def agent_login(wall: float, agent: AgentId, *, endpoint: str) -> QueueLogRow:
    return _event("AGENTLOGIN", wall, None, None, agent, endpoint)


def agent_logoff(wall: float, agent: AgentId, *, endpoint: str, logged_in_s: float) -> QueueLogRow:
    return _event("AGENTLOGOFF", wall, None, None, agent, endpoint, int(logged_in_s))


def agent_callback_login(wall: float, agent: AgentId, *, endpoint: str) -> QueueLogRow:
    """Of an agent who is rung at his phone, as older reporting tools know him."""
    return _event("AGENTCALLBACKLOGIN", wall, None, None, agent, f"{endpoint}@{CONTEXT}")


def agent_callback_logoff(
    wall: float, agent: AgentId, *, endpoint: str, logged_in_s: float, reason: str = ""
) -> QueueLogRow:
    data = (f"{endpoint}@{CONTEXT}", int(logged_in_s), reason)
    return _event("AGENTCALLBACKLOGOFF", wall, None, None, agent, *data)


def out_call(
    wall: float, call: CallId, agent: AgentId, *, status: str, talk_s: float, number: str
) -> QueueLogRow:
    """A logged-in agent's own call out, of no queue; `status` is one of Asterisk's DIALSTATUS."""
    return _event("OUTCALL", wall, call, None, agent, status, int(talk_s), number)


def config_reload(wall: float) -> QueueLogRow:
    return _event("CONFIGRELOAD", wall, None, None, None)


def queue_start(wall: float) -> QueueLogRow:
    """The switch has started."""
    return _event("QUEUESTART", wall, None, None, None)


def _event(
    event: str,
    wall: float,
    call: CallId | None,
    queue: QueueName | None,
    agent: AgentId | None,
    *data: str | int,
) -> QueueLogRow:
    data1, data2, data3, data4, data5 = (*map(_safe, data), "", "", "", "", "")[:5]
    return QueueLogRow(
        time=wall,
        callid=call or NONE,
        queuename=queue or NONE,
        agent=agent or NONE,
        event=event,
        data1=data1,
        data2=data2,
        data3=data3,
        data4=data4,
        data5=data5,
    )


def _safe(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    if len(value) <= _LONGEST_FIELD and "|" not in value and value.isprintable():
        return value  # as nearly always
    return _UNSAFE.sub("_", str(value))[:_LONGEST_FIELD]
