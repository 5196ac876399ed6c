"""SIPp scenarios put together from small steps in Python, so that a test says what its caller or agent does in one line.

A scenario is text with SIPp's own keywords in brackets. In-dialog requests go by the Contact and Route of the 2xx.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self
from xml.sax.saxutils import escape

_VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport"
_CONTACT = "Contact: <sip:{user}@[local_ip]:[local_port];transport=[transport]>"
_COPIED = "[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]"
_CODECS = {0: "PCMU/8000", 8: "PCMA/8000", 18: "G729/8000"}

_KEPT = {"From": "remote_party", "To": "local_party", "Via": "invite_via", "CSeq": "invite_cseq"}
"""Header fields of the INVITE that a called side keeps, and the variables that hold them."""


def _sdp(direction: str, version: int, laws: Sequence[int], events: bool) -> str:
    types = [*map(str, laws), *(["101"] if events else [])]
    lines = ["v=0", f"o=- 53655765 {version} IN IP4 [local_ip]", "s=-", "c=IN IP4 [media_ip]", "t=0 0",
             f"m=audio [media_port] RTP/AVP {' '.join(types)}",
             *(f"a=rtpmap:{law} {_CODECS[law]}" for law in laws),
             *(["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"] if events else []),
             f"a={direction}"]  # fmt: skip
    return "\n".join(lines)


@dataclass
class Scenario:
    """Steps are methods that return the scenario; `xml()` is what SIPp reads."""

    name: str
    user: str
    """User part of this side's Contact, and of From when it calls."""
    number: str = ""
    """What it calls."""
    laws: Sequence[int] = (0, 8)
    events: bool = True
    steps: list[str] = field(default_factory=list)
    _cseq: int = 1
    _invited: int = 1
    """Of the last INVITE; requests like PRACK may have come since."""
    _calling: bool = True

    # -- steps of both sides ------------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> Self:
        return self._add(f'<pause milliseconds="{round(seconds * 1000)}"/>')

    def play_ulaw(self, path: str, *, loop: int = 1) -> Self:
        """Speak a file of raw µ-law while the steps go on; needs no root. Not together with a media port of a party."""
        return self._add(f'<nop><action><exec rtp_stream="{path},{loop},0,PCMU/8000"/></action></nop>')

    def play_pcap(self, path: str) -> Self:
        """Send the RTP of a capture (`tools.peers.pcap`); SIPp needs root for it."""
        return self._add(f'<nop><action><exec play_pcap_audio="{path}"/></action></nop>')

    def bye(self) -> Self:
        return self._request("BYE").expect(200)

    def expect_request(self, method: str, *, optional: bool = False) -> Self:
        routes = ' rrs="true"' if method == "INVITE" else ""
        return self._add(f'<recv request="{method}"{routes}{self._optional(optional)} crlf="true"/>')

    def expect_bye(self) -> Self:
        """The other side hangs up."""
        return self.expect_request("BYE").answer(200)

    def answer(self, status: int, reason: str = "OK", *headers: str) -> Self:
        """Answer the request that has just come, without a body."""
        head = [f"SIP/2.0 {status} {reason}", _COPIED.format(tag=""), *headers, "Content-Length: 0"]
        return self._add(self._send("\n".join(head), ""))

    def reinvite(self, direction: str = "sendrecv") -> Self:
        """Hold (`sendonly`, `inactive`) or resume."""
        body = _sdp(direction, self._cseq + 1, self.laws, self.events)
        return self._request("INVITE", body).expect(100, optional=True).expect(200, routes=True).ack()

    def info_digit(self, digit: str, duration_ms: int = 160) -> Self:
        body = f"Signal={digit}\nDuration={duration_ms}"
        return self._request("INFO", body, "application/dtmf-relay").expect(200)

    def refer(self, refer_to: str, *, final: int = 202) -> Self:
        """Put the far side through to what stands in angle brackets in Refer-To."""
        self._cseq += 1
        head = self._head("REFER", self._cseq) + f"\nRefer-To: {refer_to}"
        return self._add(self._send(head, "", retrans=500)).expect(final)

    def notified(self, status: int) -> Self:
        """A NOTIFY about that, whose body says this status, and our 200."""
        check = f'<ereg regexp="SIP/2.0 {status} " search_in="body" check_it="true" assign_to="told"/>'
        self._add(f'<recv request="NOTIFY"><action>{check}</action></recv>')
        if '<Reference variables="told"/>' not in self.steps:
            self._add('<Reference variables="told"/>')
        return self.answer(200)

    # -- calling side -------------------------------------------------------------------------------------------------

    def invite(self, *, headers: Sequence[str] = ()) -> Self:
        head = [f"INVITE sip:{self.number}@[remote_ip]:[remote_port] SIP/2.0", _VIA,
                f"From: <sip:{self.user}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]",
                f"To: <sip:{self.number}@[remote_ip]:[remote_port]>", "Call-ID: [call_id]", f"CSeq: {self._cseq} INVITE",
                _CONTACT.format(user=self.user), "Max-Forwards: 70", *headers]  # fmt: skip
        self._invited = self._cseq
        return self._add(
            self._send("\n".join(head), _sdp("sendrecv", 1, self.laws, self.events), retrans=500)
        )

    def challenged(self, user: str, password: str) -> Self:
        """After `invite`: take the 401, acknowledge it and call again with credentials."""
        self._add('<recv response="100" optional="true"/>')
        self._add('<recv response="401" auth="true"/>').ack_failure()
        self._cseq += 1
        return self.invite(headers=[f"[authentication username={user} password={password}]"])

    def expect(
        self, status: int, *, optional: bool = False, routes: bool = False, timeout_s: float = 0.0
    ) -> Self:
        more = (' rrs="true"' if routes else "") + (
            f' timeout="{round(timeout_s * 1000)}"' if timeout_s else ""
        )
        return self._add(f'<recv response="{status}"{self._optional(optional)}{more}/>')

    def connected(self, *, timeout_s: float = 0.0) -> Self:
        """Provisional responses, the 200 and its ACK."""
        for status in (100, 180, 183):
            self.expect(status, optional=True)
        return self.expect(200, routes=True, timeout_s=timeout_s).ack()

    def ack(self) -> Self:
        return self._add(self._send(self._head("ACK", self._invited) + "\nContent-Length: 0", ""))

    def ack_failure(self) -> Self:
        head = [f"ACK sip:{self.number}@[remote_ip]:[remote_port] SIP/2.0", "[last_Via:]", "[last_From:]", "[last_To:]",
                "Call-ID: [call_id]", f"CSeq: {self._invited} ACK", "Max-Forwards: 70", "Content-Length: 0"]  # fmt: skip
        return self._add(self._send("\n".join(head), ""))

    def refused(self, status: int) -> Self:
        """Provisional responses, one failure and its ACK."""
        for provisional in (100, 180, 183):
            self.expect(provisional, optional=True)
        return self.expect(status).ack_failure()

    def cancel(self, *, after: int = 180) -> Self:
        """Wait for a provisional response, CANCEL, take the 200 of it and the 487."""
        self.expect(100, optional=after != 100)
        if after != 100:
            self.expect(after)
        head = [f"CANCEL sip:{self.number}@[remote_ip]:[remote_port] SIP/2.0", "[last_Via:]", "[last_From:]",
                f"To: <sip:{self.number}@[remote_ip]:[remote_port]>", "Call-ID: [call_id]",
                f"CSeq: {self._invited} CANCEL", "Max-Forwards: 70", "Content-Length: 0"]  # fmt: skip
        self._add(self._send("\n".join(head), ""))
        return self.expect(200).expect(487).ack_failure()

    def expect_reliable(self, status: int) -> Self:
        """A provisional that wants a PRACK; its RSeq is kept."""
        keep = '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/>'
        self._add(f'<recv response="{status}" rrs="true"><action>{keep}</action></recv>')
        return (
            self
            if '<Reference variables="rseq"/>' in self.steps
            else self._add('<Reference variables="rseq"/>')
        )

    def prack(self, rack: str = "") -> Self:
        """Of the reliable provisional that came last; `rack` says something else."""
        self._cseq += 1
        head = self._head("PRACK", self._cseq) + f"\nRAck: {rack or f'[$rseq] {self._invited} INVITE'}"
        return self._add(self._send(head, "", retrans=500))

    # -- called side --------------------------------------------------------------------------------------------------

    def called(self) -> Self:
        """An INVITE comes; its parties are kept for requests that this side sends later."""
        self._calling = False
        keep = "".join(
            f'<ereg regexp="[^ ].*" search_in="hdr" header="{header}:" assign_to="{variable}"/>'
            for header, variable in _KEPT.items()
        )
        self._add(f'<recv request="INVITE" rrs="true"><action>{keep}</action></recv>')
        return self._add('<Reference variables="' + ",".join(_KEPT.values()) + '"/>')

    def accept_offer(self, direction: str = "sendrecv") -> Self:
        """A re-INVITE comes; it is answered and acknowledged."""
        head = "\n".join(["SIP/2.0 200 OK", _COPIED.format(tag=""), _CONTACT.format(user=self.user)])
        self.expect_request("INVITE")
        self._add(self._send(head, _sdp(direction, 2, self.laws[:1], self.events), retrans=500))
        return self.expect_request("ACK")

    def ring(self, status: int = 180, reason: str = "Ringing", *, audio: bool = False) -> Self:
        """`audio`: with a description, for early media."""
        body = _sdp("sendrecv", 1, self.laws[:1], self.events) if audio else ""
        return self._respond(f"SIP/2.0 {status} {reason}", body)

    def ring_reliably(self, status: int, reason: str, rseq: int, *, audio: bool) -> Self:
        """A provisional until its PRACK, whose RAck must be right, and our 200; with a description or without."""
        body = _sdp("sendrecv", 1, self.laws[:1], self.events) if audio else ""
        head = self._head_of_invite(f"SIP/2.0 {status} {reason}", "Require: 100rel", f"RSeq: {rseq}")
        self._add(self._send(head, body, retrans=500))
        check = f'<ereg regexp="^ *{rseq} 1 INVITE$" search_in="hdr" header="RAck:" check_it="true" assign_to="rack"/>'
        self._add(f'<recv request="PRACK" crlf="true"><action>{check}</action></recv>')
        if '<Reference variables="rack"/>' not in self.steps:
            self._add('<Reference variables="rack"/>')
        return self.answer(200)

    def accept_later(self, *, audio: bool = True) -> Self:
        """200 to the INVITE though other requests have come since, and the ACK."""
        body = _sdp("sendrecv", 1, self.laws[:1], self.events) if audio else ""
        self._add(self._send(self._head_of_invite("SIP/2.0 200 OK"), body, retrans=500))
        return self.expect_request("ACK")

    def accept(self) -> Self:
        """200 with SDP, and the ACK."""
        self._respond("SIP/2.0 200 OK", _sdp("sendrecv", 1, self.laws[:1], self.events), retrans=500)
        return self.expect_request("ACK")

    def accept_twice(self, tag: str) -> Self:
        """200, and then that of another device with this tag, which is acknowledged and hung up."""
        head = self._head_of_invite("SIP/2.0 200 OK", tag=tag)
        self.accept()
        self._add(self._send(head, _sdp("sendrecv", 1, self.laws[:1], self.events)))
        return self.expect_request("ACK").expect_bye()

    def reject(self, status: int, reason: str = "Declined") -> Self:
        return self._respond(f"SIP/2.0 {status} {reason}", "", retrans=500).expect_request("ACK")

    def redirect(self, contact: str) -> Self:
        """302: whoever calls is to try there."""
        moved = f"SIP/2.0 302 Moved Temporarily\nContact: <{contact}>"
        return self._respond(moved, "", retrans=500, contact=False).expect_request("ACK")

    def cancelled(self) -> Self:
        """The caller gives up: 200 to the CANCEL, 487 to the INVITE."""
        self.expect_request("CANCEL").answer(200)
        head = [f"SIP/2.0 487 Request Terminated\n{_COPIED.format(tag=';tag=[pid]SIPpTag[call_number]')}"]
        text = "\n".join(head).replace("[last_CSeq:]", "CSeq: [cseq] INVITE")
        return self._add(self._send(text + "\nContent-Length: 0", "", retrans=500)).expect_request("ACK")

    # -- registering --------------------------------------------------------------------------------------------------

    def register(self, user: str, password: str, *, expires: int = 300, final: int = 200) -> Self:
        """REGISTER, its 401, again with credentials, and the final answer. SIPp 3.6.1 reads the first challenge only and
        ends itself when that is not MD5, so a server that names SHA-256 first cannot be tested with it."""
        self._register(user, expires, "").expect(100, optional=True)
        self._add('<recv response="401" auth="true"/>')
        self._cseq += 1
        self._register(user, expires, f"\n[authentication username={user} password={password}]")
        return self.expect(100, optional=True).expect(final)

    def _register(self, user: str, expires: int, credentials: str) -> Self:
        head = ["REGISTER sip:[remote_ip]:[remote_port] SIP/2.0", _VIA,
                f"From: <sip:{user}@[remote_ip]:[remote_port]>;tag=[pid]SIPpTag[call_number]",
                f"To: <sip:{user}@[remote_ip]:[remote_port]>", "Call-ID: reg///[call_id]", f"CSeq: {self._cseq} REGISTER",
                _CONTACT.format(user=user), f"Expires: {expires}", "Max-Forwards: 70"]  # fmt: skip
        return self._add(self._send("\n".join(head) + credentials + "\nContent-Length: 0", "", retrans=500))

    def registrar(self, *, expires: int = 300, realm: str = "carrier", password: str = "") -> Self:
        """The server's side of a registration: challenge once (with a password), then 200."""
        self._calling = False
        self.expect_request("REGISTER")
        if password:
            challenge = (
                f'WWW-Authenticate: Digest realm="{realm}", nonce="[call_id]", algorithm=MD5, qop="auth"'
            )
            self._respond(f"SIP/2.0 401 Unauthorized\n{challenge}", "").expect_request("REGISTER")
        return self._respond(f"SIP/2.0 200 OK\n[last_Contact:]\nExpires: {expires}", "", contact=False)

    # -- text ---------------------------------------------------------------------------------------------------------

    def xml(self) -> str:
        body = "\n".join(self.steps)
        return f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="{escape(self.name)}">\n{body}\n</scenario>\n'

    def _head(self, method: str, cseq: int) -> str:
        if self._calling:
            parties = (f"From: <sip:{self.user}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]\n"
                       f"To: <sip:{self.number}@[remote_ip]:[remote_port]>[peer_tag_param]")  # fmt: skip
        else:
            parties = "From: [$local_party];tag=[pid]SIPpTag[call_number]\nTo: [$remote_party]"
        return (f"{method} [next_url] SIP/2.0\n{_VIA}\n[routes]\n{parties}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n"
                f"{_CONTACT.format(user=self.user)}\nMax-Forwards: 70")  # fmt: skip

    def _head_of_invite(self, start: str, *headers: str, tag: str = "[pid]SIPpTag[call_number]") -> str:
        """Of a response to the INVITE that `called` has kept."""
        head = [start, "Via: [$invite_via]", "From: [$remote_party]", f"To: [$local_party];tag={tag}",
                "Call-ID: [call_id]", "CSeq: [$invite_cseq]", _CONTACT.format(user=self.user), *headers]  # fmt: skip
        return "\n".join(head)

    def _request(self, method: str, body: str = "", content_type: str = "application/sdp") -> Self:
        self._cseq += 1
        self._invited = self._cseq if method == "INVITE" else self._invited
        return self._add(self._send(self._head(method, self._cseq), body, content_type, retrans=500))

    def _respond(self, start: str, body: str, *, retrans: int = 0, contact: bool = True) -> Self:
        status, _, more = start.partition("\n")
        lines = [status, _COPIED.format(tag=";tag=[pid]SIPpTag[call_number]"), more]
        lines += [_CONTACT.format(user=self.user)] if contact else []
        text = "\n".join(filter(None, lines))
        return self._add(self._send(text if body else text + "\nContent-Length: 0", body, retrans=retrans))

    @staticmethod
    def _send(head: str, body: str, content_type: str = "application/sdp", *, retrans: int = 0) -> str:
        again = f' retrans="{retrans}"' if retrans else ""
        text = (
            f"{head}\nContent-Type: {content_type}\nContent-Length: [len]\n\n{body}\n"
            if body
            else f"{head}\n\n"
        )
        if not body and "Content-Length" not in head:
            text = f"{head}\nContent-Length: 0\n\n"
        return f"<send{again}><![CDATA[\n\n{text}\n]]></send>"

    @staticmethod
    def _optional(optional: bool) -> str:
        return ' optional="true"' if optional else ""

    def _add(self, step: str) -> Self:
        self.steps.append(step)
        return self
