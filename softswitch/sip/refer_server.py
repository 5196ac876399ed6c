"""REFERs that a peer sends in a dialog of ours, and the NOTIFYs by which it hears what became of them.

RFC 3515 section 2.4, RFC 4488, RFC 5057: the subscription is a usage of its own, so its NOTIFYs go out in the dialog also
after a BYE has ended the call in it. One NOTIFY is under way at a time; of those that wait only the latest is sent, since
each says all there is to know.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum

from softswitch.errors import PeerError
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.reason import phrase
from softswitch.sip.refer import ReferRequest
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer

Headers = tuple[tuple[str, str], ...]

EXPIRES_S = 180
"""What the first NOTIFY promises; nobody rings for so long."""
TOLD_WITHIN_S = 2.0
"""How long a BYE of ours waits for the answers to NOTIFYs before it."""
SIPFRAG = "message/sipfrag;version=2.0"


class ReferState(StrEnum):
    ASKED = "asked"
    RUNNING = "running"
    OVER = "over"


class ReferInput(StrEnum):
    ACCEPT = "owner accepts"
    REFUSE = "owner refuses"
    PROGRESS = "owner reports a provisional"
    FINISH = "owner reports the end"
    LOST = "the peer wants no more NOTIFY"


_S, _I = ReferState, ReferInput

NEXT = {
    (_S.ASKED, _I.ACCEPT): _S.RUNNING,
    (_S.ASKED, _I.REFUSE): _S.OVER,
    (_S.RUNNING, _I.PROGRESS): _S.RUNNING,
    (_S.RUNNING, _I.FINISH): _S.OVER,
}
"""An input without a row changes nothing: it came too late."""


class Refer:
    """One REFER: accept or refuse it, then report until it is finished. Whatever comes too late is ignored."""

    __slots__ = (
        "_client",
        "_common",
        "_layer",
        "_number",
        "_sending",
        "_silent",
        "_state",
        "_then",
        "_transaction",
        "_waiting",
        "_words",
        "asked",
    )

    def __init__(
        self,
        layer: SessionLayer,
        client: DialogClient,
        common: Headers,
        transaction: ServerTransaction,
        asked: ReferRequest,
        *,
        number: str,
    ) -> None:
        """`number`: CSeq that tells a second REFER of a dialog from the first; empty for that."""
        self.asked = asked
        self._layer = layer
        self._client = client
        self._common = common
        self._transaction = transaction
        self._number = number
        self._state = _S.ASKED
        self._silent = not asked.subscribed
        self._sending = False
        self._waiting: tuple[int, bool] | None = None
        self._then: Callable[[], None] | None = None
        self._words = ""

    def __repr__(self) -> str:
        return f"<Refer to {self.asked.to.uri.user} {self._state}>"

    @property
    def running(self) -> bool:
        return self._state is not _S.OVER

    def accept(self) -> None:
        """202, and the NOTIFY that has to follow at once."""
        if self._step(_I.ACCEPT):
            quiet = (("Refer-Sub", "false"),) if self._silent else ()
            self._respond(202, (("Contact", self._client.contact), *quiet))
            self._notify(100, over=False)

    def refuse(self, status: int) -> None:
        if self._step(_I.REFUSE):
            self._respond(status, ())

    def progress(self, status: int) -> None:
        """A provisional of whom the peer is put through to."""
        if self._step(_I.PROGRESS):
            self._notify(status, over=False)

    def finish(self, status: int, words: str = "") -> None:
        """The final status: 2xx, or why not; `words` in place of its phrase."""
        if self._step(_I.FINISH):
            self._words = words
            self._notify(status, over=True)

    def when_told(self, then: Callable[[], None]) -> None:
        """Do this when nothing is left to tell, or when the peer has had its time to listen."""
        if not self._sending:
            then()
            return
        self._then = then
        self._layer.timers.start(self._layer.now() + TOLD_WITHIN_S, self._told)

    def _told(self, now: float) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    def _step(self, event: ReferInput) -> bool:
        after = NEXT.get((self._state, event))
        if after is None:
            return False
        self._state = after
        return True

    def _respond(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        response = make_response(self._transaction.request, status, headers=(*headers, *self._common))
        self._transaction.respond(response, self._layer.now())

    def _notify(self, status: int, *, over: bool) -> None:
        if self._silent:
            return
        if self._sending:
            self._waiting = status, over
            return
        self._sending = True
        state = "terminated;reason=noresource" if over else f"active;expires={EXPIRES_S}"
        self._client.request(
            "NOTIFY",
            headers=(
                ("Contact", self._client.contact),
                ("Event", f"refer;id={self._number}" if self._number else "refer"),
                ("Subscription-State", state),
                ("Content-Type", SIPFRAG),
            ),
            body=f"SIP/2.0 {status} {(over and self._words) or phrase(status)}\r\n".encode(),
            on_response=self._answered,
            on_failure=self._lost,
        )

    def _answered(self, response: Response, now: float) -> None:
        if response.status in (405, 481, 489, 501):
            self._lost("refused", now)
            return
        self._sending = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._notify(waiting[0], over=waiting[1])
        else:
            self._told(now)

    def _lost(self, cause: str, now: float) -> None:
        self._silent, self._sending, self._waiting = True, False, None
        self._told(now)


class ReferServer:
    """The REFERs of one dialog: one at a time."""

    __slots__ = ("_common", "_latest", "_layer", "_served")

    def __init__(self, layer: SessionLayer, common: Headers) -> None:
        self._layer = layer
        self._common = common
        self._latest: Refer | None = None
        self._served = False

    def receive(
        self,
        client: DialogClient,
        transaction: ServerTransaction,
        request: Request,
        now: float,
        *,
        open_: bool,
    ) -> Refer | None:
        """The REFER for the owner to judge; None: it has been refused. `open_`: the call in the dialog is established."""
        try:
            asked = ReferRequest.of(request)
        except PeerError as error:
            self._refuse(transaction, error.sip_status, error.reason, now)
            return None
        if not open_:
            self._refuse(transaction, 481, None, now)
            return None
        if self._latest is not None and self._latest.running:
            self._refuse(transaction, 491, None, now)
            return None
        number = str(request.cseq.number) if self._served else ""
        self._served = True
        self._latest = Refer(self._layer, client, self._common, transaction, asked, number=number)
        return self._latest

    def when_told(self, then: Callable[[], None]) -> None:
        if self._latest is None:
            then()
        else:
            self._latest.when_told(then)

    def _refuse(self, transaction: ServerTransaction, status: int, reason: str | None, now: float) -> None:
        transaction.respond(make_response(transaction.request, status, reason, headers=self._common), now)
