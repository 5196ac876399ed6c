"""Proves what cunning does not buy at the guard: another address of one's /64 for each try, forged addresses that push out
phones, forged datagrams that shut out whoever they name, work that grows with the number of networks configured.

Does not prove that the endpoint asks the guard (`test_guarded_endpoint.py`), nor streams (`test_stream_floods.py`).
"""

import time
from ipaddress import ip_address, ip_network

import pytest

from softswitch.config.security import Security
from softswitch.sip.bans import Ban, BanLengths, Bans
from softswitch.sip.dialog_glimpse import dialog_named_in
from softswitch.sip.guard import Guard, Offence
from softswitch.sip.message import Request
from softswitch.sip.network_table import NetworkTable
from softswitch.sip.source import Source


def test_wrong_passwords_from_another_address_of_the_64_each_are_banned() -> None:
    guard = Guard(Security(trusted=(), ban_after=10))
    heard = 0
    for number in range(1000):
        address = f"2001:db8::{number:x}"
        if guard.lets_in(address, number * 0.05):
            heard += 1
            guard.offence(address, "wrong password", number * 0.05)
    assert heard <= 12, "as many as one address of IPv4 has, and what drains away meanwhile"
    assert guard.lets_in("2001:db8:0:1::1", 50.0), "and nobody else"
    assert guard.unban("2001:db8::/64", 60.0) is not None
    assert guard.lets_in("2001:db8::ffff", 61.0)


def test_a_phone_in_the_64_of_an_office_has_the_patience_of_one_behind_a_nat() -> None:
    guard = Guard(Security(trusted=(), ban_after=3))
    guard.proved("2001:db8::1", 0.0)
    for number in range(29):
        guard.offence(f"2001:db8::{number + 2:x}", "wrong password", 0.0)
    assert guard.lets_in("2001:db8::1", 0.0)
    guard.offence("2001:db8::99", "wrong password", 0.0)
    assert not guard.lets_in("2001:db8::1", 0.0)


def test_a_64_opens_no_more_connections_than_one_address() -> None:
    guard = Guard(Security(trusted=(), connection_rate=2.0))
    assert sum(guard.lets_connect(f"2001:db8::{number:x}", 0.0) for number in range(1000)) == 10
    assert guard.lets_connect("2001:db8:0:1::1", 0.0)


def test_forged_addresses_push_out_nobody_who_is_known() -> None:
    guard = Guard(Security(trusted=()))
    known = [f"10.{number >> 8}.{number & 255}.1" for number in range(5000)]
    for address in known:
        guard.proved(address, 0.0)
    for number in range(120_000):
        guard.lets_in(f"{20 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.7", 1.0)
    assert all(guard.knows(address, 2.0) for address in known)
    assert guard.sources() <= 50_000


def test_who_proves_himself_in_a_full_table_is_remembered() -> None:
    guard = Guard(Security(trusted=()))
    for number in range(50_000):
        guard.proved(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    guard.lets_in("203.0.113.1", 1.0)
    assert not guard.knows("203.0.113.1", 1.0)
    guard.proved("203.0.113.1", 1.0)
    assert guard.knows("203.0.113.1", 2.0) and guard.sources() == 50_000


@pytest.mark.parametrize("what", ["unanswered challenge", "guessed nonce", "unparsable"])
def test_bans_for_what_anybody_can_forge_do_not_grow(what: Offence) -> None:
    guard = Guard(Security(trusted=(), ban_after=1, ban_s=10.0, ban_growth=4.0))
    for turn in range(5):
        for _ in range(10):
            guard.offence("203.0.113.1", what, turn * 20.0, forgeable=True)
        assert not guard.lets_in("203.0.113.1", turn * 20.0 + 9.0)
        assert guard.lets_in("203.0.113.1", turn * 20.0 + 11.0)
    for _ in range(10):
        guard.offence("203.0.113.1", what, 200.0)
    assert not guard.lets_in("203.0.113.1", 230.0), "over a stream he has been there himself"


def test_a_forged_scanner_shuts_out_its_victim_for_one_ban_at_a_time() -> None:
    guard = Guard(Security(trusted=(), ban_s=10.0))
    scanner = Request.build("OPTIONS", "sip:100@192.0.2.1", headers=[("User-Agent", "friendly-scanner")])
    for turn in range(5):
        assert guard.is_scanner(scanner, Source("udp", "203.0.113.1", 5060), turn * 20.0)
        assert not guard.lets_in("203.0.113.1", turn * 20.0 + 9.0)
        assert guard.lets_in("203.0.113.1", turn * 20.0 + 11.0)


def test_a_ban_costs_the_same_in_a_full_table() -> None:
    """A forged datagram with a scanner's mark makes one: their number must not make them dear."""

    def cost(size: int) -> float:
        bans = Bans(BanLengths(), size=size)
        for number in range(size):
            bans.add(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "x", float(number))
        began = time.process_time()
        for number in range(300):
            bans.add(f"20.0.{number >> 8}.{number & 255}", "x", 1e6 + number)
        return time.process_time() - began

    assert min(cost(20_000) for _ in range(3)) < 10 * min(cost(100) for _ in range(3))


def test_the_ban_that_ends_first_makes_place_and_one_by_hand_never_does() -> None:
    bans = Bans(BanLengths(first_s=10.0), size=3)
    bans.add_by_hand("203.0.113.0/24", "by hand", 0.0, 0.0)
    bans.add("10.0.0.1", "x", 1.0)
    bans.add("10.0.0.2", "x", 2.0)
    bans.add("10.0.0.1", "again, so it is longer", 3.0)
    bans.add("10.0.0.3", "x", 4.0)
    assert {ban.key for ban in bans.in_force(5.0)} == {"203.0.113.0/24", "10.0.0.1", "10.0.0.3"}
    for turn in range(100):
        bans.add(f"10.0.1.{turn}", "x", 5.0 + turn)
        bans.remove(f"10.0.1.{turn - 1}", 5.0 + turn)
    assert "203.0.113.0/24" in {ban.key for ban in bans.in_force(200.0)}


def test_nobody_pushes_his_own_ban_out_by_provoking_others() -> None:
    guard = Guard(Security(trusted=(), ban_after=1))
    scanner = Request.build("OPTIONS", "sip:100@192.0.2.1", headers=[("User-Agent", "friendly-scanner")])
    guard.offence("203.0.113.1", "wrong password", 0.0)
    guard.ban("203.0.113.2", "by hand", 0.0, 60.0)
    for number in range(25_000):
        source = Source("udp", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5060)
        guard.is_scanner(scanner, source, 1.0)
    assert {"203.0.113.1", "203.0.113.2"} <= {ban.key for ban in guard.bans.in_force(2.0)}
    guard.configure(Security(trusted=(), ban_after=1))
    assert not guard.lets_in("203.0.113.1", 3.0), "a reload finds all bans again"
    guard.offence("203.0.113.3", "wrong password", 0.0)
    guard.bans.add("203.0.113.3", "scanner", 1.0, forgeable=True)
    assert not next(ban for ban in guard.bans.in_force(2.0) if ban.key == "203.0.113.3").forgeable


def test_bans_of_many_64s_after_a_restart_are_found_without_a_search() -> None:
    guard = Guard(Security(trusted=()))
    guard.restore(
        (
            Ban(key=f"2001:db8:{number:x}::/64", why="x", since=0.0, until=100.0)
            for number in range(1, 20_001)
        ),
        0.0,
    )
    began = time.process_time()
    heard = [guard.lets_in(f"2001:db8:{number:x}::9", 1.0) for number in (1, 2, 20_000, 20_001)]
    heard += [guard.lets_in(f"198.51.{number}.7", 1.0) for number in range(200)]
    assert heard == [False, False, False, *[True] * 201]
    assert time.process_time() - began < 0.5


def test_a_dialog_is_seen_without_parsing() -> None:
    data = b'BYE sip:a@b SIP/2.0\r\nI : abc@d\r\nt: "x;tag=no" <sip:a;tag=b@c>;x=y; TAG = ours;z\r\n\r\n'
    assert dialog_named_in(data) == ("abc@d", "ours")
    assert dialog_named_in(data.replace(b"TAG", b"gat").replace(b"tag", b"gat")) is None
    assert dialog_named_in(data.replace(b"I :", b"J :")) is None
    assert dialog_named_in(b"\r\nt:;tag=" * 10_000) is None
    assert dialog_named_in(b"\0\xff" * 40_000) is None


def test_the_narrowest_network_counts_and_the_first_of_equal_ones() -> None:
    table = NetworkTable(
        (ip_network(text), text + note)
        for text, note in (
            ("10.0.0.0/8", ""),
            ("10.1.0.0/16", ""),
            ("10.1.2.3/32", ""),
            ("10.1.0.0/16", " again"),
            ("2001:db8::/32", ""),
            ("2001:db8::1/128", ""),
            ("::/0", ""),
        )
    )
    found = ("10.9.9.9", "10.1.9.9", "10.1.2.3", "11.0.0.1", "2001:db8::2", "2001:db8::1", "fe80::1")
    assert [table.find(ip_address(text)) for text in found] == [
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.3/32",
        None,
        "2001:db8::/32",
        "2001:db8::1/128",
        "::/0",
    ]


def test_a_new_address_costs_the_same_beside_many_networks() -> None:
    def cost(networks: int) -> float:
        guard = Guard(Security(trusted=()))
        guard.set_exempt(ip_network(f"10.{n >> 8}.{n & 255}.1") for n in range(networks))
        began = time.process_time()
        for number in range(500):
            guard.lets_in(f"20.{number >> 8}.{number & 255}.7", 1.0)
        return time.process_time() - began

    few, many = min(cost(10) for _ in range(3)), min(cost(5000) for _ in range(3))
    assert many < 5 * few, "a forged datagram must not cost a walk through all trunks and phones"
