"""Proves `sips:` (RFC 5630) against a running switch with phones on TLS sockets of their own: whom it reaches, how it is
refused where only a phone in clear is there, with 480 and Warning 380, and that a call by it shows `sips:` on both sides.

The rules one by one are in `tests/sip/test_secure_uris.py`.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tools.peers.centre import desk, phone
from tools.peers.certificates import Authority
from tools.peers.ports import free_port
from tools.peers.sip_party import NoAnswer, SipParty
from tools.peers.sip_text import Credentials, Message, compose, sdp, token
from tools.peers.switch import Switch

CALLER, PLAIN, SECURE = "127.0.0.51", "127.0.0.52", "127.0.0.53"
Header = tuple[str, str]


class Stream:
    """A phone on one connection, TLS or TCP, that writes its messages by hand."""

    def __init__(self, user: str, address: str, port: int, authority: Authority | None) -> None:
        self.user, self.address = user, address
        plain = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(address, 0))
        self.kind, self._socket = "TCP", plain
        if authority is not None:
            context = ssl.create_default_context(cafile=str(authority.file))
            self.kind, self._socket = "TLS", context.wrap_socket(plain, server_hostname="localhost")
        self.port = plain.getsockname()[1] if authority is None else self._socket.getsockname()[1]
        self._buffer, self._cseq = b"", 0

    def close(self) -> None:
        self._socket.close()

    def contact(self, scheme: str) -> str:
        told = "" if scheme == "sips" else f";transport={self.kind.lower()}"
        return f"<{scheme}:{self.user}@{self.address}:{self.port}{told}>"

    def request(self, method: str, uri: str, headers: Sequence[Header], body: str = "") -> None:
        via = ("Via", f"SIP/2.0/{self.kind} {self.address}:{self.port};branch=z9hG4bK{token()};rport")
        self._socket.sendall(
            compose(f"{method} {uri} SIP/2.0", [via, ("Max-Forwards", "70"), *headers], body)
        )

    def respond(self, request: Message, status: int, contact: str, body: str = "") -> None:
        copied = [(name, value) for name in ("via", "from", "call-id", "cseq") for value in request.all(name)]
        to = ("To", f"{request.get('to')};tag={self.user}")
        self._socket.sendall(compose(f"SIP/2.0 {status} By hand", [*copied, to, ("Contact", contact)], body))

    def receive(self) -> Message:
        while b"\r\n\r\n" not in self._buffer:
            self._read()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        length = int(Message.parse(head + b"\r\n\r\n").get("content-length", "0"))
        while len(self._buffer) < length:
            self._read()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Message.parse(head + b"\r\n\r\n" + body)

    def final(self) -> Message:
        while (message := self.receive()).status < 200:
            pass
        return message

    def invite(self, uri: str) -> list[Header]:
        scheme = uri.partition(":")[0]
        self._cseq += 1
        parties = [
            ("From", f"<{scheme}:{self.user}@127.0.0.1>;tag={token()}"), ("To", f"<{uri}>"), ("Call-ID", token()),
            ("CSeq", f"{self._cseq} INVITE"),
        ]  # fmt: skip
        self.request("INVITE", uri, [*parties, ("Contact", self.contact(scheme))], sdp(self.address, 40000))
        return parties

    def within(self, method: str, parties: Sequence[Header], answer: Message) -> None:
        """A request of the dialog that this answer made."""
        number = answer.cseq + (method == "BYE")
        kept = [parties[0], ("To", answer.get("to")), parties[2], ("CSeq", f"{number} {method}")]
        self.request(method, answer.address("contact"), kept)

    def register(self, password: str) -> Message:
        uri, extra = "sips:127.0.0.1", list[Header]()
        call_id, aor = token(), f"<sips:{self.user}@127.0.0.1>"
        while True:
            self._cseq += 1
            headers = [("From", f"{aor};tag={token()}"), ("To", aor), ("Call-ID", call_id),
                       ("CSeq", f"{self._cseq} REGISTER"), ("Contact", self.contact("sips")),
                       ("Expires", "300")]  # fmt: skip
            self.request("REGISTER", uri, [*headers, *extra])
            response = self.final()
            if response.status != 401 or extra:
                return response
            extra = [Credentials(user=self.user, password=password).answer(response, "REGISTER", uri)]

    def _read(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise NoAnswer(f"{self.user} was disconnected")
        self._buffer += data


class Edge:
    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "certificates")
        issued = self.authority.issue("switch", addresses=["127.0.0.1"], dns=["localhost"])
        port, self.tls = free_port(tcp=True), free_port(tcp=True)
        self.plain_port = free_port(PLAIN)
        listen = [f"udp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}", f"tls://127.0.0.1:{self.tls}"]
        config: dict[str, Any] = {
            "sip": {"listen": listen, "tls_certificate": str(issued)},
            "endpoint": {
                "1001": desk(f"sip:1001@{CALLER}:5060", match=[f"{CALLER}/32"]),
                "1002": desk(f"sip:1002@{PLAIN}:{self.plain_port}"),
                "1003": phone("three"),
            },
            "flow": {
                "main": {
                    "start": "menu",
                    "node": {"menu": {"do": "menu", "prompt": "menu", "keys": {"1": "menu"}}},
                }
            },
            "route": {"700": {"to": "flow:main"}},
        }
        self.switch = Switch(folder / "switch", config, port=port)

    @contextlib.contextmanager
    def phone(self, user: str, address: str, *, secure: bool = True) -> Iterator[Stream]:
        made = Stream(
            user, address, self.tls if secure else self.switch.port, self.authority if secure else None
        )
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    made = Edge(tmp_path_factory.mktemp("edge"))
    with made.switch:
        yield made


def test_a_phone_in_clear_is_not_reached_by_sips_and_by_sip_it_is(edge: Edge) -> None:
    with (
        edge.phone("1001", CALLER) as caller,
        SipParty("1002", PLAIN, edge.switch.sip, port=edge.plain_port) as plain,
    ):
        parties = caller.invite(f"sips:1002@127.0.0.1:{edge.tls}")
        refusal = caller.final()
        caller.within("ACK", parties, refusal)
        assert (refusal.status, refusal.get("warning")) == (480, '380 softswitch "SIPS Not Allowed"')
        assert edge.switch.cdr(parties[2][1])["sip_status"] == 480
        caller.invite(f"sip:1002@127.0.0.1:{edge.tls};transport=tls")
        rung = plain.accept_call((PLAIN, 40002))
        assert rung.request is not None and rung.request.uri.startswith("sip:1002@")
        rung.reject(486)
        assert caller.final().status == 486
        assert [m.method for way, m in plain.log if way == "got" and not m.status][:1] == ["INVITE"]
        assert len([m for way, m in plain.log if way == "got" and m.method == "INVITE" and not m.status]) == 1


def test_what_the_switch_serves_itself_answers_by_sips(edge: Edge) -> None:
    with edge.phone("1001", CALLER) as caller:
        parties = caller.invite(f"sips:700@127.0.0.1:{edge.tls}")
        answer = caller.final()
        assert answer.status == 200
        assert answer.get("contact") == f"<sips:700@127.0.0.1:{edge.tls}>"
        caller.within("ACK", parties, answer)
        caller.within("BYE", parties, answer)
        assert caller.final().status == 200


def test_a_phone_that_registered_by_sips_is_called_by_it_on_its_connection(edge: Edge) -> None:
    with edge.phone("1001", CALLER) as caller, edge.phone("1003", SECURE) as called:
        registered = called.register("three")
        assert registered.status == 200 and "<sips:1003@" in registered.get("contact")
        parties = caller.invite(f"sips:1003@127.0.0.1:{edge.tls}")
        rung = called.receive()
        assert rung.method == "INVITE" and rung.uri == called.contact("sips").strip("<>")
        assert rung.get("contact").startswith("<sips:")
        called.respond(rung, 200, called.contact("sips"), sdp(SECURE, 40004))
        assert called.receive().method == "ACK"
        answer = caller.final()
        assert answer.status == 200 and answer.get("contact").startswith("<sips:1003@127.0.0.1")
        caller.within("ACK", parties, answer)
        caller.within("BYE", parties, answer)
        hung_up = called.receive()
        assert hung_up.method == "BYE" and hung_up.uri.startswith("sips:1003@")
        called.respond(hung_up, 200, called.contact("sips"))
        assert caller.final().status == 200


def test_a_sips_that_comes_in_clear_is_400(edge: Edge) -> None:
    with edge.phone("1001", CALLER, secure=False) as caller:
        caller.invite("sips:700@127.0.0.1")
        refusal = caller.final()
        assert (refusal.status, refusal.start) == (400, "SIP/2.0 400 SIPS Needs TLS")
