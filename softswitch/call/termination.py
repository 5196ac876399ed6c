"""How a call ends: one value, made in one place, from which CDR, BYE reason, response and metric all follow.

Status mapping between legs follows RFC 3261 section 21 and the advice of RFC 3398 section 8 where a status of one leg
means nothing on the other (a challenge, a loop).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from softswitch.errors import PeerError
from softswitch.sip.grammar import readable
from softswitch.sip.reason import Reason, cause_of, phrase, q850, status_of
from softswitch.sip.secure_uris import NOT_ALLOWED

LONGEST_REASON = 256
_Q850_CAUSE = re.compile(r"Q\.850;cause=([0-9]{1,3})\b", re.IGNORECASE)


class By(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"
    SWITCH = "switch"
    ADMIN = "admin"
    CRASH = "crash"


class Cause(StrEnum):
    NORMAL = "normal"
    CANCELLED = "cancelled"
    """The caller gave up before anybody answered."""
    BUSY = "busy"
    NO_ANSWER = "no answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    UNKNOWN_NUMBER = "unknown number"
    NOT_ALLOWED = "not allowed"
    TOLL = "toll guard"
    """Where it leads, or how much was dialled, is not allowed."""
    TOO_LONG = "call too long"
    """A call out has lasted as long as the toll guard lets it."""
    NO_CODEC = "no common codec"
    NO_CAPACITY = "no capacity"
    LOOP = "loop"
    QUEUE_TIMEOUT = "queue timeout"
    QUEUE_FULL = "queue full"
    QUEUE_EMPTY = "queue empty"
    FLOW_ENDED = "flow ended"
    FLOW_FAILED = "flow failed"
    MEDIA_FAILED = "media failed"
    PEER_SILENT = "peer silent"
    NO_ACK = "no ack"
    SESSION_EXPIRED = "session expired"
    """Its session timer ran out: a peer is gone, or does not refresh (RFC 4028)."""
    PEER_FAILED = "peer failed"
    CALLED_BACK = "called back"
    """He wants to be called back when it is his turn."""
    CALLED_IN = "called in"
    """He has called himself while he was being called back."""
    HANDED_OVER = "handed over"
    """His leg went on in another call."""
    REMOVED = "removed from conference"
    ADMIN = "hung up by administrator"
    SHUTDOWN = "shutdown"
    RESTART = "restart"
    """It was in a state that cannot be gone on with when the switch came back after a crash."""
    FAULT = "internal fault"


@dataclass(frozen=True, slots=True)
class Termination:
    by: By
    cause: Cause
    sip_status: int
    """What the caller is or would be answered."""
    reason: str = ""
    """Reason (RFC 3326) as the peer who ended it gave it; the other side is told the same."""
    headers: tuple[tuple[str, str], ...] = ()
    """What else a caller who is refused is told."""

    @property
    def reason_header(self) -> str:
        """RFC 3326: the peer's own, else the Q.850 cause, for BYE, CANCEL and final responses."""
        if self.reason:
            return self.reason
        return _REASONS[self.cause]


_Q850 = {
    Cause.NORMAL: 16,
    Cause.CANCELLED: 16,
    Cause.BUSY: 17,
    Cause.NO_ANSWER: 19,
    Cause.REJECTED: 21,
    Cause.UNREACHABLE: 20,
    Cause.UNKNOWN_NUMBER: 1,
    Cause.NOT_ALLOWED: 21,
    Cause.TOLL: 21,
    Cause.TOO_LONG: 31,
    Cause.NO_CODEC: 88,
    Cause.NO_CAPACITY: 34,
    Cause.LOOP: 25,
    Cause.QUEUE_TIMEOUT: 19,
    Cause.QUEUE_FULL: 17,
    Cause.QUEUE_EMPTY: 20,
    Cause.FLOW_ENDED: 16,
    Cause.FLOW_FAILED: 41,
    Cause.MEDIA_FAILED: 41,
    Cause.PEER_SILENT: 41,
    Cause.NO_ACK: 102,
    Cause.SESSION_EXPIRED: 102,
    Cause.PEER_FAILED: 38,
    Cause.CALLED_BACK: 16,
    Cause.CALLED_IN: 16,
    Cause.HANDED_OVER: 16,
    Cause.REMOVED: 16,
    Cause.ADMIN: 16,
    Cause.SHUTDOWN: 41,
    Cause.RESTART: 41,
    Cause.FAULT: 41,
}

_REASONS = {cause: f'Q.850;cause={_Q850.get(cause, 31)};text="{cause.value}"' for cause in Cause}
"""As each is told to the peers of a call."""

_CAUSE_OF_STATUS = {
    403: Cause.NOT_ALLOWED,
    404: Cause.UNKNOWN_NUMBER,
    408: Cause.NO_ANSWER,
    480: Cause.UNREACHABLE,
    482: Cause.LOOP,
    483: Cause.LOOP,
    484: Cause.UNKNOWN_NUMBER,
    486: Cause.BUSY,
    487: Cause.CANCELLED,
    488: Cause.NO_CODEC,
    503: Cause.PEER_FAILED,
    600: Cause.BUSY,
    603: Cause.REJECTED,
    604: Cause.UNKNOWN_NUMBER,
    606: Cause.NO_CODEC,
}

_SAYS_NOTHING = frozenset({500, 502, 503})
"""Statuses of gateways for whatever a telephone network said: the Q.850 cause beside them tells more (RFC 3398)."""
_STATUS_FOR_CALLER = {401: 403, 407: 403, 305: 480, 380: 480, 481: 480, 482: 482, 487: 480, 491: 480}


def passed_on(reason: str) -> str:
    """What another peer may be told of a received Reason: one value, Q.850 before SIP, written anew; empty: none of use."""
    try:
        values = Reason.parse_list(reason[:LONGEST_REASON]) if reason else []
    except PeerError:
        return ""
    for protocol, largest in (("Q.850", 127), ("SIP", 699)):
        for value in values:
            if value.protocol.upper() == protocol and value.cause is not None and 0 < value.cause <= largest:
                return str(Reason(protocol=protocol, cause=value.cause, text=readable(value.text)))
    return ""


def status_by_reason(reason: str, otherwise: int) -> int:
    """The status for a caller who was not answered, where all that is known is a Reason; without a Q.850 cause in it
    `otherwise` (RFC 3398 section 7.2.4.1, RFC 6432)."""
    match = _Q850_CAUSE.match(reason)
    return status_of(int(match[1])) if match is not None else otherwise


def refused(status: int, *, local: bool = False, reason: str = "") -> Termination:
    """The callee's side answered `status` (300-699), with `reason` in its Reason, or we know without asking (`local`): what
    the caller is told. Without a Reason the status says the cause (RFC 3398 section 8.2.6.1); where the status says nothing
    to the caller, the Q.850 cause of the Reason says it."""
    by = By.SWITCH if local else By.CALLEE
    known = "" if local else passed_on(reason)
    if status in _SAYS_NOTHING or status < 400 or status in _STATUS_FOR_CALLER:
        status = status_by_reason(known, status)
    if status < 400:
        return Termination(by, Cause.UNREACHABLE, 480)
    cause = _CAUSE_OF_STATUS.get(status, Cause.PEER_FAILED if status >= 500 else Cause.UNREACHABLE)
    if status >= 600:
        cause = _CAUSE_OF_STATUS.get(status, Cause.REJECTED)
    told = "" if local else known or str(q850(cause_of(status), phrase(status)))
    return Termination(by, cause, _STATUS_FOR_CALLER.get(status, status), told)


def because(termination: Termination, reason: str) -> Termination:
    """With what the peer who ended it gave as its Reason, where he gave one of use."""
    told = passed_on(reason) if reason else ""
    return (
        Termination(termination.by, termination.cause, termination.sip_status, told) if told else termination
    )


def by_switch(cause: Cause, sip_status: int = 500) -> Termination:
    return Termination(By.SWITCH, cause, sip_status)


CALLER_HUNG_UP = Termination(By.CALLER, Cause.NORMAL, 200)
CALLER_CANCELLED = Termination(By.CALLER, Cause.CANCELLED, 487)
MEDIA_LOST = by_switch(Cause.MEDIA_FAILED, 503)
SESSION_EXPIRED = by_switch(Cause.SESSION_EXPIRED, 408)
NOTHING_AGREED = Termination(By.CALLER, Cause.NO_CODEC, 488)
CALLEE_HUNG_UP = Termination(By.CALLEE, Cause.NORMAL, 200)
HANDED_OVER = Termination(By.SWITCH, Cause.HANDED_OVER, 200)
CALLED_BACK = Termination(By.SWITCH, Cause.CALLED_BACK, 200)
CALLED_IN = Termination(By.SWITCH, Cause.CALLED_IN, 487)
ADMIN_HUNG_UP = Termination(By.ADMIN, Cause.ADMIN, 480)
TOO_LONG = by_switch(Cause.TOO_LONG, 403)
SIPS_NOT_ALLOWED = Termination(By.SWITCH, Cause.UNREACHABLE, 480, headers=NOT_ALLOWED)
"""Called by `sips:`, and to be reached in clear only (RFC 5630 section 5.3)."""
SHUTDOWN = by_switch(Cause.SHUTDOWN, 503)
RESTART = by_switch(Cause.RESTART, 503)
FAULT = by_switch(Cause.FAULT)


class CallOver(Exception):
    """Raised where a stage waits, to unwind it: the call is over, and why."""

    def __init__(self, termination: Termination) -> None:
        super().__init__(f"{termination.by}: {termination.cause}")
        self.termination = termination
