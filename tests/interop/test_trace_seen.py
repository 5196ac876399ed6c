"""Proves with SIPp on both sides of a real switch: `calls show --ladder` while a call goes on and after it, `cdr show
--ladder` of a failed call after a restart, `sip trace` into a capture and a text file that a reader of its own takes apart,
the same messages at a HEP collector, secrets masked everywhere; and `softswitch selftest` against a running switch, good
and with a part of it broken.

Does not prove the look in a terminal, nor a real Homer.
"""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trace.test_trace_export import Read, read_hep, read_pcap
from tools.peers.centre import TRUNK_ADDRESS, desk, phone, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import ROOT, StartSwitch, Switch, wait_for

PHONE_ADDRESS = "127.0.0.21"


@pytest.fixture
def collector() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as homer:
        homer.bind(("127.0.0.1", 0))
        homer.settimeout(0.2)
        yield homer


def _config(phone_port: int, **more: Any) -> dict[str, Any]:
    return {
        "sip": {"digest": ["MD5"]},
        "trunk": {"carrier": trunk()},
        "endpoint": {
            "1001": desk(f"sip:1001@{PHONE_ADDRESS}:{phone_port}"),
            "1002": phone("two"),
        },
        "route": {"602": {"to": "extension:1001"}},
        **more,
    }


def _received(homer: socket.socket) -> list[dict[int, bytes]]:
    packets = []
    while True:
        try:
            packets.append(read_hep(homer.recv(65_536)))
        except TimeoutError:
            return packets


def test_calls_seen_in_every_way(start_switch: StartSwitch, tmp_path: Path, collector: socket.socket) -> None:
    port = free_port(PHONE_ADDRESS)
    homer = {"address": f"udp://127.0.0.1:{collector.getsockname()[1]}", "capture_id": 77, "password": "key"}
    switch = start_switch(_config(port, capture={"homer": homer}))
    pcap, text = tmp_path / "seen.pcap", tmp_path / "seen.txt"
    traced = _trace(switch, "--number", "602", "--pcap", str(pcap), "--text", str(text), "--json")
    wait_for(lambda: pcap.exists() and pcap.stat().st_size, 20, "the trace")
    call = _good_call(switch, tmp_path, port)
    after = wait_for(lambda: _with(switch, call, "BYE"), 10, "the end in the ladder")
    for word in ("endpoint:1002", "endpoint:1001", "INVITE 602", "401 ", "180 Ringing", "PCMU"):
        assert word in after, after
    failed = _busy_call(switch, tmp_path, port)
    wait_for(lambda: pcap.read_bytes().count(b"486 Busy Here") == 2, 10, "both calls in the capture")
    traced.terminate()
    traced.wait(10)
    packets = list(read_pcap(pcap.read_bytes()))
    methods = [packet.payload.split(b" ")[0] for packet in packets]
    assert methods.count(b"INVITE") == 5 and methods.count(b"BYE") == 2, methods
    assert all(packet.protocol == 17 for packet in packets)
    assert text.read_text().count("\nINVITE sip:") == 5
    sent = _received(collector)
    of_call = [packet for packet in sent if packet[17] == call.encode() and packet[11] == b"\x01"]
    assert len(of_call) == len(switch.cli("calls", "show", call, "--ladder")["messages"])
    assert all(packet[14] == b"key" and packet[12] == (77).to_bytes(4) for packet in sent)
    reports = [json.loads(packet[15]) for packet in sent if packet[11] == bytes((34,))]
    assert all(report["codec"] == "PCMU" for report in reports)
    _no_password(packets, text.read_text(), of_call)
    _seen_the_next_day(switch, failed)


def _good_call(switch: Switch, tmp_path: Path, port: int) -> str:
    """A phone that is challenged calls another; the ladder is looked at while they talk."""
    callee = Scenario("callee", "1001").called().ring().accept().expect_bye()
    caller = Scenario("caller", "1002", "602").invite().challenged("1002", "two").connected().expect_bye()
    auth = ("-auth_uri", f"602@{switch.sip[0]}:{switch.sip[1]}")
    with (
        Sipp(callee, tmp_path, address=PHONE_ADDRESS, port=port),
        Sipp(caller, tmp_path, remote=switch.sip, address="127.0.0.22", options=auth) as sipp,
    ):
        call = str(wait_for(lambda: json.loads(switch.get("/v1/calls")[1]), 20, "the call")[0]["call"])
        wait_for(lambda: "ACK" in _ladder(switch, call), 20, "the ladder")
        switch.command("calls", "hangup", call)
        result = sipp.wait()
    assert result.successful == 1, result.errors
    return call


def _busy_call(switch: Switch, tmp_path: Path, port: int) -> str:
    busy = Scenario("busy", "1001").called().reject(486, "Busy Here")
    caller = Scenario("refused", "34600", "602").invite().refused(486)
    with Sipp(busy, tmp_path, address=PHONE_ADDRESS, port=port):
        assert Sipp(caller, tmp_path, remote=switch.sip, address=TRUNK_ADDRESS).run().successful == 1
    return str(switch.wait_rows("SELECT call FROM calls WHERE cause = 'busy'")[0]["call"])


def _no_password(packets: list[Read], text: str, of_call: list[dict[int, bytes]]) -> None:
    shown = [packet.payload.decode() for packet in packets], [text], [each[15].decode() for each in of_call]
    for messages in shown:
        lines = [line for message in messages for line in message.splitlines()]
        proofs = [line for line in lines if line.startswith("Authorization:")]
        assert proofs
        assert all(re.search(r'response="\*{32}"', line) and 'username="1002"' in line for line in proofs)


def _seen_the_next_day(switch: Switch, failed: str) -> None:
    wait_for(lambda: list((switch.state / "ladders").glob("*.json.gz")), 15, "the ladder on disk")
    switch.stop()
    switch.start()
    shown = switch.command("cdr", "show", failed, "--ladder").stdout
    assert shown.count("486 Busy Here") == 2 and "kept on disk" in shown, shown


def _ladder(switch: Switch, call: str) -> str:
    return switch.command("calls", "show", call, "--ladder").stdout


def _with(switch: Switch, call: str, word: str) -> str:
    shown = _ladder(switch, call)
    return shown if shown.count(word) >= 2 else ""


def _trace(switch: Switch, *arguments: str) -> "subprocess.Popen[bytes]":
    """It writes the head of its capture once the switch has taken it as a follower."""
    command = [sys.executable, "-m", "softswitch", "--socket", str(switch.control_socket), "sip", "trace"]
    with (switch.folder.parent / "lines").open("wb") as lines:
        return subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=lines)


def test_the_selftest_of_a_running_switch(start_switch: StartSwitch) -> None:
    """Good; and with a disk that counts as full it says which step failed, with the ladder."""
    switch = start_switch(_config(free_port(PHONE_ADDRESS)))
    result = switch.cli("selftest")
    assert result["ok"], result
    steps = {step["step"] for step in result["steps"]}
    assert {"call set up", "audio caller → callee", "audio callee → caller", "DTMF", "CDR"} < steps
    assert "recording read back" in steps
    assert [view["trunk"] for view in switch.cli("trunk")] == ["carrier"], "the door is shut again"
    assert len(switch.rows("SELECT * FROM calls WHERE cause = 'normal'")) == 1
    switch.write({**_config(free_port(PHONE_ADDRESS)), "recording": {"min_free_mb": 999_999_999}})
    switch.cli("reload")
    done = switch.command("selftest", timeout=60.0)
    assert done.returncode == 1, done.stdout
    assert "failed  recording begins" in done.stdout and "INVITE selftest" in done.stdout
