"""Proves with SIPp on both sides of a real switch: `calls show --ladder` while a call goes on and after it, `cdr show
--ladder` of a failed call after a restart, `sip trace` into a capture and a text file that a reader of its own takes apart,
the same messages at a HEP collector, secrets masked everywhere; and `softswitch selftest` against a running switch, good
and with a part of it broken.

Does not prove the look in a terminal, nor a real Homer.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trace.test_trace_export import read_hep, read_pcap
from tools.peers.centre import TRUNK_ADDRESS, desk, phone, trunk
from tools.peers.ports import free_port, give_back
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


def test_one_call_seen_in_every_way(
    start_switch: StartSwitch, tmp_path: Path, collector: socket.socket
) -> None:
    port = free_port(PHONE_ADDRESS)
    homer = {"address": f"udp://127.0.0.1:{collector.getsockname()[1]}", "capture_id": 77, "password": "key"}
    switch = start_switch(_config(port, capture={"homer": homer}))
    callee = Scenario("callee", "1001").called().ring().accept().expect_bye()
    caller = Scenario("caller", "34600", "602").invite().connected().pause(3).bye()
    pcap, text = tmp_path / "seen.pcap", tmp_path / "seen.txt"
    traced = _trace(switch, "--number", "602", "--pcap", str(pcap), "--text", str(text))
    wait_for(lambda: pcap.exists() and pcap.stat().st_size >= 24, 20, "the trace")
    time.sleep(0.5)
    with (
        Sipp(callee, tmp_path, address=PHONE_ADDRESS, port=port),
        Sipp(caller, tmp_path, remote=switch.sip, address=TRUNK_ADDRESS) as sipp,
    ):
        call = wait_for(lambda: switch.cli("calls"), 10, "the call")[0]["call"]
        wait_for(lambda: "ACK" in switch.command("calls", "show", call, "--ladder").stdout, 10, "the ladder")
        result = sipp.wait()
    assert result.successful == 1, result.errors
    after = wait_for(lambda: _with(switch, call, "BYE"), 10, "the end in the ladder")
    assert "trunk:carrier" in after and "endpoint:1001" in after and "INVITE 602" in after
    assert "PCMU PCMA" in after and "180 Ringing" in after
    traced.terminate()
    traced.wait(10)
    methods = [packet.payload.split(b" ")[0] for packet in read_pcap(pcap.read_bytes())]
    assert methods.count(b"INVITE") == 2 and methods.count(b"BYE") == 2, methods
    assert all(packet.protocol == 17 for packet in read_pcap(pcap.read_bytes()))
    assert text.read_text().count("\nINVITE sip:") == 2
    packets = _received(collector)
    of_call = [packet for packet in packets if packet[17] == call.encode() and packet[11] == b"\x01"]
    assert len(of_call) == len(switch.cli("calls", "show", call, "--ladder")["messages"])
    assert all(packet[14] == b"key" and packet[12] == (77).to_bytes(4) for packet in packets)
    assert len({packet[15].split(b"Call-ID: ")[1].split(b"\r")[0] for packet in of_call}) == 2


def _with(switch: Switch, call: str, word: str) -> str:
    shown = switch.command("calls", "show", call, "--ladder").stdout
    return shown if shown.count(word) >= 2 else ""


def _trace(switch: Switch, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "softswitch", "--socket", str(switch.control_socket), "sip", "trace"]
    return subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)


def test_a_failed_call_is_seen_the_next_day(start_switch: StartSwitch, tmp_path: Path) -> None:
    port = free_port(PHONE_ADDRESS)
    switch = start_switch(_config(port))
    busy = Scenario("busy", "1001").called().reject(486, "Busy Here")
    with Sipp(busy, tmp_path, address=PHONE_ADDRESS, port=port):
        caller = Scenario("caller", "34600", "602").invite().refused(486)
        assert Sipp(caller, tmp_path, remote=switch.sip, address=TRUNK_ADDRESS).run().successful == 1
    call = switch.wait_rows("SELECT call FROM calls WHERE ended IS NOT NULL")[0]["call"]
    wait_for(lambda: list((switch.state / "ladders").glob("*.json.gz")), 15, "the ladder on disk")
    switch.stop()
    switch.start()
    shown = switch.command("cdr", "show", call, "--ladder").stdout
    assert shown.count("486 Busy Here") == 2 and "kept on disk" in shown
    give_back(PHONE_ADDRESS, range(port, port + 1))


def test_a_password_is_never_shown(start_switch: StartSwitch, tmp_path: Path) -> None:
    switch = start_switch({**_config(free_port(PHONE_ADDRESS)), "sip": {"digest": ["MD5"]}})
    text = tmp_path / "seen.txt"
    traced = _trace(switch, "--text", str(text))
    wait_for(text.exists, 20, "the trace")
    time.sleep(0.5)
    caller = Scenario("caller", "1002", "602").invite().challenged("1002", "two").refused(480)
    Sipp(caller, tmp_path, remote=switch.sip, address="127.0.0.22").run()
    wait_for(lambda: "Authorization:" in text.read_text(), 10, "the credentials")
    traced.terminate()
    traced.wait(10)
    line = next(line for line in text.read_text().splitlines() if line.startswith("Authorization:"))
    assert 'response="****' in line and 'username="1002"' in line


def test_the_selftest_of_a_running_switch(start_switch: StartSwitch) -> None:
    switch = start_switch(_config(free_port(PHONE_ADDRESS)))
    result = switch.cli("selftest", timeout=60.0)
    assert result["ok"], result
    steps = {step["step"] for step in result["steps"]}
    assert {"call set up", "audio caller → callee", "audio callee → caller", "DTMF", "CDR"} < steps
    assert "recording read back" in steps
    assert [view["trunk"] for view in switch.cli("trunk")] == ["carrier"], "the door is shut again"
    assert len(switch.rows("SELECT * FROM calls WHERE cause = 'normal'")) == 1


def test_the_selftest_says_what_is_broken(start_switch: StartSwitch) -> None:
    """A switch that takes no calls is the simplest one to break without touching the program."""
    switch = start_switch({**_config(free_port(PHONE_ADDRESS)), "general": {"max_calls": 0}})
    done = switch.command("selftest", timeout=60.0)
    assert done.returncode == 1, done.stdout
    assert "failed" in done.stdout and "503" in done.stdout
