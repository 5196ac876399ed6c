"""Proves by ear, on a real switch and worker, who hears whom: parties send a tone each, and what each of them receives is
asked for every tone. Listen, whisper (in nobody's ear and no track but the agent's), barge, three-way, a conference of ten
with mute, another across two workers; and a transfer under one recording with its tracks, markers and a masked span.

Does not prove speech quality, nor delays; those are the unit tests' of the mixer and the benchmarks'.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, agent, desk, queue, trunk
from tools.peers.g711 import decode, read_wav
from tools.peers.ports import free_port
from tools.peers.sip_party import Call, SipParty
from tools.peers.sip_text import Message
from tools.peers.softphone import Softphone
from tools.peers.speech import tone
from tools.peers.switch import Switch

Samples = npt.NDArray[np.int16]

AMPLITUDE = 2500.0
HEARD, NOT_HEARD = 0.5, 0.05
"""Of the amplitude that was sent."""
LISTEN_S, SETTLE_S = 0.5, 0.35
TONES = {"caller": 440.0, "ana": 660.0, "eva": 910.0, "boss": 1230.0}
TALK_S = 30.0


def loudness(samples: Samples, frequency: float) -> float:
    """Amplitude of one tone, as part of what was sent."""
    at = np.arange(len(samples)) / 8000
    wave = samples.astype(np.float64) * np.hanning(len(samples)) * 2
    return float(2 * abs(np.mean(wave * np.exp(-2j * np.pi * frequency * at))) / AMPLITUDE)


def tones_in(samples: Samples, tones: dict[str, float]) -> set[str]:
    """Whose tones are in it; what is neither there nor away fails."""
    found = {name: loudness(samples, frequency) for name, frequency in tones.items()}
    doubtful = {name: round(level, 2) for name, level in found.items() if NOT_HEARD < level < HEARD}
    assert not doubtful, f"neither heard nor not: {doubtful}, all: {found}"
    return {name for name, level in found.items() if level >= HEARD}


def all_hear(parties: dict[str, Softphone], tones: dict[str, float]) -> dict[str, set[str]]:
    """What each party hears now, in the same half second."""
    time.sleep(SETTLE_S)
    since = time.monotonic()
    time.sleep(LISTEN_S)
    heard = {}
    for name, party in parties.items():
        payloads = party.rtp.payloads(since=since)
        if len(payloads) < 15:
            heard[name] = set()
            continue
        heard[name] = tones_in(np.concatenate([decode(each, 0) for each in payloads]), tones)
    return heard


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {name: free_port(AGENT_ADDRESS) for name in ("1001", "1003", "1009")}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[Switch]:
    contacts = {name: f"sip:{name}@{AGENT_ADDRESS}:{port}" for name, port in ports.items()}
    config: dict[str, Any] = {
        "trunk": {"carrier": trunk()},
        "endpoint": {
            "1001": desk(contacts["1001"]),
            "1003": desk(contacts["1003"]),
            "1009": desk(contacts["1009"], supervises=["*"]),
        },
        "agent": {"ana": agent("1001")},
        "queue": {"sales": queue(("ana",), record="always", music="")},
        "conference": {"team": {"announce": False, "music": ""}},
        "recording": {"tracks": "party", "encoding": "PCM16"},
        "rtp": {"codecs": ["PCMU"]},
        "route": {"600": {"to": "queue:sales"}, "800": {"to": "conference:team"}},
    }
    with Switch(tmp_path_factory.mktemp("switch"), config) as switch:
        yield switch


@pytest.fixture
def switch(running: Switch) -> Iterator[Switch]:
    yield running
    left = running.cli("calls")
    for call in left:
        running.cli("calls", "hangup", call["call"])
    assert not left, "a call was left"


def phones(stack: ExitStack, switch: Switch, ports: dict[str, int], *names: str) -> dict[str, Softphone]:
    users = {"ana": "1001", "eva": "1003", "boss": "1009"}
    made = {
        name: stack.enter_context(
            Softphone(users[name], AGENT_ADDRESS, switch.sip, port=ports[users[name]], laws=(0,))
        )
        for name in names
    }
    made["caller"] = stack.enter_context(Softphone("34600", TRUNK_ADDRESS, switch.sip, laws=(0,)))
    return made


def speak(parties: dict[str, Softphone], *names: str) -> None:
    for name in names:
        parties[name].rtp.play(tone(TONES[name], seconds=TALK_S, amplitude=AMPLITUDE))


def in_talk(parties: dict[str, Softphone]) -> None:
    """The caller talks to ana."""
    answering = parties["ana"].accept_always()
    parties["caller"].dial("600")
    answering.join(10)
    speak(parties, "caller", "ana")


def press(party: Softphone, keys: str) -> None:
    for key in keys:
        assert party.call.info_digit(key).status == 200


def test_supervisor_and_what_is_recorded_of_him(switch: Switch, ports: dict[str, int]) -> None:
    with ExitStack() as stack:
        parties = phones(stack, switch, ports, "ana", "boss")
        in_talk(parties)
        assert all_hear(parties, TONES) == {"caller": {"ana"}, "ana": {"caller"}, "boss": set()}
        answering = parties["boss"].accept_always()
        supervision = switch.cli("supervise", "start", "1009", "ana", "--json")["supervision"]
        answering.join(10)
        speak(parties, "boss")
        both = {"caller", "ana"}
        assert all_hear(parties, TONES) == {"caller": {"ana"}, "ana": {"caller"}, "boss": both}
        switch.cli("supervise", "mode", supervision, "whisper")
        assert all_hear(parties, TONES) == {"caller": {"ana"}, "ana": {"caller", "boss"}, "boss": both}
        switch.cli("supervise", "mode", supervision, "barge")
        assert all_hear(parties, TONES) == {
            "caller": {"ana", "boss"},
            "ana": {"caller", "boss"},
            "boss": both,
        }
        press(parties["boss"], "5")
        assert all_hear(parties, TONES)["caller"] == {"ana"}
        call = switch.cli("calls")[0]["call"]
        assert switch.cli("calls", "show", call)["supervisors"][0]["mode"] == "whisper"
        parties["boss"].hangup()
        assert all_hear(parties, TONES) == {"caller": {"ana"}, "ana": {"caller"}, "boss": set()}
        parties["caller"].hangup()
        row = switch.cdr(parties["caller"].call.call_id)
    [audit] = switch.cli("calls", "audit", "--call", row["call"])
    assert [each["mode"] for each in audit["modes"]] == ["listen", "whisper", "barge", "whisper"]
    assert (audit["supervisor"], audit["agent"]) == ("endpoint:1009", "ana")
    tracks = recorded(switch, row["recording"])
    assert [ever_in(track) for track in tracks[:3]] == [{"caller"}, {"ana"}, {"boss"}]
    barged = audit["modes"][3]["at"] - audit["modes"][2]["at"]
    assert seconds_of(tracks[2], "boss") == pytest.approx(barged, abs=0.3), "whispering is on no track"


def recorded(switch: Switch, recording: str) -> list[Samples]:
    """Tracks of a finished recording."""
    query = "SELECT path FROM recordings WHERE recording = ? AND state = 'ended'"
    [row] = switch.wait_rows(query, recording)
    samples = read_wav(switch.state / "recordings" / row["path"])
    return [samples[:, track] for track in range(samples.shape[1])]


STEP = 1600


def levels(track: Samples, name: str) -> list[float]:
    """Loudness of one tone in each fifth of a second."""
    return [loudness(track[at : at + STEP], TONES[name]) for at in range(0, len(track) - STEP, STEP)]


def ever_in(track: Samples) -> set[str]:
    return {name for name in TONES if max(levels(track, name), default=0.0) > HEARD}


def seconds_of(track: Samples, name: str) -> float:
    return sum(level > HEARD for level in levels(track, name)) * STEP / 8000


def test_three_talk_then_a_transfer_under_one_recording_with_a_masked_span(
    switch: Switch, ports: dict[str, int]
) -> None:
    with ExitStack() as stack:
        parties = phones(stack, switch, ports, "ana", "eva")
        in_talk(parties)
        time.sleep(1.0)
        press(parties["ana"], "*2")
        time.sleep(1.2)
        press(parties["ana"], "*2")
        time.sleep(0.8)
        press(parties["ana"], "*41003#")
        parties["eva"].accept()
        speak(parties, "eva")
        heard = all_hear(parties, TONES)
        assert (heard["ana"], heard["eva"], heard["caller"] & set(TONES)) == ({"eva"}, {"ana"}, set())
        press(parties["ana"], "*6")
        three = {"caller", "ana", "eva"}
        assert all_hear(parties, TONES) == {name: three - {name} for name in three}
        parties["ana"].hangup()
        assert all_hear(parties, TONES) == {"caller": {"eva"}, "eva": {"caller"}, "ana": set()}
        parties["caller"].hangup()
        row = switch.cdr(parties["caller"].call.call_id)
    assert len(switch.rows("SELECT * FROM recordings WHERE call = ?", row["call"])) == 1
    tracks = recorded(switch, row["recording"])
    assert [ever_in(track) for track in tracks[:3]] == [{"caller"}, {"ana"}, {"eva"}]
    segments = switch.rows("SELECT * FROM segments WHERE call = ? ORDER BY began", row["call"])
    assert [(each["party"], each["ended_by"]) for each in segments] == [
        ("endpoint:1001", "transfer"),
        ("endpoint:1003", "caller"),
    ]
    [path] = [each for each in switch.recordings() if row["recording"] in each.name]
    assert_markers_and_mask(path, tracks)


def assert_markers_and_mask(path: Path, tracks: Sequence[Samples]) -> None:
    """The side file says when; all tracks are silent between."""
    side = json.loads(path.with_suffix(".json").read_text())
    kinds = [marker["kind"] for marker in side["markers"]]
    for kind in ("masked", "unmasked", "consult", "three-way", "transfer"):
        assert kind in kinds, kinds
    at = {marker["kind"]: marker["at_s"] for marker in side["markers"]}
    begin, end = (int(8000 * at[kind]) for kind in ("masked", "unmasked"))
    assert 0.9 < (end - begin) / 8000 < 1.6
    for track in tracks:
        assert not track[begin + 400 : end - 400].any(), "something is heard of the card data"
    before = tracks[0][begin - 4000 : begin - 800]
    assert loudness(before, TONES["caller"]) > HEARD


def test_ten_in_a_conference_and_one_muted(switch: Switch) -> None:
    tones = {f"m{number}": 350.0 + 170.0 * number for number in range(10)}
    with ExitStack() as stack:
        parties = {
            name: stack.enter_context(Softphone(f"3460{name}", TRUNK_ADDRESS, switch.sip, laws=(0,)))
            for name in tones
        }
        for name, party in parties.items():
            party.dial("800", caller=name)
            party.rtp.play(tone(tones[name], seconds=TALK_S, amplitude=AMPLITUDE))
        everybody = set(tones)
        assert all_hear(parties, tones) == {name: everybody - {name} for name in tones}
        members = {each["ani"]: each["call"] for each in switch.cli("conference", "show", "team")["members"]}
        switch.cli("conference", "mute", "team", members["m3"])
        assert all_hear(parties, tones) == {name: everybody - {name, "m3"} for name in tones}
        for party in parties.values():
            party.hangup()


def test_members_whose_calls_came_in_at_two_workers_hear_each_other(tmp_path: Path) -> None:
    tones = {f"m{number}": 350.0 + 230.0 * number for number in range(4)}
    config: dict[str, Any] = {
        "trunk": {"carrier": trunk()},
        "conference": {"team": {"announce": False, "music": ""}},
        "rtp": {"codecs": ["PCMU"], "workers": 2},
        "route": {"800": {"to": "conference:team"}},
    }
    with Switch(tmp_path / "two", config) as switch, ExitStack() as stack:
        parties: dict[str, Softphone] = {}
        moved = []
        for name in tones:
            party = stack.enter_context(Softphone(f"3460{name}", TRUNK_ADDRESS, switch.sip, laws=(0,)))
            parties[name] = party

            def follow(call: Call, request: Message, party: Softphone = party) -> tuple[int, str]:
                party.rtp.peer = request.media()
                moved.append(party)
                return SipParty._accept_reinvite(call, request)

            party.sip.on_reinvite = follow
            party.dial("800", caller=name)
            party.rtp.play(tone(tones[name], seconds=TALK_S, amplitude=AMPLITUDE))
        everybody = set(tones)
        assert all_hear(parties, tones) == {name: everybody - {name} for name in tones}
        assert moved, "all had come in at one worker"
        for party in parties.values():
            party.hangup()
        switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL", count=len(parties))
