"""Proves with SIPp on both sides, over UDP, what `reliable_provisionals` of a trunk does (RFC 3262): who calls gets an 18x
again and again until its PRACK, whose RAck must match, and no 200 before it; who is called is acknowledged; a trunk that
has it off hears nothing of it, and one that requires it is called and served in no other way. Early media is heard in all.

Does not prove order, loss and offers in PRACK; `tests/sip/test_reliable_provisional.py` does.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tools.peers.centre import TRUNK_ADDRESS, trunk
from tools.peers.g711 import unique_frames
from tools.peers.rtp_party import RtpParty, compare
from tools.peers.scenario import Scenario
from tools.peers.sip_text import Message
from tools.peers.sipp import Sipp, SippResult
from tools.peers.switch import StartSwitch, Switch, wait_for

OUT = "127.0.0.41"
SPOKEN = unique_frames(25, 3262)
SILENCE = b"\xff" * 160
"""What a party says while it says nothing."""


def _switch(
    start_switch: StartSwitch, out: Sipp, *, inward: str = "supported", outward: str = "supported"
) -> Switch:
    return start_switch(
        {
            "trunk": {
                "carrier": trunk(reliable_provisionals=inward),
                "out": trunk(OUT, out.port, reliable_provisionals=outward),
            },
            "route": {"600": {"to": "trunk:out"}},
        }
    )


def _options(message: Message, name: str = "supported") -> list[str]:
    return [tag.strip() for value in message.all(name) for tag in value.split(",")]


def _speak_early(caller: Sipp, out: Sipp, mouth: RtpParty, ear: RtpParty) -> None:
    """Frame by frame, before anybody has answered."""
    invited = wait_for(lambda: out.result().requests("INVITE"), what="an INVITE at the trunk")[0]
    mouth.peer = invited.media()
    wait_for(lambda: 183 in caller.result().statuses(), what="183 at the caller")
    wait_for(lambda: SILENCE in ear.payloads(), what="a way for the trunk's audio")
    mouth.play(SPOKEN)
    wait_for(lambda: compare(SPOKEN, ear.payloads()).heard == len(SPOKEN), what="early media at the caller")
    heard = compare(SPOKEN, ear.payloads())
    assert heard.bit_exact, heard
    assert 200 not in [m.status for way, m in out.result().messages if way == "sent" and m.method == "INVITE"]


def _call(
    start_switch: StartSwitch, folder: Path, calling: Scenario, called: Scenario, **policy: str
) -> tuple[SippResult, SippResult]:
    """Both scenarios to their ends, with early media; what the caller and the called trunk have seen."""
    with RtpParty(OUT) as mouth, RtpParty(TRUNK_ADDRESS) as ear:
        out = Sipp(called, folder, address=OUT, media=(OUT, mouth.port))
        switch = _switch(start_switch, out, **policy)
        media = (TRUNK_ADDRESS, ear.port)
        caller = Sipp(calling, folder, remote=switch.sip, address=TRUNK_ADDRESS, media=media)
        with out, caller:
            _speak_early(caller, out, mouth, ear)
            results = caller.wait(), out.wait()
    for result in results:
        assert result.exit_code == 0, result.errors
    row = switch.cdr(results[0].requests("INVITE", "sent")[0].get("call-id"))
    assert (row["destination"], row["ended_by"]) == ("trunk:out/600", "caller")
    return results


def _early(seen: SippResult) -> list[Message]:
    return [m for way, m in seen.messages if way == "got" and m.status == 183]


def _of_invite_and_prack(seen: SippResult) -> list[tuple[str, int, str]]:
    """Messages without repetitions, in order: the method asked, the status (0: a request of this side), the way."""
    told = [(m.method, m.status, way) for way, m in seen.messages if m.method in ("INVITE", "PRACK")]
    return [told[0], *(after for before, after in pairwise(told) if after != before)]


@pytest.mark.parametrize("header", ["Supported", "Require"])
def test_a_caller_gets_183_until_its_prack_and_no_200_before(
    header: str, start_switch: StartSwitch, tmp_path: Path
) -> None:
    calling = (
        Scenario("caller", "+34600000001", "600").invite(headers=[f"{header}: 100rel"]).expect(100, optional=True)
        .expect_reliable(183).pause(3.4).prack("1 1 INVITE").expect(481).prack("[$rseq] 2 INVITE").expect(481)
        .prack().expect(200).expect(200, routes=True).ack().pause(0.3).bye()
    )  # fmt: skip
    called = Scenario("out", "600").called()
    called.ring(183, "Session Progress", audio=True).pause(2.5).accept_later().expect_bye()
    caller, out = _call(start_switch, tmp_path / "sipp", calling, called, outward="off")
    early = _early(caller)
    assert len(early) >= 3, "sent again after 0.5 and 1 s"
    assert len({(m.get("rseq"), m.get("require")) for m in early}) == 1
    assert early[0].get("require") == "100rel" and 0 < int(early[0].get("rseq")) < 2**31
    assert _of_invite_and_prack(caller) == [
        ("INVITE", 0, "sent"), ("INVITE", 100, "got"), ("INVITE", 183, "got"),
        ("PRACK", 0, "sent"), ("PRACK", 481, "got"), ("PRACK", 0, "sent"), ("PRACK", 481, "got"),
        ("PRACK", 0, "sent"), ("PRACK", 200, "got"), ("INVITE", 200, "got"),
    ]  # fmt: skip
    answer = next(m for _, m in caller.messages if m.status == 200 and m.method == "INVITE")
    assert answer.get("content-length") == "0", "what was answered for certain is not answered again"
    assert "100rel" not in _options(out.requests("INVITE")[0])
    assert not out.requests("PRACK")


@pytest.mark.parametrize("policy", ["supported", "required"])
def test_a_trunk_that_rings_reliably_is_acknowledged(
    policy: str, start_switch: StartSwitch, tmp_path: Path
) -> None:
    calling = Scenario("caller", "+34600000001", "600").invite().connected().pause(0.3).bye()
    called = Scenario("out", "600").called().ring_reliably(180, "Ringing", 4711, audio=False)
    called.ring_reliably(183, "Session Progress", 4712, audio=True).pause(2.5)
    called.accept_later(audio=policy == "supported").expect_bye()
    caller, out = _call(start_switch, tmp_path / "sipp", calling, called, outward=policy)
    [invited] = out.requests("INVITE")
    assert "100rel" in _options(invited)
    assert _options(invited, "require") == (["100rel"] if policy == "required" else [])
    assert [m.get("rack") for m in out.requests("PRACK")] == ["4711 1 INVITE", "4712 1 INVITE"]
    assert [m.cseq for m in out.requests("PRACK")] == [2, 3] and out.requests("ACK")[0].cseq == 1
    assert not any(m.get("rseq") for m in _early(caller)), "this caller knows none"


def test_off_a_caller_gets_none_and_is_refused_where_it_requires_them(
    start_switch: StartSwitch, tmp_path: Path
) -> None:
    calling = Scenario("caller", "+34600000001", "600").invite(headers=["Supported: 100rel"])
    calling.connected().pause(0.3).bye()
    called = Scenario("out", "600").called().ring(183, "Session Progress", audio=True).pause(2.5)
    called.accept_later().expect_bye()
    caller, out = _call(start_switch, tmp_path / "sipp", calling, called, inward="off", outward="off")
    [early] = _early(caller)
    assert early.get("rseq") == early.get("require") == ""
    told = [m for way, m in caller.messages if way == "got" and m.get("supported")]
    assert told and not any("100rel" in _options(m) for m in told)
    assert "100rel" not in _options(out.requests("INVITE")[0])
    refused = _refused(start_switch, tmp_path / "refused", "off", 420, ["Require: 100rel"])
    assert refused.get("unsupported") == "100rel"


def test_required_a_caller_without_it_is_refused_and_one_with_it_is_rung_reliably(
    start_switch: StartSwitch, tmp_path: Path
) -> None:
    refused = _refused(start_switch, tmp_path / "refused", "required", 421, ["Supported: timer"])
    assert refused.get("require") == "100rel"
    calling = (
        Scenario("caller", "+34600000001", "600").invite(headers=["Supported: 100rel"]).expect(100, optional=True)
        .expect_reliable(180).prack().expect(200).expect_reliable(183).prack().expect(200)
        .expect(200, routes=True).ack().pause(0.3).bye()
    )  # fmt: skip
    called = Scenario("out", "600").called().ring().ring(183, "Session Progress", audio=True).pause(2.5)
    called.accept_later().expect_bye()
    caller, _ = _call(start_switch, tmp_path / "sipp", calling, called, inward="required", outward="off")
    numbers = [int(m.get("rseq")) for way, m in caller.messages if way == "got" and 180 <= m.status < 200]
    assert numbers == sorted(numbers) and set(numbers) == {numbers[0], numbers[0] + 1}


def _refused(
    start_switch: StartSwitch, folder: Path, inward: str, status: int, headers: Sequence[str]
) -> Message:
    out = Sipp(Scenario("out", "600").called(), folder, address=OUT)
    switch = start_switch(
        {
            "trunk": {"carrier": trunk(reliable_provisionals=inward), "out": trunk(OUT, out.port)},
            "route": {"600": {"to": "trunk:out"}},
        },
        name=f"s{status}",
    )
    calling = Scenario("caller", "+34600000001", "600").invite(headers=headers).refused(status)
    result = Sipp(calling, folder, remote=switch.sip, address=TRUNK_ADDRESS).run()
    assert result.exit_code == 0, result.errors
    assert not out.result().requests("INVITE")
    return next(m for way, m in result.messages if way == "got" and m.status == status)
