"""Our sign of life in a session with a timer: UPDATE where the peer takes it, else a re-INVITE (RFC 4028 section 7.4).

An UPDATE carries no description, a re-INVITE the one that counts already with its version as it was, so that no refresh
changes anything of the media.
"""

from softswitch.sip.capabilities import ALLOW, SUPPORTED
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.message import Request, Response
from softswitch.sip.reoffers import ReofferOwner, Reoffers
from softswitch.sip.session_timer import SessionTimer

_NO_UPDATE = (405, 420, 488, 501)


class SessionRefresh:
    __slots__ = ("_client", "_owner", "_reoffers", "_timer", "_update")

    def __init__(
        self, client: DialogClient, reoffers: Reoffers, timer: SessionTimer, owner: ReofferOwner
    ) -> None:
        self._client = client
        self._reoffers = reoffers
        self._timer = timer
        self._owner = owner
        self._update = False

    def learn(self, message: Request | Response) -> None:
        """Whether the peer takes UPDATE, as its INVITE or 2xx says."""
        allowed = ",".join(message.headers.get_all("Allow"))
        self._update = "UPDATE" in (method.strip() for method in allowed.split(","))

    def send(self, now: float) -> None:
        if self._update:
            self._client.request(
                "UPDATE",
                headers=(
                    ("Contact", self._client.contact),
                    ALLOW,
                    SUPPORTED,
                    *self._timer.offered(),
                ),
                on_response=self._answered,
                on_failure=self._lost,
            )
        elif not self._reoffers.refresh():
            self._timer.again_soon(now)

    def _answered(self, response: Response, now: float) -> None:
        if response.status < 200:
            return
        if response.status < 300:
            self._client.dialog.refresh_target(response)
            self._timer.granted(response, now)
        elif response.status in (408, 481):
            self._owner.session_expired(response.status, now)
        elif response.status in _NO_UPDATE:
            self._update = False
            self.send(now)
        elif self._timer.learn_too_small(response):
            self.send(now)
        else:
            self._timer.again_soon(now)

    def _lost(self, cause: str, now: float) -> None:
        self._owner.session_expired(408, now)
