"""For whom a message is that came in: its transaction, a session, a proxied call, or whoever serves what is new.

RFC 3261 sections 8.2, 9.2, 17.1.3, 17.2.3 and 18; RFC 6026 section 8.9: what belongs to nothing is dropped, and counted.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from softswitch.sip.client_transaction import ClientTransaction
from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import TOKEN
from softswitch.sip.guard import Guard
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.proxy import Proxy
from softswitch.sip.screening import reply_destination, stamp, stamp_usual
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session import Session
from softswitch.sip.source import Source
from softswitch.sip.stack_stats import StackStats
from softswitch.sip.stateless_replies import StatelessReplies
from softswitch.sip.transaction import MAGIC_COOKIE, TransactionKey, cancelled_key, client_key, server_key
from softswitch.sip.transaction_table import TransactionTable
from softswitch.sip.user_agent_server import Arrival, UserAgentServer
from softswitch.sip.via import Via

_STAMP = r";received=[0-9A-Fa-f.:]+"
_USUAL_VIA = re.compile(
    rf"SIP/2\.0/[A-Z]+ ([a-z0-9.\-]+:[0-9]{{1,5}});branch=({TOKEN})"
    rf"(?:;rport(?:=[0-9]{{1,5}})?(?:{_STAMP})?|{_STAMP}(?:;rport=[0-9]{{1,5}})?)?"
)
"""Sent-by and branch of ours, and at most what our peer has put behind them."""
_USUAL_VIA_OF_REQUEST = re.compile(
    rf"SIP/2\.0/[A-Z]+ ([a-z0-9.\-]+:(?:[1-9][0-9]{{0,3}}|[1-5][0-9]{{4}}));branch=({MAGIC_COOKIE}{TOKEN});rport"
)
"""Sent-by as all compare it, the branch of a peer who knows what that is, and where responses go is asked for."""


class ReceiverLayer(Protocol):
    proxy: Proxy
    stats: StackStats
    guard: Guard

    def new_server(
        self, request: Request, key: TransactionKey, reply: Source, now: float
    ) -> ServerTransaction | None: ...

    def session(self, call_id: str, local_tag: str) -> Session | None: ...


class MessageReceiver:
    def __init__(
        self,
        layer: ReceiverLayer,
        table: TransactionTable,
        server: UserAgentServer,
        stateless: StatelessReplies,
    ) -> None:
        self._layer = layer
        self._table = table
        self._server = server
        self._stateless = stateless

    def receive(self, data: bytes, source: Source, now: float) -> None:
        """One datagram, or one message that a stream was cut into."""
        try:
            message = parse_message(data)
            if isinstance(message, Response):
                self._response(message, now)
            else:
                self._request(message, source, now)
        except ParseError as error:
            if self._unreadable(source, now):
                self._stateless.broken(error, source)

    def _unreadable(self, source: Source, now: float) -> bool:
        """Whether it is answered: a stream has shown that it receives, and a known peer is told what it does wrong (RFC
        4475 section 3.1.2 asks for 400); a stranger's datagram gets nothing, or we could be used against others."""
        guard = self._layer.guard
        if source.transport != "udp" or guard.knows(source.address, now):
            return True
        self._layer.stats.unparsable += 1
        guard.offence(source.address, "unparsable", now, forgeable=True)
        return False

    def _response(self, response: Response, now: float) -> None:
        transaction = self._usually_asked_for(response)
        if transaction is None:
            if not response.vias:
                raise ParseError("a response without Via")
            transaction = self._table.clients.get(client_key(response))
            if transaction is None or not transaction.asked_for(response):
                if transaction is not None or not self._answered_again(response):
                    self._layer.stats.stray += 1
                return
        if 100 < response.status < 300 and transaction.key.method == "INVITE":
            # A dialog is made of these; a refusal counts however badly it is written.
            response.validate(vias_read=True)
        transaction.receive(response, now)

    def _usually_asked_for(self, response: Response) -> ClientTransaction | None:
        """By a Via as nearly all give it back, without taking that apart; None: it must be looked at with more care."""
        headers = response.headers
        usual = _USUAL_VIA.fullmatch(headers.value("via") or "")
        if usual is None or headers.keys.count("via") != 1:
            return None
        transaction = self._table.clients.get(TransactionKey(usual[2], "", response.cseq.method))
        if transaction is not None and transaction.asked(usual[1], response.call_id):
            return transaction
        return None

    def _answered_again(self, response: Response) -> bool:
        """A 2xx comes again in a dialog of ours that has outlived its INVITE, over a restart: who sends it waits for its
        ACK, and hangs up without it (section 13.2.2.4). Who knows the tags of both sides is who answered."""
        if not 200 <= response.status < 300 or response.cseq.method != "INVITE" or len(response.vias) != 1:
            return False
        session = self._layer.session(response.call_id, response.from_tag)
        if session is None or session.direction != "out" or session.request is not None:
            return False
        client = session.client
        if client is None or client.dialog.state.remote_tag != response.to_tag:
            return False
        client.acknowledge_again(response.cseq.number)
        return True

    def _request(self, request: Request, source: Source, now: float) -> None:
        key = self._usual_key(request)
        vias: Sequence[Via] = ()
        if key is None:
            vias = request.vias
            if not vias:
                raise ParseError("a request without Via")
            try:
                key = server_key(request)
            except ParseError as error:  # of a peer of RFC 2543 the key is made of all its fields
                error.partial = request
                raise
        transaction = self._table.servers.get(key)
        if transaction is not None:
            self._layer.stats.repeated += request.method != "ACK"
            transaction.receive(request, now)
            if request.method == "ACK" and transaction.state == "Accepted":
                self._ack(request, source, now)
            return
        reply = reply_destination(vias[0], source) if vias else source
        try:
            request.validate(vias_read=True)
        finally:
            if vias:
                stamp(request, vias[0], source)
            else:
                stamp_usual(request, source)
        if request.method == "ACK":
            self._ack(request, source, now)
        elif request.method == "CANCEL":
            self._cancel(request, key, reply, now)
        else:
            self._server.receive(Arrival(request, key, vias, source, reply, now))

    def _usual_key(self, request: Request) -> TransactionKey | None:
        """By a Via as nearly all write it, without taking that apart: its response goes where the request came from. None:
        it must be looked at with more care."""
        headers = request.headers
        usual = _USUAL_VIA_OF_REQUEST.fullmatch(headers.value("via") or "")
        if usual is None or headers.keys.count("via") != 1:
            return None
        method = "INVITE" if request.method == "ACK" else request.method
        return TransactionKey(usual[2], usual[1], method, headers.value("call-id") or "")

    def _ack(self, request: Request, source: Source, now: float) -> None:
        session = self._layer.session(request.call_id, request.to_tag)
        if session is not None:
            session.receive_ack(request, now)
        elif not self._layer.proxy.acknowledge(request, source):
            self._layer.stats.stray += 1

    def _cancel(self, request: Request, key: TransactionKey, reply: Source, now: float) -> None:
        """Never challenged; 481 when it means nothing (section 9.2)."""
        invite = self._table.servers.get(cancelled_key(request))
        if invite is None or invite.on_cancel is None:
            self._stateless.refuse(request, reply, 481)
            return
        cancel = self._layer.new_server(request, key, reply, now)
        if cancel is not None:
            invite.on_cancel(cancel, now)
