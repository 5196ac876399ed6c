"""What a SIP session tells the call that owns it: values, delivered in order through one
callback. Immutable by agreement; not frozen, because that doubles what making one costs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from softswitch.sip.refer_server import Refer
from softswitch.sip.sdp import SessionDescription


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Progress:
    """A provisional response above 100 to our INVITE."""

    status: int
    reason: str
    sdp: SessionDescription | None


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Answered:
    """A 2xx to our INVITE. The session has sent the ACK and sends it again for each retransmitted 2xx."""

    sdp: SessionDescription | None


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Refused:
    """A final response of 300 or above to our INVITE, a time-out (408) or a transport failure (503): it is over."""

    status: int
    reason: str
    contacts: tuple[str, ...] = ()
    """Addresses of a 3xx, best first."""
    retry_after_s: int | None = None
    local: bool = False
    """True when nobody said so: time-out or transport failure."""
    reason_header: str = ""
    """Its Reason (RFC 3326)."""


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Cancelled:
    """The caller sent CANCEL before our final response; 200 and 487 have been sent."""

    reason: str


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Acked:
    """The ACK to our 2xx arrived."""

    sdp: SessionDescription | None


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class AckMissing:
    """64*T1 passed without an ACK; BYE has been sent (RFC 3261 section 13.3.1.4). Or without the PRACK of a reliable
    provisional response; 504 has been sent (RFC 3262 section 3)."""


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class SessionExpired:
    """No sign of life within the session's interval, or a refresh that was answered with nothing or 481; BYE has been
    sent (RFC 4028 section 10)."""


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class HungUp:
    """A BYE arrived. `accept` sends its 200; when nobody calls it, the session does within 500 ms."""

    reason: str
    accept: Callable[[], None] = field(compare=False, repr=False)


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Reoffered:
    """A re-INVITE (or UPDATE) with an offer; answer with `Session.accept_reoffer` or `Session.refuse_reoffer`. `sdp` is
    None when it carried no offer: then answer with a full offer of ours; the peer's answer comes as `Acked`."""

    sdp: SessionDescription | None


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class ReofferAnswered:
    sdp: SessionDescription | None


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class ReofferRefused:
    """Our re-INVITE failed; the session goes on as before. 491 has been tried again already."""

    status: int
    reason: str


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class InfoReceived:
    """A SIP INFO, already answered with 200."""

    digit: str
    """The DTMF digit of `application/dtmf-relay` or `application/dtmf`; empty for any other body."""
    content_type: str
    body: bytes


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Referred:
    """The peer wants its far side to talk to somebody else; `refer` is to be accepted or refused at once."""

    refer: Refer


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class ReferProgress:
    """What became of a REFER of ours so far; with `over` nothing more comes."""

    status: int
    over: bool


SessionEvent = (
    Progress
    | Answered
    | Refused
    | Cancelled
    | Acked
    | AckMissing
    | SessionExpired
    | HungUp
    | Reoffered
    | ReofferAnswered
    | ReofferRefused
    | InfoReceived
    | Referred
    | ReferProgress
)
