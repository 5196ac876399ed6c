"""The early dialogs of one INVITE of ours: one for each To-tag of a provisional response (RFC 3261 section 12.1.2).

Owns the acknowledgement of reliable provisionals (RFC 3262 section 4) in each, and what of them is worth telling: no
repetition that would take early media back, nothing behind a gap, and no 199 (RFC 6228), which only ends its dialog.
The dialog that said something new last is the one whose early media counts; the one that answers wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from softswitch.sip.dialog import Dialog, DialogState
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.events import Progress
from softswitch.sip.late_answers import MAX_FORKS
from softswitch.sip.message import Request, Response
from softswitch.sip.outgoing_invite import OutgoingInvite
from softswitch.sip.provisional_acks import ProvisionalAcks, rseq_of
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.sdp_body import description_in, readable_description

EARLY_DIALOG_TERMINATED = 199


@dataclass(slots=True)
class EarlyDialog:
    client: DialogClient
    acks: ProvisionalAcks
    answer: SessionDescription | None = None
    """The answer to our offer, when it came for certain."""
    updated: bool = False
    """The peer has offered anew since."""
    told: tuple[int, bytes] = (0, b"")


class EarlyDialogs:
    def __init__(self, invite: OutgoingInvite) -> None:
        self._invite = invite
        self._known: dict[str, EarlyDialog] = {}
        self._latest = ""
        """Tag of the dialog that spoke last."""

    def __len__(self) -> int:
        return len(self._known)

    @property
    def latest(self) -> Dialog | None:
        """The one that spoke last."""
        early = self._known.get(self._latest)
        return early.client.dialog if early is not None else None

    @property
    def others(self) -> list[DialogState]:
        """Those of the other forks."""
        if len(self._known) < 2:
            return []
        return [one.client.dialog.state for tag, one in self._known.items() if tag != self._latest]

    @property
    def sticky(self) -> bool:
        """As `DialogClient.sticky`, of each of them."""
        return self._invite.sticky

    def find(self, request: Request) -> EarlyDialog | None:
        """The early dialog that a request of the callee belongs to."""
        return self._known.get(request.from_tag)

    def heard(self, response: Response) -> Progress | None:
        """A provisional above 100; None when it tells nothing new."""
        early = self._of(response)
        if early is None:
            return self._progress(response, None) if response.status != EARLY_DIALOG_TERMINATED else None
        number = rseq_of(response)
        if number and not early.acks.take(response):
            return None
        if response.status == EARLY_DIALOG_TERMINATED:
            self._known.pop(response.to_tag, None)
            return None
        repeated = not number and early.told == (response.status, response.body)
        if repeated and self._latest != response.to_tag:
            return None
        self._latest = response.to_tag
        early.told = response.status, response.body
        return self._progress(response, early if number else None)

    def client(self, response: Response) -> DialogClient | None:
        """Of the early dialog that a 2xx confirms; None when there was none."""
        early = self._known.get(response.to_tag)
        return early.client if early is not None else None

    def close(self) -> None:
        """The session is over: what comes late is hung up, and nobody asks here any more."""
        acknowledged = self._invite.acknowledged
        others = {tag: early for tag, early in self._known.items() if not acknowledged(tag)}
        self._invite.leave_to(Nobody(others))
        if not others:
            self._invite.let_go()

    def answer_in(self, response: Response) -> SessionDescription | None:
        """The answer of a 2xx, or what a provisional of its dialog has answered for certain already (RFC 6337 section
        2.2); None too when that has been changed since. Raises PeerError."""
        early = self._known.get(response.to_tag)
        if early is None or early.answer is None:
            return description_in(response)
        return None if early.updated else early.answer

    def _of(self, response: Response) -> EarlyDialog | None:
        tag, request, destination = response.to_tag, self._invite.request, self._invite.destination
        early = self._known.get(tag)
        if early is not None or not tag or request is None or destination is None:
            return early
        if len(self._known) >= MAX_FORKS:
            return None
        client = self._invite.client_of(request, response, destination)
        client.invite = request
        early = self._known[tag] = EarlyDialog(client, ProvisionalAcks(client))
        return early

    def _progress(self, response: Response, certain: EarlyDialog | None) -> Progress:
        sdp = readable_description(response)
        if certain is not None and sdp is not None and certain.answer is None:
            certain.answer = sdp
        return Progress(status=response.status, reason=response.reason, sdp=sdp)


class Nobody:
    """The listener of an INVITE whose session is over: whatever answers late is acknowledged and hung up."""

    __slots__ = ("_known",)

    def __init__(self, known: Mapping[str, EarlyDialog]) -> None:
        self._known = known

    def invite_headers(self) -> tuple[tuple[str, str], ...]:
        return ()

    def worth_asking_again(self, response: Response) -> bool:
        del response
        return False

    def early_client(self, response: Response) -> DialogClient | None:
        early = self._known.get(response.to_tag)
        return early.client if early is not None else None

    def provisional(self, response: Response, now: float) -> None: ...

    def succeeded(self, client: DialogClient, response: Response, now: float) -> bool:
        del client, response, now
        return False

    def failed(self, status: int, response: Response | None, now: float) -> None: ...
