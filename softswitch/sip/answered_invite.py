"""A caller's INVITE that had its 2xx not long ago, as a value that outlives the process, and its transaction made again.

Without it a copy of the INVITE that comes after a restart would be taken for a new call: the same one again is absorbed
for 64*T1 (RFC 3261 section 17.2.3, RFC 6026 section 7.1), one that came another way gets 482 (section 8.2.2.2). A 2xx
whose ACK has not come is repeated for as long, then the call is hung up (section 13.3.1.4). An ACK that came while nobody
listened is sent again by whoever hears the 2xx again (section 13.2.2.4).

Kept are the lines that say which INVITE it is, and the head of our 2xx while its ACK is missing. No credentials, and no
description: that of the 2xx is its owner's business.
"""

from typing import Final, Protocol

from softswitch.sip.capabilities import SDP_TYPE
from softswitch.sip.headers import Headers
from softswitch.sip.incoming_invite import IncomingInvite
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session import Session
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_state import SessionState
from softswitch.sip.source import Source
from softswitch.sip.transaction import Transaction, TransactionKey, TransactionState
from softswitch.sip.way import reply_place
from softswitch.value import value, values_of

LONGEST: Final = 8192
_KEPT = ("via", "from", "to", "call-id", "cseq")
_OF_THE_BODY = ("content-length", "content-type")


@value(tagged=False)
class AnsweredInvite:
    key: tuple[str, ...]
    """Of its transaction; some peers of RFC 2543 have one that cannot be made again of the lines."""
    head: str
    """Of the request; its bytes as Latin-1."""
    peer: Source
    """Where responses go."""
    acknowledged: bool = True
    answer: str = ""
    """Head of our 2xx while its ACK is missing, as Latin-1."""
    described: bool = False
    """It has our description."""


class AnsweringLayer(SessionLayer, Protocol):
    """What of the stack is needed to take one up."""

    def keep_server(self, transaction: ServerTransaction) -> None: ...

    def forget(self, transaction: Transaction) -> None: ...

    def common(self, name: str) -> tuple[tuple[str, str], ...]: ...


def answered_invite_of(session: Session) -> AnsweredInvite | None:
    """None when it is 64*T1 ago, or not a caller's."""
    invite = session.incoming
    if invite is None or invite.transaction.state is not TransactionState.ACCEPTED:
        return None
    headers = Headers()
    headers.echo(invite.request.headers, _KEPT)
    headers.end(0)
    data = headers.below(invite.request.start_line).encode("utf-8", "surrogateescape")
    answer, described = b"", False
    response = invite.unacknowledged
    if response is not None:
        bare = Response(response.status, response.reason, Headers())
        bare.headers.echo(
            response.headers, (key for key in dict.fromkeys(response.headers.keys) if key not in _OF_THE_BODY)
        )
        answer, described = bare.to_bytes(), bool(response.body)
    if len(data) + len(answer) > LONGEST:
        return None
    return AnsweredInvite(
        key=values_of(invite.transaction.key),
        head=data.decode("latin-1"),
        peer=invite.transaction.peer,
        acknowledged=session.state not in (SessionState.ANSWERED, SessionState.HANGING_UP),
        answer=answer.decode("latin-1"),
        described=described,
    )


def take_up_answered(
    layer: AnsweringLayer,
    session: Session,
    answered: AnsweredInvite,
    *,
    age_s: float,
    contact: str,
    described: bytes,
) -> None:
    """`age_s`: since the answer; older than 64*T1 it is forgotten, as it would have been. `described`: what the 2xx said;
    empty: nobody knows it any more. Raises PeerError when what was written cannot be read."""
    now, left_s = layer.now(), layer.timer_values.timeout - max(0.0, age_s)
    request = parse_message(answered.head.encode("latin-1"))
    if left_s <= 0 or not isinstance(request, Request):
        return
    if session.kept_invite is not None:
        request.headers.extend(session.kept_invite.headers.items())
    peer = answered.peer
    if peer.transport != "udp":  # its connection died with the process
        peer = reply_place(request.top_via, peer) or peer
    transaction = ServerTransaction(request, TransactionKey(*answered.key), peer, layer, now)
    transaction.resume_accepted(left_s, now)
    transaction.on_cancel = session.receive_cancel
    layer.keep_server(transaction)
    session.incoming = IncomingInvite(
        layer,
        transaction,
        local_tag=session.local_tag,
        contact=contact,
        common=layer.common("Server"),
        now=now,
    )
    session.incoming.settled()
    if not answered.acknowledged:
        session.resume_incoming(session.incoming, _answer_of(answered, described), left_s)


def _answer_of(answered: AnsweredInvite, described: bytes) -> Response | None:
    """None when it is not known any more."""
    if not answered.answer or (answered.described and not described):
        return None
    response = parse_message(answered.answer.encode("latin-1"))
    if not isinstance(response, Response):
        return None
    if answered.described:
        response.headers.remove("Content-Length")
        response.headers.add("Content-Type", SDP_TYPE)
        response.body = described
    return response
