"""A SIP user agent that a test plays by hand: it registers, calls, answers, cancels, holds, replays and misbehaves.

A thread reads the socket. Responses go to the request they answer; requests go to the call they belong to, or wait in
`incoming`. Only what every agent must do by itself is automatic: 200 to OPTIONS and to BYE, ACK of a failure, the
answer to CANCEL, repeating an answer when a request is repeated, and the retransmission of requests over UDP.
"""

import contextlib
import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from tools.peers.ports import free_port
from tools.peers.sip_text import Credentials, Message, compose, sdp, token

Address = tuple[str, int]
Header = tuple[str, str]
T1_S = 0.5


class NoAnswer(Exception):
    """What was waited for did not come in time."""


@dataclass(slots=True)
class Transaction:
    """A request sent, and the responses to it."""

    party: "SipParty"
    method: str
    uri: str
    headers: list[Header]
    data: bytes
    responses: "queue.Queue[Message]" = field(default_factory=queue.Queue)
    seen: list[Message] = field(default_factory=list)
    """All responses, retransmissions too."""
    final: Message | None = None

    def wait(self, *statuses: int, timeout: float = 30.0) -> Message:
        """The first response of one of these statuses, or the final one when none is named."""
        deadline, pause, again = time.monotonic() + timeout, T1_S, time.monotonic() + T1_S
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                response = self.responses.get(timeout=min(0.05, max(0.001, deadline - time.monotonic())))
                if response.status in statuses or (not statuses and response.status >= 200):
                    return response
                if response.status >= 200:
                    raise NoAnswer(f"{self.method} got {response.start}, not {statuses}")
            if not self.seen and not self.party.tcp and time.monotonic() >= again:
                self.party.send(self.data)
                pause, again = pause * 2, time.monotonic() + pause * 2
        raise NoAnswer(
            f"{self.method} {self.uri}: no {statuses or 'final response'} in {timeout} s; "
            f"had {[response.status for response in self.seen]}"
        )


@dataclass
class Call:
    """A dialog, from either side."""

    party: "SipParty"
    call_id: str
    local: str
    """From or To value of this side, with its tag."""
    remote: str
    target: str
    """Contact of the other side."""
    media: Address
    """What this side's SDP says."""
    cseq: int = 1
    invite: Transaction | None = None
    """Calling side: the transaction of the INVITE."""
    request: Message | None = None
    """Called side: the INVITE."""
    requests: "queue.Queue[Message]" = field(default_factory=queue.Queue)
    """Requests of the other side within the dialog: BYE, CANCEL, INFO, re-INVITE, ACK."""
    routes: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    """BYE or CANCEL of the other side has come."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    confirmed: threading.Event = field(default_factory=threading.Event)
    """ACK has come (called side)."""
    version: int = 1
    answer: Message | None = None
    """200 to the last INVITE that this side sent."""
    laws: tuple[int, ...] = (0, 8)
    on_media: Callable[[Address], None] | None = None
    """Hears where the other side wants its media, before that side knows that the call stands: of a re-INVITE that says
    otherwise `SipParty.on_reinvite` hears later for certain."""

    def wait(self, *statuses: int, timeout: float = 30.0) -> Message:
        """Calling side: wait for a response to the INVITE; a 200 is acknowledged and makes the dialog."""
        assert self.invite is not None
        response = self.invite.wait(*statuses, timeout=timeout)
        if 200 <= response.status < 300:
            self._confirm(response)
        return response

    def _confirm(self, response: Message) -> None:
        self.answer = response
        self.remote = response.get("to")
        self.target = response.address("contact") or self.target
        self.routes = list(reversed(response.all("record-route")))
        self.media_agreed(response)
        self.acknowledge(response)

    def media_agreed(self, description: Message) -> None:
        if self.on_media is not None:
            self.on_media(description.media())

    def acknowledge(self, response: Message) -> None:
        """ACK of a 2xx: a request of its own (RFC 3261 section 13.2.2.4)."""
        self.party.send_request("ACK", self.target, [*self._dialog(response.cseq, "ACK")])

    def cancel(self, timeout: float = 30.0) -> Message:
        """CANCEL the INVITE; returns the response to the CANCEL. The 487 comes at `wait(487)`."""
        assert self.invite is not None
        keep = {"via", "from", "to", "call-id", "route"}
        headers = [(name, value) for name, value in self.invite.headers if name.lower() in keep]
        number = Message.parse(self.invite.data).cseq
        headers += [("CSeq", f"{number} CANCEL"), ("Max-Forwards", "70")]
        return self.party.transact("CANCEL", self.invite.uri, headers, keep_via=True).wait(timeout=timeout)

    def send(
        self,
        method: str,
        body: str = "",
        *,
        content_type: str = "application/sdp",
        extra: Sequence[Header] = (),
    ) -> Transaction:
        """A request within the dialog."""
        self.cseq += 1
        headers = [*self._dialog(self.cseq, method), ("Contact", self.party.contact), *extra]
        return self.party.transact(method, self.target, headers, body, content_type=content_type)

    def bye(self, timeout: float = 30.0) -> Message:
        self.ended.set()
        return self.send("BYE").wait(timeout=timeout)

    def info_digit(self, digit: str, *, duration_ms: int = 160, timeout: float = 30.0) -> Message:
        body = f"Signal={digit}\r\nDuration={duration_ms}\r\n"
        return self.send("INFO", body, content_type="application/dtmf-relay").wait(timeout=timeout)

    def reinvite(
        self, direction: str = "sendrecv", *, media: Address | None = None, timeout: float = 30.0
    ) -> Message:
        """Hold (`sendonly`, `inactive`), resume (`sendrecv`) or move the media."""
        self.version += 1
        self.media = media or self.media
        offer = sdp(*self.media, laws=self.laws, direction=direction, version=self.version)
        response = self.send("INVITE", offer).wait(timeout=timeout)
        if 200 <= response.status < 300:
            self.answer = response
            self.acknowledge(response)
        return response

    # -- called side --------------------------------------------------------------------------------------------------

    def respond(self, status: int, reason: str = "", body: str = "", *, extra: Sequence[Header] = ()) -> Self:
        assert self.request is not None
        self.party.respond(self.request, status, reason, body, to=self.local, extra=extra)
        return self

    def ring(self, status: int = 180) -> Self:
        return self.respond(status, "Ringing")

    def accept(self, *, timeout: float = 30.0, body: str | None = None) -> Self:
        """200 with SDP, repeated until the ACK is there."""
        assert self.request is not None
        law = next((law for law in self.laws if law in self.request.payload_types()), self.laws[0])
        events = 101 in self.request.payload_types()
        answer = body if body is not None else sdp(*self.media, laws=(law,), events=events)
        pause, deadline = T1_S, time.monotonic() + timeout
        while time.monotonic() < deadline and not self.cancelled.is_set():
            self.respond(200, "OK", answer)
            if self.confirmed.wait(pause):
                return self
            pause = min(pause * 2, 4.0)
        raise NoAnswer(
            f"no ACK in {timeout} s" if not self.cancelled.is_set() else "cancelled before it was accepted"
        )

    def reject(self, status: int = 486, reason: str = "Busy Here") -> Self:
        return self.respond(status, reason)

    def wait_request(self, method: str, timeout: float = 30.0) -> Message:
        """The next request of this method within the call; others before it are passed over."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                request = self.requests.get(timeout=max(0.001, deadline - time.monotonic()))
                if request.method == method:
                    return request
        raise NoAnswer(f"no {method} in {timeout} s")

    def _dialog(self, cseq: int, method: str) -> list[Header]:
        routes = [("Route", route) for route in self.routes]
        return [*routes, ("From", self.local), ("To", self.remote), ("Call-ID", self.call_id),
                ("CSeq", f"{cseq} {method}"), ("Max-Forwards", "70")]  # fmt: skip


class SipParty:
    """One socket, one address of record. `server` is where everything is sent, whatever a URI says."""

    def __init__(self, user: str, address: str, server: Address, *, port: int = 0, tcp: bool = False, password: str = "",
                 algorithm: str = "MD5", domain: str = "") -> None:  # fmt: skip
        self.user, self.address, self.server, self.tcp = user, address, server, tcp
        self.port = port or free_port(address, tcp=tcp)
        self.domain = domain or f"{server[0]}:{server[1]}"
        self.credentials = Credentials(user=user, password=password, algorithm=algorithm)
        self.incoming: queue.Queue[Call] = queue.Queue()
        self.strays: list[Message] = []
        """Responses to nothing and requests outside calls."""
        self.log: list[tuple[str, Message]] = []
        """`sent` and `got`, in order; at most 20,000."""
        self.automatic: Callable[[Message], int] = lambda request: 200 if request.method == "OPTIONS" else 481
        """Status answered to a request outside a call."""
        self.on_reinvite: Callable[[Call, Message], tuple[int, str]] = self._accept_reinvite
        self.laws: tuple[int, ...] = (0, 8)
        self.register_call_id, self.register_cseq = token(), 0
        self._transactions: dict[tuple[str, str], Transaction] = {}
        self._calls: dict[str, Call] = {}
        self._answers: dict[tuple[str, str], bytes] = {}
        self._stopping = False
        self._socket = self._open()
        self._thread = threading.Thread(target=self._run, name=f"sip {user}@{address}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.address}:{self.port}{';transport=tcp' if self.tcp else ''}>"

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    def close(self) -> None:
        self._stopping = True
        self._thread.join(timeout=2)
        self._socket.close()

    # -- sending ------------------------------------------------------------------------------------------------------

    def send(self, data: bytes, to: Address | None = None) -> None:
        """Raw bytes."""
        if self.tcp:
            self._socket.sendall(data)
        else:
            self._socket.sendto(data, to or self.server)

    def via(self) -> str:
        transport = "TCP" if self.tcp else "UDP"
        return f"SIP/2.0/{transport} {self.address}:{self.port};branch=z9hG4bK{token()};rport"

    def send_request(self, method: str, uri: str, headers: Sequence[Header], body: str = "", *,
                     content_type: str = "application/sdp", keep_via: bool = False) -> bytes:  # fmt: skip
        given = list(headers) if keep_via else [("Via", self.via()), *headers]
        data = compose(f"{method} {uri} SIP/2.0", given, body, content_type)
        self._note("sent", Message.parse(data))
        self.send(data)
        return data

    def transact(self, method: str, uri: str, headers: Sequence[Header], body: str = "", *,
                 content_type: str = "application/sdp", keep_via: bool = False) -> Transaction:  # fmt: skip
        given = list(headers) if keep_via else [("Via", self.via()), *headers]
        data = compose(f"{method} {uri} SIP/2.0", given, body, content_type)
        message = Message.parse(data)
        transaction = Transaction(self, method, uri, given, data)
        self._transactions[message.branch, method] = transaction
        self._note("sent", message)
        self.send(data)
        return transaction

    def request(
        self,
        method: str,
        uri: str,
        *,
        to: str = "",
        extra: Sequence[Header] = (),
        body: str = "",
        timeout: float = 30.0,
    ) -> Message:
        """A request outside any dialog, and its final response; a challenge is not answered."""
        headers = [("From", f"<{self.aor}>;tag={token()}"), ("To", to or f"<{uri}>"), ("Call-ID", token()),
                   ("CSeq", f"1 {method}"), ("Max-Forwards", "70"), ("Contact", self.contact), *extra]  # fmt: skip
        return self.transact(method, uri, headers, body).wait(timeout=timeout)

    def ping(self, timeout: float = 10.0) -> Message:
        return self.request("OPTIONS", f"sip:{self.domain}", timeout=timeout)

    def register(
        self,
        *,
        expires: int | None = 300,
        contact: str | None = None,
        authorization: str = "",
        aor: str = "",
        answer: bool = True,
        count: int | None = None,
        timeout: float = 30.0,
    ) -> Message:
        """REGISTER, answering one challenge. `authorization` replays a value; `answer=False` returns the 401."""
        response = self._register_once(expires, contact, authorization, aor, timeout)
        if response.status not in (401, 407) or not answer:
            return response
        _, value = self.credentials.answer(response, "REGISTER", f"sip:{self.domain}", count=count)
        return self._register_once(expires, contact, value, aor, timeout)

    def _register_once(
        self, expires: int | None, contact: str | None, authorization: str, aor: str, timeout: float
    ) -> Message:
        self.register_cseq += 1
        address = f"<{aor or self.aor}>"
        headers: list[Header] = [
            ("From", f"{address};tag={token()}"), ("To", address), ("Call-ID", self.register_call_id),
            ("CSeq", f"{self.register_cseq} REGISTER"), ("Max-Forwards", "70"),
        ]  # fmt: skip
        value = self.contact if contact is None else contact
        headers += [("Contact", value)] if value else []
        headers += [("Expires", str(expires))] if expires is not None else []
        headers += [("Authorization", authorization)] if authorization else []
        return self.transact("REGISTER", f"sip:{self.domain}", headers).wait(timeout=timeout)

    def unregister_all(self) -> Message:
        return self.register(expires=0, contact="*")

    def call(
        self,
        number: str,
        media: Address,
        *,
        caller: str = "",
        extra: Sequence[Header] = (),
        body: str | None = None,
        domain: str = "",
    ) -> Call:
        """Send an INVITE. A challenge is answered by `authenticate`, or by `dial`."""
        uri = number if number.startswith(("sip:", "tel:")) else f"sip:{number}@{domain or self.domain}"
        local = f"<sip:{caller or self.user}@{domain or self.domain}>;tag={token()}"
        call = Call(self, token(), local, f"<{uri}>", uri, media, laws=self.laws)
        self._calls[call.call_id] = call
        self._invite(call, uri, extra, body)
        return call

    def _invite(self, call: Call, uri: str, extra: Sequence[Header], body: str | None) -> None:
        offer = sdp(*call.media, laws=self.laws) if body is None else body
        headers = [("From", call.local), ("To", call.remote), ("Call-ID", call.call_id), ("CSeq", f"{call.cseq} INVITE"),
                   ("Max-Forwards", "70"), ("Contact", self.contact), ("Allow", "INVITE, ACK, BYE, CANCEL, INFO, OPTIONS"),
                   *extra]  # fmt: skip
        call.invite = self.transact("INVITE", uri, headers, offer)

    def authenticate(
        self, call: Call, challenge: Message, *, extra: Sequence[Header] = (), body: str | None = None
    ) -> None:
        """Repeat the INVITE with credentials."""
        call.cseq += 1
        uri = call.target
        self._invite(call, uri, [*extra, self.credentials.answer(challenge, "INVITE", uri)], body)

    def dial(
        self,
        number: str,
        media: Address,
        *,
        timeout: float = 30.0,
        caller: str = "",
        extra: Sequence[Header] = (),
        on_media: Callable[[Address], None] | None = None,
    ) -> Call:
        """Call and talk: answers one challenge, waits for the 200 and acknowledges it."""
        call = self.call(number, media, caller=caller, extra=extra)
        call.on_media = on_media
        response = call.wait(200, 401, 407, timeout=timeout)
        if response.status in (401, 407):
            self.authenticate(call, response, extra=extra)
            call.wait(200, timeout=timeout)
        return call

    def accept_call(self, media: Address, timeout: float = 30.0) -> Call:
        """The next INVITE that comes, not yet answered."""
        try:
            call = self.incoming.get(timeout=timeout)
        except queue.Empty as problem:
            raise NoAnswer(f"no INVITE for {self.user} in {timeout} s") from problem
        call.media = media
        return call

    def respond(
        self,
        request: Message,
        status: int,
        reason: str = "",
        body: str = "",
        *,
        to: str = "",
        extra: Sequence[Header] = (),
    ) -> None:
        tagged = to or (request.get("to") if request.tag("to") else f"{request.get('to')};tag={token()}")
        copied = [("Via", via) for via in request.all("via")]
        copied += [("Record-Route", route) for route in request.all("record-route")]
        headers = [*copied, ("From", request.get("from")), ("To", tagged), ("Call-ID", request.get("call-id")),
                   ("CSeq", request.get("cseq")), ("Contact", self.contact), *extra]  # fmt: skip
        data = compose(f"SIP/2.0 {status} {reason or 'OK'}", headers, body)
        self._answers[request.branch, request.method] = data
        self._note("sent", Message.parse(data))
        self.send(data, request.source)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def _open(self) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((self.address, self.port))
        if self.tcp:
            opened.settimeout(5)
            opened.connect(self.server)
        opened.settimeout(0.1)
        return opened

    def _run(self) -> None:
        buffer = b""
        while not self._stopping:
            try:
                data, source = self._socket.recvfrom(65536)
            except (TimeoutError, ConnectionRefusedError):
                continue
            except OSError:
                return
            if not self.tcp:
                self._take(data, source)
                continue
            if not data:
                return
            buffer = self._take_stream(buffer + data, self.server)

    def _take_stream(self, buffer: bytes, source: Address) -> bytes:
        """What is left of it when all that is complete is taken."""
        while b"\r\n\r\n" in buffer:
            head, _, rest = buffer.lstrip(b"\r\n").partition(b"\r\n\r\n")
            length = int(Message.parse(head + b"\r\n\r\n").get("content-length", "0") or 0)
            if len(rest) < length:
                break
            self._take(head + b"\r\n\r\n" + rest[:length], source)
            buffer = rest[length:]
        return buffer

    def _take(self, data: bytes, source: Address) -> None:
        if len(data.strip()) == 0:
            return
        message = Message.parse(data, source, time.monotonic())
        self._note("got", message)
        if message.status:
            self._take_response(message)
        elif (message.branch, message.method) in self._answers and message.method != "ACK":
            self.send(self._answers[message.branch, message.method], source)
        else:
            self._take_request(message)

    def _take_response(self, response: Message) -> None:
        transaction = self._transactions.get((response.branch, response.method))
        if transaction is None:
            self.strays.append(response)
            return
        transaction.seen.append(response)
        repeated = transaction.final is not None
        if response.status >= 200:
            transaction.final = transaction.final or response
        if response.method == "INVITE" and response.status >= 300:
            self._acknowledge_failure(transaction, response)
        if repeated and response.method == "INVITE" and response.status < 300:
            call = self._calls.get(response.get("call-id"))
            if call is not None:
                call.acknowledge(response)
        if not repeated:
            transaction.responses.put(response)

    def _acknowledge_failure(self, transaction: Transaction, response: Message) -> None:
        sent = Message.parse(transaction.data)
        headers = [("Via", sent.get("via")), ("From", sent.get("from")), ("To", response.get("to")),
                   ("Call-ID", sent.get("call-id")), ("CSeq", f"{sent.cseq} ACK"), ("Max-Forwards", "70")]  # fmt: skip
        self.send_request("ACK", transaction.uri, headers, keep_via=True)

    def _take_request(self, request: Message) -> None:
        call = self._calls.get(request.get("call-id"))
        if call is None and request.method == "INVITE":
            self._new_call(request)
            return
        if call is None:
            self.strays.append(request)
            if request.method != "ACK":
                self.respond(request, self.automatic(request), "OK")
            return
        call.requests.put(request)
        self._within(call, request)

    def _within(self, call: Call, request: Message) -> None:
        match request.method:
            case "ACK":
                if not call.confirmed.is_set() and call.request is not None:
                    call.media_agreed(call.request)
                call.confirmed.set()
            case "BYE":
                self.respond(request, 200, "OK")
                call.ended.set()
            case "CANCEL":
                self.respond(request, 200, "OK", to=call.local)
                if not call.confirmed.is_set():
                    call.cancelled.set()
                    call.respond(487, "Request Terminated")
                    call.ended.set()
            case "INVITE":
                status, body = self.on_reinvite(call, request)
                self.respond(request, status, "OK", body)
            case _:
                self.respond(request, 200, "OK")

    @staticmethod
    def _accept_reinvite(call: Call, request: Message) -> tuple[int, str]:
        call.version += 1
        mirror = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
        law = next((law for law in call.laws if law in request.payload_types()), 0)
        return 200, sdp(
            *call.media,
            laws=(law,),
            direction=mirror.get(request.direction(), "sendrecv"),
            version=call.version,
        )

    def _new_call(self, request: Message) -> None:
        local = f"{request.get('to')};tag={token()}"
        call = Call(self, request.get("call-id"), local, request.get("from"), request.address("contact"), ("", 0),
                    request=request, cseq=random.randrange(1, 1000), laws=self.laws,
                    routes=request.all("record-route"))  # fmt: skip
        self._calls[call.call_id] = call
        self.respond(request, 100, "Trying", to=request.get("to"))
        self.incoming.put(call)

    def _note(self, way: str, message: Message) -> None:
        if len(self.log) < 20_000:
            self.log.append((way, message))
