"""Proves with SIPp, which is not ours, what SIPp can say of dialogs: reliable provisionals in both directions with PRACK,
UPDATE before the answer, session timers in both roles by UPDATE and by re-INVITE, and 422.

Against a bare `SipEndpoint`, with intervals of seconds (`sip.min_se_s`). Does not prove media or queues.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from softswitch.clock import SystemClock, entropy
from softswitch.config.schema import Config
from softswitch.config.sip import Sip
from softswitch.config.trunks import Trunk
from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.endpoint import SipEndpoint
from softswitch.sip.events import Answered, HungUp, Progress, Reoffered, SessionEvent, SessionExpired
from softswitch.sip.identity import Identity
from softswitch.sip.session import Session
from softswitch.sip.uri import Uri
from softswitch.testing.stacks import description
from tools.peers.ports import free_port

pytestmark = pytest.mark.interop

SDP = (
    "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=audio 40100 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
)
_OUR_VIA = "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]"
_CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port]>"


def send(head: str, *headers: str, body: str = "", resend: bool = False) -> str:
    lines = [
        head,
        *headers,
        *(["Content-Type: application/sdp"] if body else []),
        "Content-Length: [len]",
        "",
        body,
    ]
    text = "\n".join(lines)
    opening = '<send retrans="500">' if resend else "<send>"
    return f"{opening}<![CDATA[\n\n{text}\n]]></send>"


def request(method: str, number: int, *headers: str, body: str = "") -> str:
    """Of the calling side, inside the dialog."""
    first = method == "INVITE" and number == 1
    target = "sip:600@[remote_ip]:[remote_port]" if first else "[next_url]"
    to = "To: <sip:600@[remote_ip]>" + ("" if first else "[peer_tag_param]")
    common = (_OUR_VIA, "From: <sip:sipp@[local_ip]>;tag=[call_number]", to, "Call-ID: [call_id]")
    more = (f"CSeq: {number} {method}", _CONTACT, "Max-Forwards: 70", *headers)
    return send(f"{method} {target} SIP/2.0", *common, *more, body=body, resend=method != "ACK")


def reply(status: str, *headers: str, body: str = "", tag: bool = False) -> str:
    copied = ("[last_Via:]", "[last_From:]", "[last_To:]" + (";tag=[call_number]" if tag else ""))
    return send(
        f"SIP/2.0 {status}", *copied, "[last_Call-ID:]", "[last_CSeq:]", _CONTACT, *headers, body=body
    )


def invited(status: str, *headers: str, body: str = "") -> str:
    """A response to the INVITE that was kept by `<recv>`, though another request came since."""
    kept = ("[$via]", "[$from]", "[$to];tag=[call_number]", "[last_Call-ID:]", "CSeq: [$cseq]", _CONTACT)
    return send(f"SIP/2.0 {status}", *kept, *headers, body=body, resend=status.startswith("200"))


KEEP = (
    '<recv request="INVITE" rrs="true"><action>'
    + "".join(
        f'<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{name.lower()}"/>'
        for name in ("Via", "From", "To", "CSeq")
    )
    .replace('assign_to="via"', 'assign_to="via0"')
    .replace('assign_to="from"', 'assign_to="from0"')
    .replace('assign_to="to"', 'assign_to="to0"')
    + (
        '<assignstr assign_to="via" value="Via:[$via0]"/><assignstr assign_to="from" value="From:[$from0]"/>'
        '<assignstr assign_to="to" value="To:[$to0]"/></action></recv>'
    )
)
RSEQ = '<action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" assign_to="rseq"/></action>'


def got(what: str, *, inner: str = "", optional: bool = False) -> str:
    kind = "response" if what.isdigit() else "request"
    more = ' optional="true"' if optional else ""
    return f'<recv {kind}="{what}" rrs="true" timeout="9000"{more}>{inner}</recv>'


class Switch:
    """An endpoint that does with a call what a test says."""

    def __init__(self, **sip: int) -> None:
        self.port = free_port("127.0.0.1")
        self.events: list[SessionEvent] = []
        self.serve: Callable[[Session], None] = lambda session: session.answer(description(40000))
        self.sip = SipEndpoint(
            Config(
                sip=Sip(listen=(f"udp://127.0.0.1:{self.port}",), **sip),
                trunk={"sipp": Trunk(host="sip:127.0.0.1", options_interval_s=0.0)},
            ),
            secrets={},
            clock=SystemClock(),
            entropy=entropy,
            on_invite=self._invited,
            on_registration=lambda change: None,
            on_trunk=lambda name, state, reason: None,
        )

    def told(self, session: Session | None, event: SessionEvent) -> None:
        self.events.append(event)
        if isinstance(event, HungUp):
            event.accept()
        elif isinstance(event, Reoffered) and session is not None:
            session.accept_reoffer(description(40000))

    def _invited(self, session: Session, identity: Identity) -> None:
        session.on_event = lambda event: self.told(session, event)
        self.serve(session)

    def call(self, port: int) -> Session:
        made: list[Session] = []

        def told(event: SessionEvent) -> None:
            self.told(made[0] if made else None, event)

        session = self.sip.invite(
            leg=LegId("leg"),
            destination=Uri.parse(f"sip:service@127.0.0.1:{port}"),
            from_=Address.parse("<sip:switch@127.0.0.1>"),
            to=Address.parse(f"<sip:service@127.0.0.1:{port}>"),
            sdp=description(40000),
            on_event=told,
        )
        made.append(session)
        return session

    async def until(self, kind: type[SessionEvent]) -> None:
        async with asyncio.timeout(10.0):
            while not any(isinstance(event, kind) for event in self.events):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


class Sipp:
    def __init__(self, folder: Path, *steps: str) -> None:
        self.port = free_port("127.0.0.1")
        self._folder = folder
        xml = '<?xml version="1.0"?><scenario name="dialog">' + "".join(steps) + "</scenario>"
        (folder / "dialog.xml").write_text(xml)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *target: str) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(
                "sipp",
                *target,
                "-sf",
                "dialog.xml",
                "-i",
                "127.0.0.1",
                "-p",
                str(self.port),
                "-m",
                "1",
                "-nostdin",
            ),
            *("-timeout", "15", "-timeout_error", "-trace_err", "-error_file", "errors", "-trace_msg"),
            *("-message_file", "messages"),
            cwd=self._folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if not target:
            await asyncio.sleep(0.5)

    async def passed(self) -> bool:
        assert self._process is not None
        try:
            code = await asyncio.wait_for(self._process.wait(), 25.0)
        finally:
            if self._process.returncode is None:
                self._process.kill()
        errors = self._folder / "errors"
        assert code == 0, errors.read_text(errors="replace") if errors.exists() else code
        return True

    def seen(self, text: str) -> int:
        return (self._folder / "messages").read_text(errors="replace").count(text)


@asynccontextmanager
async def running(switch: Switch) -> AsyncIterator[str]:
    await switch.sip.start()
    try:
        yield f"127.0.0.1:{switch.port}"
        assert switch.sip.stats().faults == 0
        assert switch.sip.sessions() == ()
    finally:
        await switch.sip.stop()


async def test_a_caller_who_requires_100rel(tmp_path: Path) -> None:
    """Two reliable provisionals, an UPDATE before the answer, and the 2xx without a description."""
    switch = Switch()

    def serve(session: Session) -> None:
        session.ring(180)
        session.ring(183, description(40000))
        asyncio.get_running_loop().call_later(0.5, session.answer, description(40000))

    switch.serve = serve
    sipp = Sipp(
        tmp_path,
        request("INVITE", 1, "Require: 100rel", body=SDP),
        got("100", optional=True),
        got("180", inner=RSEQ),
        request("PRACK", 2, "RAck: [$rseq] 1 INVITE"),
        got("200"),
        got("183", inner=RSEQ),
        request("PRACK", 3, "RAck: [$rseq] 1 INVITE"),
        got("200"),
        request("UPDATE", 4, body=SDP.replace("1 1 IN", "1 2 IN")),
        got("200"),
        got("200"),
        request("ACK", 1),
        request("BYE", 5),
        got("200"),
    )
    async with running(switch) as target:
        await sipp.start(target)
        assert await sipp.passed()
    assert [type(event).__name__ for event in switch.events] == ["Reoffered", "Acked", "HungUp"]


async def test_a_callee_who_requires_100rel(tmp_path: Path) -> None:
    switch = Switch()
    sipp = Sipp(
        tmp_path,
        KEEP,
        invited("180 Ringing", "Require: 100rel", "RSeq: 9"),
        got("PRACK"),
        reply("200 OK"),
        invited("183 Session Progress", "Require: 100rel", "RSeq: 10", body=SDP),
        got("PRACK"),
        reply("200 OK"),
        invited("200 OK"),
        got("ACK"),
        got("BYE"),
        reply("200 OK"),
    )
    async with running(switch):
        await sipp.start()
        session = switch.call(sipp.port)
        await switch.until(Answered)
        session.hangup()
        assert await sipp.passed()
    assert [event.status for event in switch.events if isinstance(event, Progress)] == [180, 183]
    [answered] = [event for event in switch.events if isinstance(event, Answered)]
    assert answered.sdp is not None and answered.sdp.media[0].port == 40100
    assert sipp.seen("RAck: 9 1 INVITE") == sipp.seen("RAck: 10 1 INVITE") == 1


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
async def test_we_refresh_a_callers_session(method: str, tmp_path: Path) -> None:
    allow = "Allow: INVITE, ACK, BYE, UPDATE" if method == "UPDATE" else "Allow: INVITE, ACK, BYE"
    expires = "Session-Expires: 4;refresher=uac"
    refreshed = (
        got(method),
        reply("200 OK", expires, "Require: timer", body=SDP if method == "INVITE" else ""),
    )
    refreshed = (*refreshed, *([got("ACK")] if method == "INVITE" else []))
    sipp = Sipp(
        tmp_path,
        request("INVITE", 1, "Supported: timer", "Session-Expires: 4;refresher=uas", allow, body=SDP),
        got("100", optional=True),
        got("200"),
        request("ACK", 1),
        *refreshed,
        *(refreshed if method == "UPDATE" else ()),
        request("BYE", 2),
        got("200"),
    )
    switch = Switch(min_se_s=2)
    async with running(switch) as target:
        await sipp.start(target)
        assert await sipp.passed()
    assert [type(event).__name__ for event in switch.events] == ["Acked", "HungUp"], (
        "refreshes are told to nobody"
    )
    assert sipp.seen("o=- 1 1 IN") > 0


async def test_a_callee_refreshes_and_then_no_more(tmp_path: Path) -> None:
    """One UPDATE of his keeps the session; when no second comes, BYE with a reason."""
    expires = ("Session-Expires: 3;refresher=uas", "Require: timer")
    sipp = Sipp(
        tmp_path,
        KEEP,
        invited("200 OK", *expires, body=SDP),
        got("ACK"),
        '<pause milliseconds="1500"/>',
        send(
            "UPDATE [next_url] SIP/2.0",
            _OUR_VIA,
            "From: [$to0];tag=[call_number]",
            "To:[$from0]",
            "[last_Call-ID:]",
            "CSeq: 1 UPDATE",
            _CONTACT,
            "Max-Forwards: 70",
            "Supported: timer",
            "Session-Expires: 3;refresher=uac",
        ),
        got("200"),
        got("BYE"),
        reply("200 OK"),
    )
    switch = Switch(min_se_s=2, session_expires_s=3)
    async with running(switch):
        await sipp.start()
        switch.call(sipp.port)
        assert await sipp.passed()
    assert isinstance(switch.events[-1], SessionExpired)
    assert sipp.seen('text="session expired"') == 1


async def test_an_interval_that_is_too_small(tmp_path: Path) -> None:
    sipp = Sipp(
        tmp_path,
        request("INVITE", 1, "Supported: timer", "Session-Expires: 60", body=SDP),
        got("100", optional=True),
        got("422"),
        send(
            "ACK sip:600@[remote_ip]:[remote_port] SIP/2.0",
            *(
                "[last_Via:]",
                "[last_From:]",
                "[last_To:]",
                "Call-ID: [call_id]",
                "CSeq: 1 ACK",
                "Max-Forwards: 70",
            ),
        ),
    )
    switch = Switch()
    async with running(switch) as target:
        await sipp.start(target)
        assert await sipp.passed()
    assert sipp.seen("Min-SE: 90") == 1
