"""A call that is proxied: both ends talk to each other, and this watches their dialog (RFC 3261 sections 12 and 16).

It knows where either side is reached, so that a request of one goes to the other and nowhere else, whatever its Route and
Request-URI say; and it tells a listener when it rings, is answered and has ended. The last response of a call goes back
when the listener has written down what it means.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from softswitch.sip.grammar import fold
from softswitch.sip.identity import Identity
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.source import Source
from softswitch.sip.timers import Timer, TimerHeap

if TYPE_CHECKING:
    from softswitch.sip.proxy_context import ProxyContext

CallKey = tuple[str, str]
"""Call-ID and the caller's tag."""
Side = Literal["caller", "callee", "switch"]

MAX_FORKS = 32
LONGEST_CALL_S = 86400.0
"""A call without a session timer whose BYE never came by is given up after a day."""
GRACE_S = 32.0
"""How long a refresh may be late, and how long a call that is over is still known for what crosses its BYE."""
_KEEP = 32.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnding:
    by: Side
    status: int
    """Final response to its INVITE; 200 for one that was answered."""
    reason: str = ""
    """Reason of the BYE, CANCEL or refusal (RFC 3326)."""
    expired: bool = False
    """Its session timer ran out, or nobody has heard of it for a day."""


class CallListener(Protocol):
    def ringing(self, party: str) -> None: ...

    def answered(self, party: str) -> None: ...

    def over(self, ending: CallEnding, then: Callable[[], None]) -> None:
        """Once; `then` lets the response go that ends it."""


@dataclass(frozen=True, slots=True)
class Callee:
    place: Source
    party: str


class ProxiedCall:
    def __init__(
        self,
        context: "ProxyContext",
        identity: Identity,
        caller: Source,
        timers: TimerHeap,
        *,
        on_gone: Callable[["ProxiedCall"], None],
    ) -> None:
        request = context.request
        self.request = request
        """The INVITE as it came."""
        self.identity = identity
        self.key: CallKey = request.call_id, request.from_tag
        self.listener: CallListener | None = None
        self._context = context
        self._caller = caller
        self._timers = timers
        self._on_gone = on_gone
        self._callees: dict[str, Callee] = {}
        self._talking: set[str] = set()
        """Tags of callees who answered and have not hung up."""
        self._answered = False
        self._over = False
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        state = "over" if self._over else "answered" if self._answered else "early"
        return f"<ProxiedCall {self.key[0]} {state}>"

    # --- whoever owns it ---------------------------------------------------------------------------------------------

    def go(self, now: float) -> None:
        """Ring the callee."""
        self._context.start(now)

    def refuse(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._context.refuse(status, None, headers)

    @property
    def is_over(self) -> bool:
        """It is kept for what crosses its end."""
        return self._over

    # --- what passes -------------------------------------------------------------------------------------------------

    def other_side(self, request: Request) -> Callee | None:
        """Where a request within this dialog goes; None: it is of nobody we know."""
        if request.from_tag == self.key[1]:
            return self._callees.get(request.to_tag)
        if request.to_tag == self.key[1] and request.from_tag in self._callees:
            return Callee(self._caller, f"{self.identity.kind}:{self.identity.name}")
        return None

    def passing(
        self, callee: Callee | None, response: Response, send: Callable[[], None], now: float
    ) -> None:
        """A response to its INVITE goes back to the caller; `callee` None: it is our own or the best of many."""
        tag = response.to_tag
        status = response.status
        if callee is not None and tag and len(self._callees) < MAX_FORKS:
            self._callees[tag] = callee
        if status >= 300:
            by: Side = "caller" if self._context.cancelled else "switch" if callee is None else "callee"
            by = "callee" if by == "switch" and self._context.branches else by
            self._end(CallEnding(by=by, status=status, reason=_reason(response)), send, now)
            return
        if callee is not None and status >= 200 and tag not in self._talking and not self._over:
            self._talking.add(tag)
            self._watch(response, now)
            if not self._answered:
                self._answered = True
                self._tell_answered(callee.party)
        elif callee is not None and status < 200 and self.listener is not None and not self._answered:
            self.listener.ringing(callee.party)
        send()

    def passing_inside(
        self, request: Request, response: Response, send: Callable[[], None], now: float
    ) -> None:
        """A response to a request within the dialog."""
        if request.method == "BYE" and response.status not in (401, 407):
            from_caller = request.from_tag == self.key[1]
            self._talking.discard(request.to_tag if from_caller else request.from_tag)
            if not self._talking:
                by: Side = "caller" if from_caller else "callee"
                self._end(CallEnding(by=by, status=200, reason=_reason(request)), send, now)
                return
        elif response.status < 300 and request.method in ("INVITE", "UPDATE"):
            self._watch(response, now)
        send()

    def _tell_answered(self, party: str) -> None:
        if self.listener is not None:
            self.listener.answered(party)

    # --- its end -----------------------------------------------------------------------------------------------------

    def _watch(self, response: Response, now: float) -> None:
        """From now on it may be silent for as long as its session timer says (RFC 4028)."""
        interval = _session_interval(response)
        self._after(interval + GRACE_S if interval else LONGEST_CALL_S, self._expired, now)

    def _expired(self, now: float) -> None:
        ending = CallEnding(by="switch", status=200, expired=True)
        self._end(ending, lambda: None, now)

    def _end(self, ending: CallEnding, then: Callable[[], None], now: float) -> None:
        if self._over:
            then()
            return
        self._over = True
        self._after(_KEEP, lambda at: self._on_gone(self), now)
        listener, self.listener = self.listener, None  # who holds this call is not held by it once it is over
        if listener is None:
            then()
        else:
            listener.over(ending, then)

    def _after(self, seconds: float, callback: Callable[[float], None], now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timers.start(now + seconds, callback)


def _reason(message: Message) -> str:
    return message.headers.get("Reason") or ""


def _session_interval(response: Response) -> float:
    """Seconds of Session-Expires; 0 for a call without a session timer."""
    text = fold(response.headers.get("Session-Expires") or "").partition(";")[0].strip(" \t")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0.0
