"""Proves with parties written from the RFCs, over real sockets: a fax call changes to T.38 and back, each datagram of UDPTL
arriving as it was sent; video beside audio, RTP and RTCP alike, and again after a transfer that nobody took; what passed
stands in `calls show` and in the CDR; a trunk with a realm of its own; and that nobody rings for ever when the control
process is killed.

Does not prove that a fax machine or a picture tube likes it: the datagrams are random.
"""

import random
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tools.peers.centre import TRUNK_ADDRESS, phone, trunk
from tools.peers.ports import free_port
from tools.peers.sip_party import Call
from tools.peers.sip_text import Message, sdp
from tools.peers.softphone import Softphone
from tools.peers.switch import StartSwitch, Switch, wait_for

ANA, BEN, EVA = "127.0.0.31", "127.0.0.32", "127.0.0.33"
T38 = (
    "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\n"
    "a=T38FaxMaxBuffer:262\r\na=T38FaxMaxDatagram:176\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
)
COUNT, BURST = 150, 10


def _config(**more: Any) -> dict[str, Any]:
    return {
        "endpoint": {"1001": phone("one"), "1002": phone("two"), "1003": phone("three")},
        "route": {"1002": {"to": "extension:1002"}},
        **more,
    }


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("switch"), _config()) as running:
        yield running


class Line:
    """One stream of a phone besides audio: two sockets, and where the switch takes it."""

    def __init__(self, stack: ExitStack, address: str) -> None:
        self.address, self.port = address, free_port(address, count=2)
        self.sockets = []
        for port in (self.port, self.port + 1):
            made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            made.bind((address, port))
            made.settimeout(20.0)
            self.sockets.append(made)
        self.far: tuple[str, int] = ("", 0)

    def aim(self, body: str, kind: str) -> None:
        """At what the switch's description says."""
        match = re.search(rf"m={kind} (\d+) ", body)
        host = re.search(r"c=IN IP4 (\S+)", body)
        assert match is not None and host is not None and match[1] != "0", body
        self.far = host[1], int(match[1])

    def send(self, data: bytes, *, control: bool = False) -> None:
        self.sockets[control].sendto(data, (self.far[0], self.far[1] + control))

    def receive(self, *, control: bool = False) -> bytes:
        return self.sockets[control].recv(65536)


def _fax(line: Line, version: int) -> str:
    """Without any audio line: the fax stands in its place."""
    head = sdp(line.address, 9, version=version).partition("m=audio")[0]
    return f"{head}m=image {line.port} udptl t38\r\n{T38}"


def _with_video(media: tuple[str, int], line: Line, version: int = 1) -> str:
    video = f"m=video {line.port} RTP/AVP 96\r\nb=AS:768\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
    return sdp(*media, version=version) + video


def _phone(switch: Switch, user: str, password: str, address: str) -> Softphone:
    return Softphone(user, address, switch.sip, password=password).register()


def _exchange(one: Line, other: Line, seed: int, *, rtp: bool) -> None:
    """Both send; every datagram arrives as it was sent, in order. A few at a time: on a machine that is busy the kernel
    would drop what a worker does not fetch."""
    made = random.Random(seed)
    for way, back in ((one, other), (other, one)):
        for first in range(0, COUNT, BURST):
            sent = []
            for number in range(first, first + BURST):
                body = made.randbytes(made.randrange(20, 1300))
                sent.append(b"\x80\xe0" + number.to_bytes(2) + body if rtp else number.to_bytes(2) + body)
                way.send(sent[-1])
            assert [back.receive() for _ in sent] == sent


def _codecs(switch: Switch) -> list[tuple[str, int, int]]:
    legs = switch.cli("calls", "show", switch.cli("calls")[0]["call"])["legs"]
    return [(leg["codec"], leg["packets_in"], leg["packets_out"]) for leg in legs]


def test_a_fax_call_changes_to_t38_and_back(switch: Switch) -> None:
    with (
        ExitStack() as stack,
        _phone(switch, "1001", "one", ANA) as ana,
        _phone(switch, "1002", "two", BEN) as ben,
    ):
        sender, machine = Line(stack, ANA), Line(stack, BEN)
        offered: list[Message] = []

        def takes_fax(call: Call, request: Message) -> tuple[int, str]:
            offered.append(request)
            return 200, _fax(sender, 2) if "m=image" in request.body else sdp(*ana.media, version=3)

        ana.sip.on_reinvite = takes_fax
        ben.accept_always()
        ana.dial("1002")
        assert ana.rtp.wait_packets(5) and ben.rtp.wait_packets(5)
        answer = ben.call.send("INVITE", _fax(machine, 2)).wait(200)
        ben.call.acknowledge(answer)
        assert "a=T38FaxUdpEC:t38UDPRedundancy" in answer.body and "m=audio" not in answer.body
        assert "a=T38FaxMaxDatagram:176" in offered[0].body and "m=audio" not in offered[0].body
        machine.aim(answer.body, "image")
        sender.aim(offered[0].body, "image")
        _exchange(sender, machine, 1, rtp=False)
        shown = [each for each in _codecs(switch) if each[0] == "T.38"]
        assert shown == [("T.38", COUNT, COUNT)] * 2
        assert ben.call.reinvite().status == 200
        assert ben.rtp.wait_packets(len(ben.rtp.received) + 10), "they hear each other again"
        ana.hangup()
        assert ben.call.ended.wait(5)
    row = switch.cdr(ana.call.call_id)
    assert row["hold_s"] == 0
    passed = switch.wait_rows("SELECT * FROM legs WHERE call = ? AND codec = 'T.38'", row["call"], count=2)
    assert all((leg["packets_in"], leg["packets_out"]) == (COUNT, COUNT) for leg in passed)


def test_video_with_its_rtcp_beside_audio(switch: Switch) -> None:
    with (
        ExitStack() as stack,
        _phone(switch, "1001", "one", ANA) as ana,
        _phone(switch, "1002", "two", BEN) as ben,
    ):
        here, there = Line(stack, ANA), Line(stack, BEN)
        offer = _with_video(ana.media, here)
        call = ana.sip.call("1002", ana.media, body=offer)
        ana.sip.authenticate(call, call.wait(401, 407), body=offer)
        incoming = ben.sip.accept_call(ben.media)
        assert incoming.request is not None
        there.aim(incoming.request.body, "video")
        assert "b=AS:768" in incoming.request.body and "packetization-mode=1" in incoming.request.body
        incoming.ring().accept(body=_with_video(ben.media, there))
        here.aim(call.wait(200).body, "video")
        _exchange(here, there, 2, rtp=True)
        report = bytes([0x81, 206, 0, 2]) + random.Random(3).randbytes(8)
        here.send(report, control=True)
        assert there.receive(control=True) == report
        assert ("video H264", COUNT, COUNT) in _codecs(switch)
        call.bye()
        assert incoming.ended.wait(5)


def test_video_passes_again_when_a_transfer_is_taken_back(switch: Switch) -> None:
    with (
        ExitStack() as stack,
        _phone(switch, "1001", "one", ANA) as ana,
        _phone(switch, "1002", "two", BEN) as ben,
        _phone(switch, "1003", "three", EVA) as eva,
    ):
        here, there = Line(stack, ANA), Line(stack, BEN)
        offer = _with_video(ana.media, here)
        call = ana.sip.call("1002", ana.media, body=offer)
        ana.sip.authenticate(call, call.wait(401, 407), body=offer)
        incoming = ben.sip.accept_call(ben.media)
        assert incoming.request is not None
        there.aim(incoming.request.body, "video")
        incoming.ring().accept(body=_with_video(ben.media, there))
        here.aim(call.wait(200).body, "video")
        _exchange(here, there, 4, rtp=True)
        refer_to = f"<sip:1003@{switch.address}:{switch.port}>"
        assert incoming.send("REFER", extra=[("Refer-To", refer_to)]).wait(202).status == 202
        third = eva.ring()
        assert third.request is not None and "m=video" not in third.request.body
        third.reject(486)
        told = [incoming.wait_request("NOTIFY").body]
        while "486" not in told[-1]:
            told.append(incoming.wait_request("NOTIFY").body)
        _exchange(here, there, 5, rtp=True)
        assert [m.method for m in list(call.requests.queue)] == [], "ana has been asked for nothing"
        call.bye()
        assert incoming.ended.wait(5)


def test_who_refuses_fax_goes_on_with_audio(switch: Switch) -> None:
    with (
        ExitStack() as stack,
        _phone(switch, "1001", "one", ANA) as ana,
        _phone(switch, "1002", "two", BEN) as ben,
    ):
        machine = Line(stack, BEN)
        ana.sip.on_reinvite = lambda call, request: (488, "")
        ben.accept_always()
        ana.dial("1002")
        assert ben.call.send("INVITE", _fax(machine, 2)).wait(488).status == 488
        assert ben.rtp.wait_packets(len(ben.rtp.received) + 10)
        ana.hangup()
        assert ben.call.ended.wait(5)


def test_a_trunk_with_a_realm_of_its_own(start_switch: StartSwitch) -> None:
    carrier = trunk(challenge=True, realm="carrier.example", auth={"user": "line", "secret": "three"})
    switch = start_switch(_config(trunk={"carrier": carrier}))
    with (
        Softphone("line", TRUNK_ADDRESS, switch.sip, password="three") as caller,
        _phone(switch, "1002", "two", BEN) as ben,
    ):
        ben.accept_always()
        call = caller.sip.call("1002", caller.media)
        challenge = call.wait(401, 407)
        assert 'realm="carrier.example"' in challenge.get("www-authenticate")
        caller.sip.authenticate(call, challenge)
        assert call.wait(200).status == 200
        call.bye()
        assert ben.call.ended.wait(5)
    assert switch.cdr(call.call_id)["source"] == "trunk:carrier"


def test_nobody_rings_for_ever_when_the_control_process_is_killed(start_switch: StartSwitch) -> None:
    switch = start_switch(_config())
    with (
        _phone(switch, "1001", "one", ANA) as ana,
        _phone(switch, "1002", "two", BEN) as ben,
    ):
        call = ana.sip.call("1002", ana.media)
        ana.sip.authenticate(call, call.wait(401, 407))
        rung = ben.ring()
        call.wait(180)
        wait_for(lambda: switch.rows("SELECT * FROM snapshots"), what="the call to be written down")
        switch.kill9()
        switch.start()
        assert call.wait(503, timeout=10).status == 503
        assert rung.cancelled.wait(10)
        wait_for(lambda: rung.wait_request("ACK", timeout=5), what="the ACK of its 487")
    row = switch.cdr(call.call_id)
    assert (row["ended_by"], row["cause"]) == ("crash", "crash")
