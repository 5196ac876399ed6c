"""Proves with the running switch and real sockets: a party that falls mute on the network is named in `status` within three
seconds and no longer once it is heard, a network that loses a fifth of the packets likewise, `calls show` has both legs'
figures meanwhile, and the CDR keeps them: the MOS within 0.2 of the formula for what was lost.

Does not prove each rule (tests/rtp/test_rtp_quality.py).
"""

import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from softswitch.rtp import emodel
from tools.peers.centre import TRUNK_ADDRESS, phone, trunk
from tools.peers.g711 import PCMU
from tools.peers.softphone import Softphone
from tools.peers.speech import tone
from tools.peers.switch import StartSwitch, Switch

PHONE = "127.0.0.23"
WITHIN_S = 3.0
POLL_S = 0.25
"""What asking the switch costs is not the switch's delay."""
CONFIG = {
    "rtp": {"codecs": ["PCMU"]},
    "trunk": {"carrier": trunk()},
    "endpoint": {"1001": phone("one")},
    "route": {"601": {"to": "extension:1001"}},
}


class Lossy:
    """A socket that forgets a share of what it is to send."""

    def __init__(self, whole: socket.socket) -> None:
        self._whole = whole
        self._random = random.Random(5)
        self.share = 0.0
        self.asked = self.lost = 0

    def sendto(self, data: bytes, peer: Any) -> int:
        self.asked += 1
        if self._random.random() < self.share:
            self.lost += 1
            return len(data)
        return self._whole.sendto(data, peer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


def _alarms(switch: Switch) -> list[str]:
    return [alarm["message"] for alarm in switch.cli("status")["alarms"]]


def _until(switch: Switch, wanted: Callable[[list[str]], bool], within_s: float) -> float:
    began = time.monotonic()
    while not wanted(seen := _alarms(switch)):
        assert time.monotonic() - began < within_s, seen
        time.sleep(0.05)
    return time.monotonic() - began


def test_one_way_audio_and_a_bad_network_are_named_and_kept(start_switch: StartSwitch) -> None:
    switch = start_switch(CONFIG)
    speech = tone(440, seconds=40, amplitude=8000)
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip, laws=(PCMU,)) as caller,
        Softphone("1001", PHONE, switch.sip, password="one", laws=(PCMU,)) as called,
    ):
        network = Lossy(caller.rtp._socket)
        caller.rtp._socket = network  # type: ignore[assignment]
        called.register().accept_always()
        caller.dial("601")
        caller.rtp.play(speech)
        called.rtp.play(speech)
        time.sleep(1)
        assert _alarms(switch) == []
        called.rtp.mute()
        _until(switch, lambda seen: len(seen) == 1, WITHIN_S + POLL_S)
        (message,) = _alarms(switch)
        assert message.startswith(f"extension 1001 cannot be heard: no packets from {PHONE} for 2."), message
        called.rtp.mute(False)
        _until(switch, lambda seen: seen == [], 1.5)
        network.share = 0.2
        _until(switch, lambda seen: len(seen) == 1 and "sounds bad" in seen[0], WITHIN_S + POLL_S)
        (call,) = switch.cli("calls")
        legs = {leg["party"]: leg for leg in switch.cli("calls", "show", call["call"])["legs"]}
        assert legs["trunk:carrier"]["impairments"] == "bad-network"
        assert (
            legs["trunk:carrier"]["mos_now"]
            < legs["endpoint:1001"]["mos_now"]
            == pytest.approx(4.41, abs=0.02)
        )
        assert legs["endpoint:1001"]["level_db"] == pytest.approx(-15.3, abs=1)
        caller.hangup()
        assert called.call.ended.wait(5)
    rows = {row["party"]: row for row in switch.wait_rows("SELECT * FROM legs", count=2)}
    carrier, extension = rows["trunk:carrier"], rows["endpoint:1001"]
    assert carrier["packets_lost"] == pytest.approx(network.lost, abs=3)
    assert carrier["mos"] == pytest.approx(emodel.mos_of("PCMU", network.lost / network.asked), abs=0.2)
    assert (carrier["impairments"], extension["impairments"]) == ("bad-network", "no-packets one-way")
    shown = switch.command("cdr", "show", call["call"]).stdout
    assert "MOS (G.107)" in shown and "bad-network" in shown
