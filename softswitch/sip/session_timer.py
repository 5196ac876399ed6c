"""Session timers of RFC 4028: how long a session lasts without a sign of life, and which side gives it.

`SessionTimer` owns the agreement (Session-Expires, Min-SE, refresher) and the two alarms that follow from it: to refresh
at half of the interval when that is ours, and the end at the interval less 32 s or a third of it. How a refresh is sent is
`session_refresh`'s. A caller without the extension `timer` is neither refused (erratum 1687) nor given a timer, unless a
proxy on the way asked for one: then we refresh.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from softswitch.errors import PeerError
from softswitch.sip.extension_rules import ALL, TIMER, ExtensionRules, supports
from softswitch.sip.message import Request, Response
from softswitch.sip.timers import Timer, TimerHeap
from softswitch.sip.unheeded import no_time

LEAST_MIN_SE_S = 90
"""Nobody may ask for less (section 4)."""
LONGEST_S = 86400
SHORTEST_KEPT_S = 4
"""What a peer grants below this is kept as this: no peer makes us send at its pleasure."""
MAX_TOO_SMALL = 3
_END_MARGIN_S = 32.0
_AGAIN = 8
"""A refresh that failed for the moment is tried again after this part of the interval."""
_DELTA = re.compile(r"\s*([0-9]{1,9})\s*(?:;(.*))?")
_REFRESHER = re.compile(r"(?:^|;)\s*refresher\s*=\s*\"?(uac|uas)\b", re.IGNORECASE)

Headers = tuple[tuple[str, str], ...]


class IntervalTooSmall(PeerError):
    """An interval below ours; `headers` are those of the refusal (section 6)."""

    sip_status = 422

    def __init__(self, headers: Headers) -> None:
        super().__init__("a session interval that is too small")
        self.headers = headers


class Refresher(StrEnum):
    US = "us"
    PEER = "peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTimerSettings:
    expires_s: int = 1800
    """What we ask for; 0 asks for nothing, but gives what a peer asks for."""
    min_se_s: int = LEAST_MIN_SE_S
    """Shortest interval that is accepted."""


@dataclass(frozen=True, slots=True)
class SessionExpires:
    interval_s: int
    refresher: str = ""
    """`uac`, `uas`, or empty when it is left to the other side."""

    @classmethod
    def of(cls, message: Request | Response) -> "SessionExpires | None":
        """None when there is none, or none that can be read."""
        text = message.headers.value("session-expires")
        match = _DELTA.fullmatch(text) if text else None
        if match is None or not int(match[1]):
            return None
        role = _REFRESHER.search(match[2] or "")
        return cls(min(int(match[1]), LONGEST_S), role[1].lower() if role is not None else "")

    def __str__(self) -> str:
        return f"{self.interval_s};refresher={self.refresher}" if self.refresher else str(self.interval_s)


def min_se_of(message: Request | Response) -> int:
    """The value of Min-SE; its default when there is none that can be read."""
    text = message.headers.value("min-se")
    match = _DELTA.fullmatch(text) if text else None
    return min(int(match[1]), LONGEST_S) if match is not None else LEAST_MIN_SE_S


@lru_cache(maxsize=64)
def _asked(interval_s: int, min_se_s: int, refresher: Refresher | None) -> Headers:
    """Nearly always what the configuration wants."""
    role = {Refresher.US: "uac", Refresher.PEER: "uas", None: ""}[refresher]
    expires = ("Session-Expires", str(SessionExpires(max(interval_s, min_se_s), role)))
    return (expires,) if min_se_s <= LEAST_MIN_SE_S else (expires, ("Min-SE", str(min_se_s)))


class SessionTimer:
    """The timer of one session. `on_refresh` is asked for a sign of life, `on_expired` told that none came."""

    __slots__ = (
        "_alarm",
        "_closed",
        "_end",
        "_min_se_s",
        "_settings",
        "_timers",
        "_too_small",
        "extensions",
        "interval_s",
        "on_expired",
        "on_refresh",
        "refresher",
    )

    def __init__(
        self,
        timers: TimerHeap,
        settings: SessionTimerSettings,
        *,
        on_refresh: Callable[[float], None],
        on_expired: Callable[[float], None],
    ) -> None:
        self._timers = timers
        self._settings = settings
        self.on_refresh = on_refresh
        self.on_expired = on_expired
        self.interval_s = 0
        """0: no timer runs."""
        self.refresher: Refresher | None = None
        self.extensions: ExtensionRules = ALL
        """What counts with this peer; without `timer`, as if we knew none."""
        self._min_se_s = max(settings.min_se_s, LEAST_MIN_SE_S) if settings.expires_s >= LEAST_MIN_SE_S else 0
        """Of our requests; grows by 422."""
        self._too_small = 0
        self._closed = False
        self._alarm: Timer | None = None
        self._end: Timer | None = None

    def __repr__(self) -> str:
        return f"<SessionTimer {self.interval_s} {self.refresher}>"

    # Our requests.

    @property
    def off(self) -> bool:
        return TIMER in self.extensions.without

    @property
    def supported(self) -> tuple[str, str]:
        """What our messages say that we can do."""
        return self.extensions.supported

    def offered(self) -> Headers:
        """Headers of an INVITE or UPDATE of ours; the roles of a running session stay as they are (section 7.4)."""
        if self.off:
            return ()
        interval = self.interval_s or self._settings.expires_s
        return _asked(interval, self._min_se_s, self.refresher) if interval else ()

    def granted(self, response: Response, now: float) -> None:
        """A 2xx to such a request: what it says counts, and without Session-Expires there is no timer (section 7.2)."""
        expires = SessionExpires.of(response)
        if expires is None or self.off:
            self.stop()
            return
        refresher = Refresher.PEER if expires.refresher == "uas" else Refresher.US
        self._begin(max(expires.interval_s, SHORTEST_KEPT_S), refresher, now)

    def learn_too_small(self, response: Response) -> bool:
        """A 422: True when it is worth asking again, with its Min-SE (section 7.3)."""
        asked = min_se_of(response)
        if response.status != 422 or "Min-SE" not in response.headers or asked <= self._min_se_s:
            return False
        self._min_se_s = asked
        self.interval_s = max(self.interval_s, asked) if self.interval_s else 0
        self._too_small += 1
        return self._too_small <= MAX_TOO_SMALL

    def again_soon(self, now: float) -> None:
        """The refresh failed for the moment; the end stays where it is."""
        if self.interval_s and self.refresher is Refresher.US:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._timers.start(now + self.interval_s / _AGAIN, self._due)

    # The peer's requests.

    def too_small(self, request: Request) -> Headers:
        """Headers of the 422 that an INVITE or UPDATE must get; empty when its interval will do."""
        if self.off or "Session-Expires" not in request.headers:
            return ()
        expires = SessionExpires.of(request)
        if expires is None or expires.interval_s >= self._settings.min_se_s or not supports(request, TIMER):
            return ()
        return (("Min-SE", str(self._settings.min_se_s)),)

    def grant(self, request: Request, now: float) -> Headers:
        """Headers of our 2xx to an INVITE or UPDATE (section 9); the timer begins anew."""
        expires, knows = SessionExpires.of(request), supports(request, TIMER)
        interval = 0 if self.off else self._interval_for(request, expires, knows)
        if not interval:
            self.stop()
            return ()
        refresher = self._refresher_for(expires, knows)
        self._begin(interval, refresher, now)
        granted = SessionExpires(interval, "uac" if refresher is Refresher.PEER else "uas")
        headers = (("Session-Expires", str(granted)),)
        return (*headers, ("Require", TIMER)) if knows else headers

    def _interval_for(self, request: Request, expires: SessionExpires | None, knows: bool) -> int:
        wish, least = self._settings.expires_s, max(min_se_of(request), self._settings.min_se_s)
        if expires is None:
            return max(wish, least) if knows and wish else 0
        if not knows and expires.interval_s < self._settings.min_se_s:
            return 0
        return min(expires.interval_s, max(wish, least)) if wish else expires.interval_s

    def _refresher_for(self, expires: SessionExpires | None, knows: bool) -> Refresher:
        if not knows:
            return Refresher.US
        if expires is not None and expires.refresher:
            return Refresher.PEER if expires.refresher == "uac" else Refresher.US
        if self.refresher is not None:
            return self.refresher
        return Refresher.PEER if expires is not None else Refresher.US

    # Time.

    def stop(self) -> None:
        if self.interval_s:
            self._cancel()
            self.interval_s = 0
            self.refresher = None

    def resume(self, interval_s: int, refresher: Refresher, now: float, within_s: float) -> None:
        """After a restart, since when nobody knows what is left of the interval: if it is ours to refresh, soon."""
        self._begin(interval_s, refresher, now)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = self._timers.start(now + within_s, self._due)

    def close(self) -> None:
        """The session is over: what is still agreed on starts nothing."""
        self.stop()
        self._closed = True
        self.on_refresh = self.on_expired = no_time

    def _begin(self, interval_s: int, refresher: Refresher, now: float) -> None:
        if self._closed:
            return
        self._cancel()
        self.interval_s, self.refresher = interval_s, refresher
        if refresher is Refresher.US:
            self._alarm = self._timers.start(now + interval_s / 2, self._due)
        margin = min(_END_MARGIN_S, interval_s / 3)
        self._end = self._timers.start(now + interval_s - margin, self._ended)

    def _cancel(self) -> None:
        for timer in (self._alarm, self._end):
            if timer is not None:
                timer.cancel()
        self._alarm = self._end = None

    def _due(self, now: float) -> None:
        self._alarm = None
        self.on_refresh(now)

    def _ended(self, now: float) -> None:
        self.stop()
        self.on_expired(now)
