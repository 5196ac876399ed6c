"""An INVITE without its final response, as a value that outlives the process, and its proper end after a restart.

A caller's gets the final response that it waits for, again and again until its ACK (RFC 3261 section 17.2.1). One of ours
is cancelled (section 9.1), its 487 acknowledged, and a 2xx that crosses the CANCEL acknowledged and hung up. When neither
comes, the phone may have answered right before the process died, and been acknowledged: it repeats nothing then, so the
dialog that it made is hung up (section 15 lets a caller send a BYE, answered or not), and so are those of the other forks.
The same goes for a caller: who was answered in that moment waits for no final response, and acknowledges none. Only the
lines that this takes are kept: no credentials and no description.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from softswitch.config.secret import Secret
from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.client_transaction import ClientTransaction
from softswitch.sip.dialog import Dialog, DialogState
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.headers import Headers
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.request_forms import cancel_of
from softswitch.sip.screening import reply_destination
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session import Session
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_state import SessionState
from softswitch.sip.source import Source
from softswitch.sip.transaction import Transaction, TransactionKey, TransactionState, server_key
from softswitch.sip.unheeded import any_failure, any_response
from softswitch.sip.way import reply_place
from softswitch.value import value

LONGEST: Final = 8192
_KEPT = ("via", "max-forwards", "route", "record-route", "from", "to", "call-id", "cseq", "contact")
SEQUENCE_GAP: Final = 1000
"""More requests than we ever send in an early dialog."""
SILENCE_T1: Final = 2
"""So many T1 after the 200 to our CANCEL a 487 is not to be hoped for: it would have been repeated."""
UNHEEDED_T1: Final = 8
"""So many T1 after our final response there would be an ACK: it would have been sent four times."""
_UNANSWERED = (SessionState.INCOMING, SessionState.RINGING, SessionState.AWAITING_PRACK)
_RINGING = (SessionState.CALLING, SessionState.PROCEEDING)


@value(tagged=False)
class OpenInvite:
    direction: Literal["in", "out"]
    head: str
    """Of the request; its bytes as Latin-1."""
    peer: Source
    """Where the response, or the CANCEL, goes."""
    tag: str = ""
    """Ours, of a caller's dialog."""
    dialog: DialogState | None = None
    """That of the phone which spoke last, with its tag; no early one where it has answered."""
    sticky: bool = False
    """As `DialogClient.sticky`, of each dialog that it makes."""
    forks: tuple[DialogState, ...] = ()
    """The other early dialogs of it."""
    trunk: str = ""
    """Whose credentials answer a challenge of our BYE."""


class EndingLayer(SessionLayer, Protocol):
    """What of the stack is needed to end one."""

    def new_server(
        self, request: Request, key: TransactionKey, reply: Source, now: float
    ) -> ServerTransaction | None: ...

    def keep_client(self, transaction: ClientTransaction) -> None: ...

    def forget(self, transaction: Transaction) -> None: ...

    def common(self, name: str) -> tuple[tuple[str, str], ...]: ...


def open_invite_of(session: Session, *, answered: bool = False, trunk: str = "") -> OpenInvite | None:
    """None when it has its final response, or has not left. `answered`: whoever we have called is to be hung up as well;
    `trunk` is who that is, if one."""
    request = session.request
    if request is None:
        return None
    if session.incoming is not None:
        if session.state not in _UNANSWERED:
            return None
        peer = reply_destination(request.top_via, session.source)
        return _of("in", request, peer, session.local_tag)
    peer_of_ours = session.destination
    talks = answered and session.state is SessionState.CONFIRMED
    if not (talks or session.state in _RINGING) or peer_of_ours is None:
        return None
    made = _of("out", request, peer_of_ours, "")
    if made is None or session.early is None:
        return made
    dialog = session.dialog
    first, *forks = _bounded([dialog.state if dialog is not None else None, *session.early.others])
    return replace(
        made,
        dialog=first,
        sticky=session.early.sticky,
        forks=tuple([one for one in forks if one is not None]),
        trunk=trunk,
    )


def _bounded(dialogs: list[DialogState | None]) -> list[DialogState | None]:
    """None in the place of one that is too long: phones make them as long as they like."""
    left, kept = LONGEST, list[DialogState | None]()
    for one in dialogs:
        if one is not None:
            length = len(one.local) + len(one.remote) + len(one.remote_target) + sum(map(len, one.route_set))
            left -= length
            if left < 0:
                one, left = None, left + length
        kept.append(one)
    return kept


def end_open(
    layer: EndingLayer, invite: OpenInvite, status: int, reason: str, credentials: Secret | None = None
) -> None:
    """`reason` is the value of a Reason header. Raises PeerError when what was written cannot be read."""
    invite.peer.check()
    request = parse_message(invite.head.encode("latin-1"))
    if not isinstance(request, Request):
        return
    headers = ("Reason", reason)
    if invite.direction == "in":
        _refuse(layer, invite, request, status, headers)
    else:
        ending, dialog = _Ending(layer, invite, request, credentials), invite.dialog
        if dialog is None or dialog.early:
            ending.cancel(headers)
        else:
            ending.hang_up(_beyond(dialog), (headers,))


def _of(direction: Literal["in", "out"], request: Request, peer: Source, tag: str) -> OpenInvite | None:
    head = Request(request.method, str(request.uri), Headers())
    head.headers.echo(request.headers, _KEPT)
    data = head.to_bytes()
    if len(data) > LONGEST:
        return None
    return OpenInvite(direction=direction, head=data.decode("latin-1"), peer=peer, tag=tag)


def _refuse(
    layer: EndingLayer, invite: OpenInvite, request: Request, status: int, header: tuple[str, str]
) -> None:
    """A connection is gone: the answer goes where a new one can be opened, if anywhere."""
    peer = invite.peer if invite.peer.transport == "udp" else reply_place(request.top_via, invite.peer)
    transaction = None if peer is None else layer.new_server(request, server_key(request), peer, layer.now())
    if transaction is None:
        return
    common = layer.common("Server")

    def too_late(cancel: ServerTransaction, now: float) -> None:
        """Of no effect, and answered by 200 all the same (section 9.2)."""
        cancel.respond(make_response(cancel.request, 200, to_tag=invite.tag, headers=common), now)

    transaction.on_cancel = too_late
    refusal = make_response(request, status, to_tag=invite.tag, headers=(header, *common))
    transaction.respond(refusal, layer.now())

    def unheeded(now: float) -> None:
        if transaction.state is TransactionState.COMPLETED:
            client = _client(layer, Dialog.of_callee(request, invite.tag), invite, request, None, "Server")
            client.request("BYE", headers=(header,), on_response=any_response, on_failure=any_failure)

    layer.timers.start(layer.now() + UNHEEDED_T1 * layer.timer_values.t1, unheeded)


def _client(
    layer: EndingLayer,
    dialog: Dialog,
    invite: OpenInvite,
    request: Request,
    credentials: Secret | None,
    name: str,
) -> DialogClient:
    return DialogClient(
        layer,
        dialog,
        invite.peer,
        contact=request.headers.get("Contact") or "",
        sticky=invite.sticky,
        memory=ChallengeMemory(credentials, layer.entropy) if credentials is not None else None,
        common=layer.common(name),
    )


@dataclass(slots=True, eq=False)
class _Ending:
    """One INVITE of ours on its way out. Held by its transactions only."""

    layer: EndingLayer
    invite: OpenInvite
    request: Request
    credentials: Secret | None
    acks: dict[str, tuple[bytes, Source] | None] = field(default_factory=dict)
    """By the tag of whoever answered; each has got its BYE."""
    refused: bool = False
    """It has its final response, and it was no 2xx: there is no dialog."""

    def cancel(self, header: tuple[str, str]) -> None:
        layer, invite = self.layer, self.invite
        transaction = ClientTransaction(
            self.request, invite.peer, layer, on_response=self._answered, on_failure=any_failure
        )
        transaction.state = TransactionState.PROCEEDING
        layer.keep_client(transaction)
        cancel = cancel_of(self.request)
        for name, text in (header, *layer.common("User-Agent")):
            cancel.headers.add(name, text)
        layer.start_client(cancel, invite.peer, self._cancelled, self._unheard)
        layer.timers.start(layer.now() + layer.timer_values.timeout, transaction.abandon)

    def _answered(self, response: Response, now: float) -> None:
        if 200 <= response.status < 300:
            self.hang_up(_beyond(Dialog.of_caller(self.request, response).state))
        elif response.status >= 300:
            self.refused = True

    def _cancelled(self, response: Response, now: float) -> None:
        """The CANCEL has its answer. A 200 names the tag of the phone's dialog (section 9.2); after a 481 no 487 comes."""
        if response.status < 200:
            return
        dialogs = self._dialogs(response.to_tag if response.status < 300 else "")
        if dialogs:
            patience_s = SILENCE_T1 * self.layer.timer_values.t1 if response.status < 300 else 0.0
            self.layer.timers.start(now + patience_s, lambda at: self._end(dialogs))

    def _unheard(self, cause: str, now: float) -> None:
        del cause, now
        self._end(self._dialogs(""))

    def _dialogs(self, tag: str) -> list[Dialog]:
        """As far as they are known; of a phone that never said anything, from what the CANCEL's answer tells."""
        known, forks = self.invite.dialog, self.invite.forks
        if known is None and not forks and tag:
            known = Dialog.of_caller(self.request, make_response(self.request, 200, to_tag=tag)).state
        return [_beyond(one) for one in (known, *forks) if one is not None]

    def _end(self, dialogs: list[Dialog]) -> None:
        if not self.refused:
            for dialog in dialogs:
                self.hang_up(dialog)

    def hang_up(self, dialog: Dialog, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """ACK and BYE, once; a 2xx that comes again gets its ACK again. A phone that was acknowledged before heeds the BYE
        only, one that was not is not asked to take a BYE before its ACK."""
        tag = dialog.state.remote_tag
        if tag in self.acks:
            again = self.acks[tag]
            if again is not None:
                self.layer.send(*again)
            return
        self.acks[tag] = None
        client = _client(self.layer, dialog, self.invite, self.request, self.credentials, "User-Agent")

        def remember(data: bytes, destination: Source) -> None:
            self.acks[tag] = data, destination

        client.acknowledge(self.request, remember)
        client.request("BYE", headers=headers, on_response=any_response, on_failure=any_failure)


def _beyond(state: DialogState) -> Dialog:
    """PRACK and UPDATE of the early dialog took numbers that nobody knows any more (RFC 3262 section 4): a BYE below them
    would be refused, and the phone would talk on."""
    return Dialog(replace(state, local_sequence=state.local_sequence + SEQUENCE_GAP))
