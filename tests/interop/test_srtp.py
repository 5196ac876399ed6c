"""Proves SRTP with a phone that is not ours: baresip with SDES keys on one leg, a plain trunk on the other, both ways.

What each side spoke is found on the other side and in its channel of the recording, and not in what the kernel saw pass
between baresip and the switch. A phone that insists on clear text is refused.

Does not prove the other suites on the wire; `tests/rtp/test_rtp_secured.py` has all four against a second implementation.
"""

import socket
import threading
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, agent, phone, queue, trunk
from tools.peers.g711 import PCMU, Samples, decode, read_wav
from tools.peers.rtp_party import RtpParty
from tools.peers.scenario import Scenario
from tools.peers.sip_party import NoAnswer
from tools.peers.sipp import Sipp
from tools.peers.softphone import Softphone
from tools.peers.speech import HEARD, correlation, sentence
from tools.peers.switch import StartSwitch, Switch

CALLER_SAYS, PHONE_SAYS = 11, 12
PHONE_ADDRESS = "127.0.0.22"
GCM_FIRST = ["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]


def _config(srtp: str, **rtp: Any) -> dict[str, Any]:
    return {
        "rtp": rtp,
        "recording": {"encoding": "PCM16"},
        "trunk": {"carrier": trunk()},
        "endpoint": {"1001": phone("one", srtp=srtp, record="always")},
        "agent": {"ana": agent("1001")},
        "queue": {"support": queue(["ana"])},
        "route": {"600": {"to": "queue:support"}, "_9X.": {"to": "trunk:carrier", "source": ["endpoint:*"]}},
    }


def _baresip(folder: Path, switch: Switch, speech: Samples, mediaenc: str, **more: Any) -> Baresip:
    return Baresip(
        "1001", folder / "phone", switch.sip, password="one", address=PHONE_ADDRESS, speech=speech, mediaenc=mediaenc,
        **more,
    )  # fmt: skip


class Wire:
    """RTP that passes the loopback interface between some ports and others, as a listener in between would have it."""

    def __init__(self, ports: range, others: range) -> None:
        self._ports, self._others = ports, others
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.seen: list[bytes] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(2)
        self._socket.close()

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                data = self._socket.recv(2048)[14:]
            except TimeoutError:
                continue
            header = 4 * (data[0] & 15)
            ends = [int.from_bytes(data[header + at : header + at + 2]) for at in (0, 2)]
            between = any(one in self._ports and other in self._others for one, other in (ends, ends[::-1]))
            if data[9] == socket.IPPROTO_UDP and between and not any(port % 2 for port in ends):
                self.seen.append(data[header + 8 :])

    def heard(self) -> Samples:
        """The payloads, as if they were in clear."""
        return np.concatenate([decode(data[12:172], PCMU) for data in self.seen if len(data) >= 172])


def _assert_recorded(switch: Switch, caller: Samples, called: Samples) -> None:
    row = switch.wait_rows("SELECT * FROM recordings WHERE state = 'ended'")[0]
    samples = read_wav(switch.state / "recordings" / row["path"])
    for said, channel in ((caller, 0), (called, 1)):
        assert correlation(said, np.ascontiguousarray(samples[:, channel])).score > HEARD
        assert correlation(said, np.ascontiguousarray(samples[:, 1 - channel])).score < HEARD


@pytest.mark.parametrize(
    ("policy", "mediaenc", "suites"), [("required", "srtp-mand", None), ("optional", "srtp", GCM_FIRST)]
)
def test_an_encrypted_phone_serves_a_caller_of_a_plain_trunk(
    start_switch: StartSwitch, tmp_path: Path, policy: str, mediaenc: str, suites: list[str] | None
) -> None:
    switch = start_switch(_config(policy, **({"srtp_suites": suites} if suites else {})))
    caller, called = sentence(CALLER_SAYS), sentence(PHONE_SAYS)
    scenario = Scenario("trunk", "34600111222", number="600").invite().connected().pause(6).bye()
    with RtpParty(TRUNK_ADDRESS) as party, _baresip(tmp_path, switch, called, mediaenc) as agent_phone:
        sipp = Sipp(
            scenario,
            tmp_path / "sipp",
            remote=switch.sip,
            address=TRUNK_ADDRESS,
            media=(party.address, party.port),
        )
        with Wire(agent_phone.media_ports, switch.media) as wire, sipp.start():
            agent_phone.wait_event("CALL_ESTABLISHED")
            party.play(caller)
            result = sipp.wait()
        agent_phone.wait_event("CALL_CLOSED")
    assert result.exit_code == 0, result.errors
    assert (suites or ["AES_CM_128_HMAC_SHA1_80"])[0] in agent_phone.log()
    assert len(wire.seen) > 200 and {len(data) for data in wire.seen} == {172 + (16 if suites else 10)}
    assert correlation(called, wire.heard()).score < HEARD
    assert correlation(called, party.heard()).score > HEARD
    assert correlation(caller, agent_phone.heard()).score > HEARD
    _assert_recorded(switch, caller, called)


def test_an_encrypted_phone_calls_a_plain_trunk(start_switch: StartSwitch, tmp_path: Path) -> None:
    switch = start_switch(_config("required"))
    spoken, answered = sentence(PHONE_SAYS), sentence(CALLER_SAYS)
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip, port=5060) as carrier,
        _baresip(tmp_path, switch, spoken, "srtp-mand") as caller,
    ):
        carrier.accept_always()
        caller.dial("9555")
        caller.wait_event("CALL_ESTABLISHED")
        carrier.rtp.play(answered).wait_played()
        carrier.rtp.wait_packets(10)
        caller.hangup()
        assert carrier.call.ended.wait(5)
        assert correlation(spoken, carrier.rtp.heard()).score > HEARD
        assert correlation(answered, caller.heard()).score > HEARD
        _assert_recorded(switch, spoken, answered)


def test_a_phone_in_clear_is_refused_where_encryption_is_required(
    start_switch: StartSwitch, tmp_path: Path
) -> None:
    switch = start_switch(_config("required"))
    with Softphone("1001", PHONE_ADDRESS, switch.sip, password="one") as clear:
        clear.register()
        with pytest.raises(NoAnswer, match="488"):
            clear.sip.dial("9555", clear.media, timeout=5)
    assert not clear.rtp.received
