"""Proves that a call's row is read as it was written, also one of before, with and without fields that have defaults, and
that anything else is refused.

Does not prove that the call goes on: tests/story/test_restart_story.py and its neighbours do.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from softswitch.call.farewell import is_answered, read_open
from softswitch.call.snapshot import CallSnapshot
from softswitch.call.stages import Park, Talk
from softswitch.sip.sdp import Line, Lines
from softswitch.sip.source import Source

LEG: dict[str, Any] = {
    "leg": "L1",
    "party": "trunk:carrier",
    "direction": "in",
    "codecs": ["PCMA", "PCMU"],
    "latch": False,
    "began": 1.0,
    "answered": 2.0,
    "held": False,
    "address": "192.0.2.1",
    "plays": 0,
    "queue_call": False,
    "negotiated": {
        "address": "198.51.100.10",
        "port": 4000,
        "codec": "PCMU",
        "payload_type": 0,
        "ptime_ms": 20,
        "event_payload_type": 101,
        "send": True,
        "receive": True,
        "held": False,
        "key_in": {"suite": "AEAD_AES_128_GCM", "key": ""},
        "key_out": {"suite": "AEAD_AES_128_GCM", "key": ""},
    },
    "described": "v=0\r\n",
    "session": {
        "dialog": {
            "call_id": "c",
            "local": "<sip:600@a>;tag=l",
            "remote": "<sip:7@b>;tag=r",
            "local_tag": "l",
            "remote_tag": "r",
            "local_sequence": 0,
            "remote_sequence": 1,
            "remote_target": "sip:7@b",
            "route_set": ["<sip:p;lr>"],
        },
        "direction": "in",
        "remote": "<sip:7@b>;tag=r",
        "contact": "<sip:600@a>",
        "via_host": "b",
        "flow": {"transport": "udp", "address": "198.51.100.10", "port": 5060},
        "sticky": False,
        "invite": [["max-forwards", "70"]],
        "answered": {
            "key": ["z9hG4bK1", "b", "INVITE"],
            "head": "INVITE sip:600@a SIP/2.0\r\n\r\n",
            "peer": {"transport": "udp", "address": "198.51.100.10", "port": 5060},
        },
    },
    "streams": [
        {
            "id": "L1v",
            "far": "L2v",
            "at": 1,
            "srtp": ["", ""],
            "shown": {
                "kind": "video",
                "heading": "video",
                "protocol": "RTP/AVP",
                "formats": ["96"],
                "lines": [{"type": "a", "value": "rtpmap:96 VP8/90000"}],
            },
            "said": {
                "kind": "video",
                "heading": "video",
                "protocol": "RTP/AVP",
                "formats": ["96"],
                "lines": [],
            },
            "theirs": {"address": "198.51.100.10", "port": 5000, "rtcp_port": 0, "direction": "sendrecv"},
        }
    ],
}
OF_BEFORE: dict[str, Any] = {
    "call": "C1",
    "stage": ["talk", {"other": "L2", "queue": "sales", "agent": "ana", "offer": "O1", "record": "never"}],
    "identity": {"kind": "trunk", "name": "carrier"},
    "ani": "7",
    "ani_name": "",
    "dnis": "600",
    "language": "en",
    "priority": 0,
    "masked": False,
    "stages": [["arrive", 1.0], ["wait", 2]],
    "trail": "[]",
    "figures": {"started": 1.0, "answered": 2.0, "labels": {"route": "600"}},
    "caller": "L1",
    "legs": [LEG],
    "visit": {"queue": "sales", "entered": 2.0, "original_position": 1, "priority": 0, "skills": {"es": 2}},
    "talk": {"other": "L2", "began": 3.0, "away_s": 0.0, "away_since": None, "held": ["L1"]},
    "recording": {
        "row": {
            "recording": "R1",
            "call": "C1",
            "path": "a.wav",
            "began": 3.0,
            "queue": "sales",
            "agent": "ana",
            "ani": "7",
            "dnis": "600",
            "box": "",
            "encoding": "PCMU",
            "channels": 2,
        },
        "spec": {"recording": "R1", "path": "/a.wav", "channels": 2, "encoding": "PCMU", "max_s": 0.0},
        "kept": True,
        "parties": [[0, "L1", "7"]],
        "used": [0],
        "reasons": ["queue"],
    },
    "forwarded": [{"number": "601", "why": "user-busy"}],
    "privacy": {"user": True},
    "open": [
        {"direction": "out", "head": "INVITE", "peer": {"transport": "udp", "address": "a", "port": 5060}},
    ],
    "version": 1,
}


def test_a_row_of_before_is_read() -> None:
    snapshot = CallSnapshot.from_json(json.dumps(OF_BEFORE))
    stage, [leg] = snapshot.at, snapshot.legs
    assert isinstance(stage, Talk) and stage.agent == "ana" and stage.again is None
    assert snapshot.stages == (("arrive", 1.0), ("wait", 2.0)) and snapshot.figures.labels == {"route": "600"}
    assert snapshot.privacy.user and snapshot.forwarded[0].why == "user-busy"
    assert snapshot.media == ("L1", "L1v") and snapshot.recording_id == "R1"
    assert leg.codecs == ("PCMA", "PCMU") and leg.negotiated.key_out is not None
    assert leg.session.flow == Source("udp", "198.51.100.10", 5060) and leg.session.dialog.route_set
    assert leg.streams[0].shown.lines == Lines((Line("a", "rtpmap:96 VP8/90000"),))
    assert isinstance(leg.streams[0].shown.lines, Lines)
    assert snapshot.visit is not None and snapshot.visit.skills == {"es": 2}


def test_what_is_written_is_read_and_has_no_defaults() -> None:
    snapshot = CallSnapshot.from_json(json.dumps(OF_BEFORE))
    text = snapshot.to_json()
    assert CallSnapshot.from_json(text) == snapshot
    assert is_answered(text) and read_open(text) == snapshot.open
    assert len(text) < 4000 and '"latch"' not in text


def test_text_that_is_no_unicode_is_written_all_the_same() -> None:
    odd = replace(CallSnapshot.from_json(json.dumps(OF_BEFORE)), ani_name="\udce9")
    text = odd.to_json()
    assert text.encode()
    assert ascii(CallSnapshot.from_json(text).ani_name) == "'\\udce9'"


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2},
        {"version": None},
        {"stage": ["walk", {}]},
        {"stage": ["park", {"place": 1, "who": 2}]},
        {"legs": [{**LEG, "colour": "red"}]},
        {"legs": [{**LEG, "began": "1"}]},
        {"caller": 7},
        {"open": [{}]},
    ],
    ids=repr,
)
def test_anything_else_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        CallSnapshot.from_json(json.dumps({**OF_BEFORE, **wrong}))


def test_its_stage_is_that_of_the_journal() -> None:
    parked = {**OF_BEFORE, "stage": ["park", {"place": 7}]}
    assert CallSnapshot.from_json(json.dumps(parked)).at == Park(place=7)
