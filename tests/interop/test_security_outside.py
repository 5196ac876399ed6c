"""Proves from outside, on running switches: that credentials of a trunk never go to who answers our BYE with a challenge
(SIPp); that a default installation listens for SIP and nothing else, and its control socket is its owner's alone.
"""

import stat
from pathlib import Path

import pytest

from tools.peers.centre import TRUNK_ADDRESS, agent, desk, queue, trunk
from tools.peers.processes import family
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import StartSwitch, Switch

LISTENS, BOUND = "0A", "07"
"""States of /proc/net/tcp and of /proc/net/udp."""


def _calls_of_a_carrier_that_challenges(header: str, realm: str) -> Scenario:
    """Its calls are hung up by us; each BYE gets a challenge, and a second BYE within 2.5 s would fail the call."""
    challenge = f'{header}: Digest realm="{realm}", nonce="[call_id]", algorithm=MD5, qop="auth"'
    status = 401 if header == "WWW-Authenticate" else 407
    steps = Scenario("leak", "+34600000001", "600").invite().connected().expect_request("BYE")
    return steps.answer(status, "Credentials", challenge).pause(2.5)


@pytest.mark.parametrize(
    ("header", "realm"), [("Proxy-Authenticate", "carrier"), ("WWW-Authenticate", "softswitch")]
)
def test_a_challenge_of_our_bye_gets_nothing(
    start_switch: StartSwitch, tmp_path: Path, header: str, realm: str
) -> None:
    """The leak of CVE-2021-41158: whoever can call us would learn a digest of the trunk's password."""
    ana = Sipp(
        Scenario("ana", "1001").called().accept().pause(0.3).bye(), tmp_path / "sipp", address="127.0.0.31"
    )
    caller = _calls_of_a_carrier_that_challenges(header, realm)
    switch = start_switch(
        {
            "trunk": {"carrier": trunk(auth={"user": "acct", "secret": "outside"})},
            "endpoint": {"1001": desk(ana.contact)},
            "agent": {"ana": agent("1001")},
            "queue": {"support": queue(["ana"])},
            "route": {"600": {"to": "queue:support"}},
        }
    )
    with ana, Sipp(caller, tmp_path / "sipp", remote=switch.sip, address=TRUNK_ADDRESS) as carrier:
        result = carrier.wait()
        assert ana.wait().exit_code == 0
    assert result.exit_code == 0, result.errors
    heard = [message for way, message in result.messages if way == "got"]
    assert [message.method for message in heard if not message.status] == ["BYE"]
    assert not any(
        message.get(name) for message in heard for name in ("Authorization", "Proxy-Authorization")
    )


def _listening(switch: Switch) -> set[tuple[str, str, int]]:
    """(protocol, address, port) of every socket of the switch and its workers that waits for the network."""
    inodes = set()
    for pid in family(switch.pid):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(entry.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table, state in (("tcp", LISTENS), ("tcp6", LISTENS), ("udp", BOUND), ("udp6", BOUND)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and fields[9] in inodes:
                host, _, port = fields[1].rpartition(":")
                found.add((table, host, int(port, 16)))
    return found


def test_an_installation_without_configuration_listens_for_sip_only(start_switch: StartSwitch) -> None:
    switch = start_switch({})
    loopback = "0100007F"
    assert _listening(switch) == {("udp", loopback, switch.port), ("tcp", loopback, switch.port)}
    mode = switch.control_socket.stat().st_mode
    assert stat.S_ISSOCK(mode) and not mode & 0o077
    for file in switch.state.glob("softswitch.db*"):
        assert not file.stat().st_size or not file.stat().st_mode & 0o007, file.name
