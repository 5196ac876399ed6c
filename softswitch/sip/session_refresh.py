"""Our sign of life in a session with a timer: UPDATE where the peer takes it, else a re-INVITE (RFC 4028 section 7.4).

An UPDATE carries no description, a re-INVITE the one that counts already with its version as it was, so that no refresh
changes anything of the media.
"""

from softswitch.sip.capabilities import ALLOW
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.message import Request, Response
from softswitch.sip.reoffers import ReofferOwner, Reoffers
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_timer import Refresher, SessionTimer

_NO_UPDATE = (405, 420, 488, 501)


class SessionRefresh:
    """Owns the timer of one session, and gives its sign of life in the dialog adopted last."""

    __slots__ = ("_client", "_layer", "_owner", "_reoffers", "_update", "timer")

    def __init__(self, layer: SessionLayer, owner: ReofferOwner) -> None:
        self._layer = layer
        self._owner: ReofferOwner | None = owner
        self._client: DialogClient | None = None
        self._reoffers: Reoffers | None = None
        self._update = False
        self.timer = SessionTimer(
            layer.timers, layer.session_timer, on_refresh=self._send, on_expired=self._expired
        )

    def adopt(self, client: DialogClient, reoffers: Reoffers, heard: Request | Response | None) -> None:
        """`heard` is the peer's INVITE or 2xx: it says whether the peer takes UPDATE."""
        self._client, self._reoffers = client, reoffers
        if heard is not None:
            allowed = ",".join(heard.headers.get_all("Allow")) if "allow" in heard.headers.keys else ""
            self._update = "UPDATE" in allowed and "UPDATE" in map(str.strip, allowed.split(","))

    def close(self) -> None:
        """The session is over."""
        self.timer.close()
        self._client = self._reoffers = self._owner = None

    @property
    def by_update(self) -> bool:
        """The peer takes UPDATE."""
        return self._update

    def resume(self, interval_s: int, refresher: Refresher, *, by_update: bool, within_s: float) -> None:
        """The timer of a session that outlived a restart: the peer hears of us before its own time is over."""
        self._update = by_update
        self.timer.resume(interval_s, refresher, self._layer.now(), within_s)

    def _send(self, now: float) -> None:
        if self._client is None or self._reoffers is None:
            return
        if self._update:
            self._client.request(
                "UPDATE",
                headers=(
                    ("Contact", self._client.contact),
                    ALLOW,
                    self.timer.supported,
                    *self.timer.offered(),
                ),
                on_response=self._answered,
                on_failure=self._lost,
            )
        elif not self._reoffers.refresh():
            self.timer.again_soon(now)

    def _answered(self, response: Response, now: float) -> None:
        if response.status < 200 or self._client is None:
            return
        if response.status < 300:
            self._client.dialog.refresh_target(response)
            self.timer.granted(response, now)
        elif response.status in (408, 481):
            self._over(response.status, now)
        elif response.status in _NO_UPDATE:
            self._update = False
            self._send(now)
        elif self.timer.learn_too_small(response):
            self._send(now)
        else:
            self.timer.again_soon(now)

    def _lost(self, cause: str, now: float) -> None:
        """A connection that broke may be there again before the session ends; silence is an answer (section 10)."""
        if cause == "timeout":
            self._over(408, now)
        else:
            self.timer.again_soon(now)

    def _expired(self, now: float) -> None:
        self._over(408, now)

    def _over(self, status: int, now: float) -> None:
        if self._owner is not None:
            self._owner.session_expired(status, now)
