"""REFERs of ours in a dialog, and the peer's NOTIFYs about them (RFC 3515 section 2.4).

Owns one request for the peer to call somebody else, until its final NOTIFY, its refusal, or the end of the patience for
it. What it means for the call is the owner's.
"""

import re
from collections.abc import Callable

from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.events import ReferProgress
from softswitch.sip.message import Request, Response
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.timers import Timer

PATIENCE_S = 180.0
"""Without a final NOTIFY for so long nothing will come of it."""
_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2})(?: |\r|\n|$)")


class ReferClient:
    """`refer` once more only when the one before is over."""

    __slots__ = ("_due", "_layer", "_open", "_tell")

    def __init__(self, layer: SessionLayer, tell: Callable[[ReferProgress], None]) -> None:
        self._layer = layer
        self._tell = tell
        self._open = False
        self._due: Timer | None = None

    @property
    def waiting(self) -> bool:
        return self._open

    def refer(self, client: DialogClient, refer_to: str, headers: tuple[tuple[str, str], ...]) -> None:
        if self._open:
            return
        self._open = True
        self._due = self._layer.timers.start(self._layer.now() + PATIENCE_S, self._gave_up)
        client.request(
            "REFER",
            headers=(("Contact", client.contact), ("Refer-To", refer_to), *headers),
            on_response=self._answered,
            on_failure=self._failed,
        )

    def notified(self, request: Request) -> int:
        """The status to answer a NOTIFY with."""
        event = (request.headers.get("Event") or "").partition(";")[0].strip(" \t").lower()
        if event != "refer":
            return 489
        if not self._open:
            return 481
        state = (request.headers.get("Subscription-State") or "").partition(";")[0].strip(" \t").lower()
        line = _STATUS_LINE.match(request.body)
        status = int(line[1]) if line is not None else 0
        if status >= 200 or state == "terminated":
            self._over(status if status >= 200 else 500)
        elif status:
            self._tell(ReferProgress(status=status, over=False))
        return 200

    def _answered(self, response: Response, now: float) -> None:
        if (
            response.status >= 300
            or (response.headers.get("Refer-Sub") or "").strip(" \t").lower() == "false"
        ):
            self._over(response.status)

    def _failed(self, cause: str, now: float) -> None:
        self._over(408 if cause == "timeout" else 503)

    def _gave_up(self, now: float) -> None:
        self._over(408)

    def _over(self, status: int) -> None:
        if not self._open:
            return
        self._open = False
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._tell(ReferProgress(status=status, over=True))

    def close(self) -> None:
        """The session is over; nothing is told any more."""
        self._open = False
        if self._due is not None:
            self._due.cancel()
            self._due = None
