"""Proves bans on a running switch from outside: wrong passwords end in silence over UDP and refused connections over TCP,
`softswitch security` shows why, a restart does not forget it, and lifting it helps at once.

Does not prove rates and overload; `tests/sip/test_guard.py` and `benchmarks/flood.py` do.
"""

import contextlib
import socket

import pytest

from tools.peers.centre import phone
from tools.peers.sip_party import NoAnswer, SipParty
from tools.peers.switch import StartSwitch, wait_for

EVE, ANA = "127.0.0.66", "127.0.0.67"


def _refused(switch_address: tuple[str, int]) -> bool:
    with socket.socket() as connection:
        connection.bind((EVE, 0))
        connection.settimeout(3.0)
        try:
            connection.connect(switch_address)
            return connection.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


def test_wrong_passwords_are_banned_and_the_ban_outlives_a_restart(start_switch: StartSwitch) -> None:
    switch = start_switch(
        {
            "endpoint": {"1001": phone("one"), "1002": phone("two")},
            "security": {"trusted": [], "ban_after": 3},
        }
    )
    with SipParty("1001", EVE, switch.sip, password="wrong") as eve:
        for _ in range(4):
            with contextlib.suppress(NoAnswer):
                eve.register(timeout=2.0)
        bans = switch.cli("security", "show")["bans"]
        assert [(ban["address"], ban["why"]) for ban in bans] == [(EVE, "wrong password")]
        with pytest.raises(NoAnswer):
            eve.ping(timeout=1.5)
    assert _refused(switch.sip)
    with SipParty("1002", ANA, switch.sip, password="two") as ana:
        assert ana.register().status == 200
    log = switch.log()
    assert log.count("authentication failed") == 3 and "source banned" in log
    wait_for(lambda: (switch.state / "bans.json").exists(), what="bans written down")
    switch.stop()
    switch.start()
    assert switch.cli("security", "show")["bans"][0]["address"] == EVE and _refused(switch.sip)
    switch.command("security", "unban", EVE)
    with SipParty("1001", EVE, switch.sip, password="one") as phone_again:
        assert phone_again.register().status == 200
