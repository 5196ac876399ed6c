"""Proves the commands that show messages, against a real API server on a Unix socket: the ladder of a call as text and as
JSON, the live trace with its filters, its capture and text file, what was dropped, `--json` of commands that lacked it; and
what the doctor concludes from certificates, clocks, firewalls and addresses, and from trunks that answer, stay silent, or
talk nonsense.

Does not prove what a real switch puts there; that is tests/interop/test_trace_seen.py.
"""

import asyncio
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner, Result

from softswitch.api.server import ApiServer
from softswitch.bus import Bus
from softswitch.cli.doctor_check import Check
from softswitch.cli.doctor_machine import clock_check, firewall_checks, jump_check
from softswitch.cli.doctor_network import covers, examine_network, nat_check, own_certificate
from softswitch.cli.main import cli
from softswitch.config.schema import Config
from softswitch.config.sip import Sip
from softswitch.config.transports import TrunkTls
from softswitch.config.trunks import Trunk
from softswitch.testing.control import CALL, FakeControl
from tests.trace.test_trace_export import read_pcap
from tools.peers.certificates import Authority

Run = Callable[..., Result]


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def run(tmp_path: Path, control: FakeControl) -> Iterator[Run]:
    path = tmp_path / "control.sock"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = ApiServer(control, Bus(), path)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    yield lambda *arguments: CliRunner().invoke(cli, ["--socket", str(path), *arguments])
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.mark.parametrize("command", [("calls", "show"), ("cdr", "show")])
def test_a_ladder(run: Run, command: tuple[str, str]) -> None:
    result = run(*command, CALL, "--ladder")
    assert result.exit_code == 0, result.output
    assert "trunk:carrier" in result.output and "─ INVITE 600 ─" in result.output
    assert len(json.loads(run(*command, CALL, "--ladder", "--json").output)["messages"]) == 4


def test_a_live_trace_with_files(run: Run, control: FakeControl, tmp_path: Path) -> None:
    control.trace.dropped = 7
    pcap, text = tmp_path / "a.pcap", tmp_path / "a.txt"
    result = run(
        "sip", "trace", "--number", "600", "--method", "INVITE", "--pcap", str(pcap), "--text", str(text)
    )
    assert result.exit_code == 0, result.output
    assert result.output.count("INVITE") >= 2 and "7 messages more" in result.output
    search = control.trace.searches[0]
    assert (search.number, search.method, search.peer) == ("600", "INVITE", "")
    packets = list(read_pcap(pcap.read_bytes()))
    assert [packet.source for packet in packets] == ["192.0.2.9", "192.0.2.1", "192.0.2.7", "192.0.2.1"]
    assert text.read_text().count("Call-ID:") == 4
    assert pcap.stat().st_mode & 0o777 == 0o600
    lines = run("sip", "trace", "--json").output.splitlines()
    assert [json.loads(line)["line"] for line in lines[:4]] == [
        "INVITE 600",
        "INVITE 1001",
        "200 OK",
        "200 OK",
    ]


@pytest.mark.parametrize(
    "command",
    [("calls", "hangup", CALL), ("calls", "record", CALL, "mask"), ("recording", "start", CALL)],
)
def test_commands_that_change_something_answer_json(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command, "--json")
    assert result.exit_code == 0, result.output
    assert isinstance(json.loads(result.output), dict)


def _certificate(folder: Path, days: int, names: str) -> Path:
    file = folder / f"{days}.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-subj", "/CN=x", "-days", str(days), "-addext", f"subjectAltName={names}"]
    subprocess.run([*command, "-keyout", folder / "key.pem", "-out", file], check=True, capture_output=True)
    return file


def test_certificates(tmp_path: Path) -> None:
    file, now = _certificate(tmp_path, 90, "DNS:sip.example.com,DNS:*.example.org"), time.time()
    assert own_certificate(file, ("sip.example.com", "a.example.org"), now).state == "ok"
    assert "other.example" in own_certificate(file, ("other.example",), now).found
    assert own_certificate(file, (), now + 80 * 86_400).state == "warning"
    assert own_certificate(file, (), now + 91 * 86_400).state == "failed"
    assert own_certificate(tmp_path / "none.pem", (), now).state == "failed"
    assert not covers("*.example.org", "a.b.example.org") and not covers("*.example.org", "example.org")


def test_clock_and_firewall(tmp_path: Path) -> None:
    assert [clock_check(*each).state for each in ((0, 1), (5, 0x40), (-1, 0))] == ["ok", "warning", "warning"]
    file = tmp_path / "db"
    file.touch()
    assert not list(jump_check(file, time.time()))
    assert [check.state for check in jump_check(file, time.time() - 3600)] == ["failed"]
    (tmp_path / "sys/net/netfilter").mkdir(parents=True)
    (tmp_path / "modules").write_text("nf_nat_sip 16384 0 - Live 0x0\n")
    for name, value in (("count", "900"), ("max", "1000")):
        (tmp_path / f"sys/net/netfilter/nf_conntrack_{name}").write_text(value + "\n")
    found = {check.name: check for check in firewall_checks(tmp_path)}
    assert found["SIP ALG"].state == found["connection tracking"].state == "warning"
    assert "nf_nat_sip" in found["SIP ALG"].advice


@pytest.mark.parametrize(
    ("external", "own", "host", "state"),
    [
        ("", "10.0.0.5", "sip:carrier.example", "warning"),
        ("", "10.0.0.5", "sip:10.0.0.9", "ok"),
        ("8.8.4.4", "10.0.0.5", "sip:carrier.example", "ok"),
        ("10.1.1.1", "10.0.0.5", "sip:carrier.example", "warning"),
        ("8.8.4.4", "100.64.0.5", "sip:carrier.example", "warning"),
        ("", "8.8.8.8", "sip:carrier.example", "ok"),
        ("", "", "sip:carrier.example", "warning"),
    ],
)
def test_addresses_that_peers_are_told(external: str, own: str, host: str, state: str) -> None:
    config = Config(sip=Sip(external_address=external), trunk={"carrier": Trunk(host=host)})
    assert nat_check(config, own).state == state


def _answering(data: bytes) -> tuple[socket.socket, threading.Thread]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(10)

    def answer() -> None:
        _, sender = sock.recvfrom(4096)
        sock.sendto(data, sender)

    thread = threading.Thread(target=answer)
    thread.start()
    return sock, thread


def test_trunks_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    good, one = _answering(b"SIP/2.0 200 OK\r\n\r\n")
    bad, two = _answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    closed.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in (good, bad, closed)]
    closed.close()
    names = ("good", "bad", "closed")
    config = Config(
        trunk={name: Trunk(host=f"sip:127.0.0.1:{port}") for name, port in zip(names, ports, strict=True)}
    )
    found = {check.name: check for check in examine_network(config, {})}
    assert found["trunk good"].state == "ok" and "200 OK" in found["trunk good"].found
    assert found["trunk bad"].state == "failed" and "not SIP" in found["trunk bad"].found
    assert found["trunk closed"].state == "failed" and "refused" in found["trunk closed"].found
    known = {"closed": {"state": "up"}}
    one.join()
    two.join()
    alone = Config(trunk={"closed": config.trunk["closed"]})
    assert [check.state for check in examine_network(alone, known) if check.name == "trunk closed"] == ["ok"]
    for sock in (good, bad):
        sock.close()


def _told_of_tls(context: ssl.SSLContext, config: Callable[[str], Config]) -> Check:
    """What the doctor says of a trunk behind one TLS listener, which answers 200."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = server.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as secured:
                if secured.recv(4096):
                    secured.sendall(b"SIP/2.0 200 OK\r\n\r\n")
        except (ssl.SSLError, OSError):
            plain.close()

    thread = threading.Thread(target=serve)
    thread.start()
    host = f"sip:127.0.0.1:{server.getsockname()[1]};transport=tls"
    [check] = [each for each in examine_network(config(host), {}) if each.name == "trunk t"]
    thread.join(10)
    server.close()
    return check


def test_a_trunk_over_tls_with_a_strange_certificate(tmp_path: Path) -> None:
    file = _certificate(tmp_path, 90, "DNS:sip.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, tmp_path / "key.pem")
    check = _told_of_tls(context, lambda host: Config(trunk={"t": Trunk(host=host)}))
    assert check.state == "failed" and "certificate" in check.found


def test_a_certificate_of_a_trunk_is_judged_as_the_switch_judges_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("edge", dns=["*.example.com"]))

    def told(verify: Literal["name", "wildcard"]) -> Check:
        tls = TrunkTls(name="sip.example.com", ca=str(authority.file), verify=verify)
        return _told_of_tls(context, lambda host: Config(trunk={"t": Trunk(host=host, tls=tls)}))

    assert told("wildcard").state == "ok"
    refused = told("name")
    assert refused.state == "failed" and "not for 'sip.example.com'" in refused.found


def test_a_trunk_that_asks_for_our_certificate_is_shown_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("edge", addresses=["127.0.0.1"]))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    own = str(authority.issue("switch", dns=["switch.example.com"]))
    tls = TrunkTls(ca=str(authority.file), certificate=own)
    assert _told_of_tls(context, lambda host: Config(trunk={"t": Trunk(host=host, tls=tls)})).state == "ok"
