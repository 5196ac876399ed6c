"""Proves the whole story with phones that are not ours: trunk → menu → queue → agent, heard on both sides, recorded.

baresip and pyVoIP are the agents, SIPp is the trunk with a Python RTP end beside it. What each side spoke is found on the
other side and in its own channel of the recording, which sox and `wave` read. G.711 is bit-exact through the relay.

Does not prove quality under load; that is the benchmark's.
"""

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, agent, phone, queue, trunk
from tools.peers.g711 import PCMA, PCMU, Samples, read_wav, unique_frames
from tools.peers.pyvoip import PyVoipPhone
from tools.peers.rtp_party import RtpParty, compare
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.softphone import Softphone, soxi
from tools.peers.speech import HEARD, correlation, sentence
from tools.peers.switch import StartSwitch, Switch

CALLER_SAYS, AGENT_SAYS, NOBODY_SAYS = 11, 12, 13


def _config(**recording: Any) -> dict[str, Any]:
    return {
        "recording": recording,
        "trunk": {"carrier": trunk()},
        "endpoint": {"1001": phone("one"), "1002": phone("two")},
        "agent": {"ana": agent("1001"), "ben": agent("1002")},
        "queue": {"support": queue(["ana"]), "sales": queue(["ben"])},
        "flow": {
            "main": {
                "start": "menu",
                "node": {
                    "menu": {"do": "menu", "prompt": "menu", "keys": {"1": "support", "2": "sales"}},
                    "support": {"do": "enqueue", "queue": "support"},
                    "sales": {"do": "enqueue", "queue": "sales"},
                },
            }
        },
        "route": {"600": {"to": "flow:main"}},
    }


def _call_and_talk(switch: Switch, folder: Path, key: str, seconds: float) -> tuple[RtpParty, Sipp]:
    """SIPp calls in; a party beside it presses the key at the greeting and speaks once it is connected."""
    party = RtpParty(TRUNK_ADDRESS)
    scenario = Scenario("trunk", "34600111222", number="600").invite().connected().pause(seconds).bye()
    sipp = Sipp(
        scenario, folder, remote=switch.sip, address=TRUNK_ADDRESS, media=(party.address, party.port)
    ).start()
    assert party.wait_packets(25), "no greeting was heard"
    party.press(key)
    return party, sipp


def _assert_recorded(switch: Switch, caller: Samples, called: Samples, *, by_wave: bool) -> None:
    row = switch.wait_rows("SELECT * FROM recordings WHERE state = 'ended'")[0]
    path = switch.state / "recordings" / row["path"]
    by_sox = soxi(path)
    assert (by_sox.channels, by_sox.rate) == (2, 8000)
    assert by_sox.seconds == pytest.approx(row["seconds"], abs=0.1)
    if by_wave:
        with wave.open(str(path), "rb") as file:
            assert (file.getnchannels(), file.getframerate()) == (2, 8000)
            assert file.getnframes() / 8000 == pytest.approx(row["seconds"], abs=0.1)
    samples = read_wav(path)
    left, right = np.ascontiguousarray(samples[:, 0]), np.ascontiguousarray(samples[:, 1])
    assert correlation(caller, left).score > HEARD
    assert correlation(called, right).score > HEARD
    assert correlation(called, left).score < HEARD
    assert correlation(caller, right).score < HEARD


def _assert_accounted(switch: Switch, who: str, name: str) -> None:
    row = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL")[0]
    assert (row["agent"], row["queue"], row["ani"], row["dnis"]) == (who, name, "34600111222", "600")
    assert (row["ended_by"], row["cause"]) == ("caller", "normal")
    assert row["talk_s"] > 3
    offers = switch.wait_rows("SELECT * FROM offers")
    assert [(offer["agent"], offer["result"]) for offer in offers] == [(who, "answered")]
    events = [line[4] for line in switch.queue_log() if line[2] == name]
    assert [event for event in events if event in ("ENTERQUEUE", "CONNECT", "COMPLETECALLER")] == [
        "ENTERQUEUE", "CONNECT", "COMPLETECALLER",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["PCM16", "auto"])
def test_baresip_serves_a_caller_of_the_trunk(
    start_switch: StartSwitch, tmp_path: Path, encoding: str
) -> None:
    switch = start_switch(_config(encoding=encoding))
    caller, called = sentence(CALLER_SAYS), sentence(AGENT_SAYS)
    agent_phone = Baresip(
        "1001", tmp_path / "phone", switch.sip, password="one", address="127.0.0.22", speech=called
    )
    with agent_phone:
        party, sipp = _call_and_talk(switch, tmp_path / "sipp", "1", 8)
        with party, sipp:
            agent_phone.wait_event("CALL_ESTABLISHED")
            party.play(caller)
            result = sipp.wait()
        agent_phone.wait_event("CALL_CLOSED")
    assert result.exit_code == 0, result.errors
    assert correlation(called, party.heard()).score > HEARD
    assert correlation(caller, agent_phone.heard()).score > HEARD
    assert correlation(sentence(NOBODY_SAYS), agent_phone.heard()).score < HEARD
    _assert_recorded(switch, caller, called, by_wave=encoding == "PCM16")
    _assert_accounted(switch, "ana", "support")


def test_pyvoip_serves_a_caller_of_the_trunk(start_switch: StartSwitch, tmp_path: Path) -> None:
    switch = start_switch(_config(encoding="PCM16"))
    caller, called = sentence(CALLER_SAYS), sentence(AGENT_SAYS)
    agent_phone = PyVoipPhone(
        "1002", "two", tmp_path / "phone", switch.sip, address="127.0.0.23", speech=called
    )
    with agent_phone:
        party, sipp = _call_and_talk(switch, tmp_path / "sipp", "2", 9)
        with party, sipp:
            agent_phone.wait("answered")
            party.play(caller)
            result = sipp.wait()
        agent_phone.wait("done")
    assert result.exit_code == 0, result.errors
    assert correlation(called, party.heard()).score > HEARD
    assert correlation(caller, agent_phone.heard()).score > HEARD
    _assert_recorded(switch, caller, called, by_wave=True)
    _assert_accounted(switch, "ben", "sales")


@pytest.mark.parametrize(("caller_law", "agent_law"), [(PCMU, PCMU), (PCMA, PCMA)])
def test_the_relay_changes_no_bit(start_switch: StartSwitch, caller_law: int, agent_law: int) -> None:
    switch = start_switch({**_config(), "route": {"601": {"to": "extension:1001"}}})
    caller_sent, agent_sent = unique_frames(200, seed=1), unique_frames(200, seed=2)
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip, laws=(caller_law,)) as caller,
        Softphone("1001", "127.0.0.22", switch.sip, password="one", laws=(agent_law,)) as called,
    ):
        called.register().accept_always()
        caller.dial("601")
        assert caller.rtp.wait_packets(3) and called.rtp.wait_packets(3)
        caller.rtp.play(caller_sent)
        called.rtp.play(agent_sent)
        assert caller.rtp.wait_played() and called.rtp.wait_played()
        caller.rtp.wait_packets(3)
        caller.hangup()
        assert called.call.ended.wait(3)
        assert compare(caller_sent, called.rtp.payloads()).bit_exact
        assert compare(agent_sent, caller.rtp.payloads()).bit_exact


def test_the_relay_translates_between_the_laws(start_switch: StartSwitch) -> None:
    switch = start_switch({**_config(), "route": {"601": {"to": "extension:1001"}}})
    spoken = sentence(CALLER_SAYS)
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip, laws=(PCMU,)) as caller,
        Softphone("1001", "127.0.0.22", switch.sip, password="one", laws=(PCMA,)) as called,
    ):
        called.register().accept_always()
        caller.dial("601")
        caller.rtp.play(spoken).wait_played()
        caller.rtp.wait_packets(3)
        caller.hangup()
        assert {packet.payload_type for packet in called.rtp.received} == {PCMA}
        assert correlation(spoken, called.rtp.heard()).score > 0.95
