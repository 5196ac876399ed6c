"""Proves that the scripted SIP and RTP peers do what tests of the switch rely on, against each other and against SIPp.

Does not prove them against other implementations than SIPp; baresip and pyVoIP have a file of their own.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.peers.g711 import unique_frames
from tools.peers.mutate import Mutator
from tools.peers.pcap import write_pcap
from tools.peers.rtp_party import RtpParty, compare
from tools.peers.scenario import Scenario
from tools.peers.sip_party import NoAnswer, SipParty
from tools.peers.sip_text import Credentials, Message, compose
from tools.peers.sipp import Sipp
from tools.peers.toml_text import to_toml

pytestmark = pytest.mark.interop

Pair = tuple[SipParty, SipParty]


@pytest.fixture
def pair() -> Iterator[Pair]:
    called = SipParty("200", "127.0.0.12", ("127.0.0.11", 0))
    with called, SipParty("100", "127.0.0.11", ("127.0.0.12", called.port)) as caller:
        called.server = ("127.0.0.11", caller.port)
        yield caller, called


def test_a_call_is_made_held_and_ended(pair: Pair) -> None:
    caller, called = pair
    call = caller.call("200", ("127.0.0.11", 4000))
    visit = called.accept_call(("127.0.0.12", 4002))
    visit.ring()
    assert call.wait(180).status == 180
    threading.Thread(target=visit.accept, daemon=True).start()
    assert call.wait(200).media() == ("127.0.0.12", 4002)
    assert call.reinvite("sendonly").direction() == "recvonly"
    assert call.info_digit("5").status == 200
    assert "Signal=5" in visit.wait_request("INFO").body
    assert call.bye().status == 200
    assert visit.ended.wait(2)


def test_cancel_and_refusal(pair: Pair) -> None:
    caller, called = pair
    call = caller.call("200", ("127.0.0.11", 4000))
    visit = called.accept_call(("127.0.0.12", 4002)).ring()
    call.wait(180)
    assert call.cancel().status == 200
    assert call.wait(487).status == 487
    assert visit.cancelled.is_set()
    second = caller.call("200", ("127.0.0.11", 4000))
    called.accept_call(("127.0.0.12", 4002)).reject(486)
    assert second.wait().status == 486
    with pytest.raises(NoAnswer):
        called.accept_call(("127.0.0.12", 4002), timeout=0.1)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_is_what_the_rfcs_print(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7616 section 3.9.1 prints both answers for one nonce."""
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("tools.peers.sip_text.token", lambda: cnonce)
    challenge = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    answer = Credentials(user="Mufasa", password="Circle of Life", algorithm=algorithm).compute(
        challenge, "GET", "/dir/index.html"
    )
    expected = {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    assert f'response="{expected[algorithm]}"' in answer


def test_rtp_is_judged_bit_by_bit() -> None:
    sent = unique_frames(40, seed=3)
    with RtpParty("127.0.0.11") as ear, RtpParty("127.0.0.12", peer=("127.0.0.11", ear.port)) as mouth:
        mouth.play(sent).press("1#")
        assert mouth.wait_played(5)
        ear.wait_packets(2)
        assert compare(sent, ear.payloads()).bit_exact
        assert ear.digits == ["1", "#"]
    changed = [*sent[:10], bytes(160), *sent[12:20], sent[19], sent[22], sent[21], *sent[23:]]
    verdict = compare(sent, changed)
    assert (verdict.lost, verdict.foreign, verdict.doubled, verdict.reordered) == (3, 1, 1, 1)
    assert not verdict.bit_exact
    assert not compare(sent, []).bit_exact


def test_sipp_calls_an_agent_of_sipp(tmp_path: Path) -> None:
    agent = Sipp(
        Scenario("agent", "a1").called().ring().pause(0.1).accept().expect_bye(),
        tmp_path,
        address="127.0.0.21",
    )
    with agent:
        caller = Scenario("caller", "700", number="a1").invite().connected().pause(0.1).bye()
        result = Sipp(caller, tmp_path, remote=(agent.address, agent.port), address="127.0.0.10").run()
        assert (result.exit_code, result.successful, result.failed) == (0, 1, 0)
        assert result.statuses() == [180, 200]
        served = agent.wait(5)
    assert [message.method for message in served.requests("INVITE")] == ["INVITE"]
    assert served.requests("BYE")


def test_sipp_reports_what_went_wrong(tmp_path: Path) -> None:
    with Sipp(Scenario("agent", "a1").called().reject(486), tmp_path, address="127.0.0.21") as agent:
        caller = Scenario("caller", "700", number="a1").invite().connected().bye()
        result = Sipp(
            caller, tmp_path, remote=(agent.address, agent.port), address="127.0.0.10", timeout_s=5
        ).run()
    assert result.exit_code == 1
    assert result.failed == 1
    assert "486" in result.errors


def test_sipp_cancels_holds_and_registers(tmp_path: Path) -> None:
    scenes = [
        (
            Scenario("agent", "a1").called().ring().cancelled(),
            Scenario("caller", "7", number="a1").invite().cancel(),
        ),
        (
            Scenario("agent", "a2").called().accept().accept_offer("recvonly").reinvite("sendonly").bye(),
            Scenario("caller", "7", number="a2")
            .invite()
            .connected()
            .reinvite("sendonly")
            .accept_offer()
            .expect_bye(),
        ),
        (Scenario("registrar", "r").registrar(password="x"), Scenario("phone", "7").register("7", "x")),
    ]
    for called, calling in scenes:
        with Sipp(called, tmp_path, address="127.0.0.21", timeout_s=8) as agent:
            remote = (agent.address, agent.port)
            result = Sipp(calling, tmp_path, remote=remote, address="127.0.0.10", timeout_s=8).run()
            assert result.exit_code == 0, result.errors
            assert agent.wait(5).exit_code == 0


def test_sipp_with_a_party_for_its_media(tmp_path: Path) -> None:
    sent = unique_frames(25, seed=5)
    scenario = Scenario("caller", "700", number="a1").invite().connected().pause(0.9).bye()
    with (
        RtpParty("127.0.0.12") as agent_ear,
        RtpParty("127.0.0.10") as caller_ear,
        SipParty("a1", "127.0.0.12", ("127.0.0.10", 0)) as agent,
        Sipp(scenario, tmp_path, remote=("127.0.0.12", agent.port), address="127.0.0.10",
             media=(caller_ear.address, caller_ear.port)) as sipp,
    ):  # fmt: skip
        visit = agent.accept_call((agent_ear.address, agent_ear.port)).ring().accept()
        assert visit.request is not None
        assert visit.request.media() == (caller_ear.address, caller_ear.port)
        agent_ear.peer = visit.request.media()
        agent_ear.play(sent).wait_played(3)
        assert sipp.wait(5).exit_code == 0
        assert compare(sent, caller_ear.payloads()).bit_exact


def test_mutations_are_many_repeatable_and_bounded() -> None:
    valid = [compose("OPTIONS sip:a@b SIP/2.0", [("Via", "SIP/2.0/UDP c"), ("CSeq", "1 OPTIONS")], "v=0\r\n")]
    first, second = Mutator(7, valid).sip(), Mutator(7, valid).sip()
    made = [next(first) for _ in range(2000)]
    assert made == [next(second) for _ in range(2000)]
    assert len(set(made)) > 1000
    assert max(map(len, made)) <= 60_000
    packets = Mutator(7, [bytes(172)]).rtp()
    assert len({next(packets) for _ in range(1000)}) > 500


def test_toml_is_read_back_as_it_was() -> None:
    import tomllib

    config = {
        "general": {"node": "sw1"},
        "queue": {"a b": {"members": [{"agent": "x", "penalty": 1}], "weight": 0.5, "skills": {"es": 3}}},
        "route": {"+34911": {"to": "queue:a", "ani": []}},
        "endpoint": {"1001": {}},
    }
    assert tomllib.loads(to_toml(config)) == config


def test_messages_are_read_with_compact_names_and_display_names() -> None:
    message = Message.parse(
        b'INVITE sip:1@h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z1\r\nf: "A <b>" <sip:9@h>;tag=q\r\n\r\n'
    )
    assert (message.branch, message.user("from"), message.tag("from")) == ("z1", "9", "q")


@pytest.mark.skipif(
    os.geteuid() != 0, reason="SIPp sends captures through a raw socket, for which it needs root"
)
def test_sipp_plays_a_capture_of_speech_and_keys(tmp_path: Path) -> None:
    sent = unique_frames(20, seed=6)
    capture = write_pcap(tmp_path / "keys.pcap", frames=sent, keys="4#")
    scenario = (
        Scenario("caller", "700", number="a1").invite().connected().play_pcap(str(capture)).pause(1.2).bye()
    )
    with (
        RtpParty("127.0.0.12") as ear,
        SipParty("a1", "127.0.0.12", ("127.0.0.10", 0)) as agent,
        Sipp(scenario, tmp_path, remote=("127.0.0.12", agent.port), address="127.0.0.10") as sipp,
    ):
        agent.accept_call((ear.address, ear.port)).accept()
        assert sipp.wait(5).exit_code == 0
        assert compare(sent, ear.payloads()).bit_exact
        assert ear.digits == ["4", "#"]


def test_sipp_streams_raw_speech(tmp_path: Path) -> None:
    """Without root: what tests use when SIPp itself shall speak."""
    sent = unique_frames(25, seed=7)
    raw = tmp_path / "speech.ul"
    raw.write_bytes(b"".join(sent))
    scenario = (
        Scenario("caller", "700", number="a1").invite().connected().play_ulaw(str(raw)).pause(1.2).bye()
    )
    with (
        RtpParty("127.0.0.12") as ear,
        SipParty("a1", "127.0.0.12", ("127.0.0.10", 0)) as agent,
        Sipp(scenario, tmp_path, remote=("127.0.0.12", agent.port), address="127.0.0.10") as sipp,
    ):
        agent.accept_call((ear.address, ear.port)).accept()
        assert sipp.wait(5).exit_code == 0
        assert compare(sent, ear.payloads()).bit_exact
