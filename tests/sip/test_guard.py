"""Proves the guard's parts by themselves: rates per address, per network and of all strangers, scores and growing bans,
what is exempt, bounded tables, scanners' marks, quotas, and load with its hysteresis.

Does not prove that the endpoint asks it (`test_guarded_endpoint.py`), nor what it costs (`benchmarks/guard.py`).
"""

import pytest

from softswitch.config.security import Security
from softswitch.sip.bans import Ban, BanLengths, Bans
from softswitch.sip.guard import KNOWN_FOR_S, STREAM_ROOM, Guard, SecurityEvent
from softswitch.sip.message import Request
from softswitch.sip.overload import Load, Overload, OverloadLimits, retry_after
from softswitch.sip.quotas import Quotas
from softswitch.sip.signatures import Signatures
from softswitch.sip.source import Source
from softswitch.sip.source_rates import Bucket, SourceTable, address_of, ban_key, network_of

STRICT = Security(trusted=("10.0.0.0/8",), rate=2.0, network_rate=4.0, strangers_rate=8.0, known_rate=20.0)


def _passed(guard: Guard, address: str, number: int, now: float) -> int:
    return sum(guard.lets_in(address, now) for _ in range(number))


def test_a_bucket_fills_with_time_and_no_further_than_its_size() -> None:
    bucket = Bucket(3.0, 0.0)
    assert [bucket.take(1.0, 1.0, 3.0, 0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(1.0, 1.0, 3.0, 1.0) and not bucket.take(1.0, 1.0, 3.0, 1.5)
    assert sum(bucket.take(1.0, 1.0, 3.0, 1000.0) for _ in range(10)) == 3


@pytest.mark.parametrize(
    ("text", "network", "key"),
    [
        ("203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
        ("::ffff:203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/64"),
    ],
)
def test_networks_and_what_is_banned_of_an_address(text: str, network: str, key: str) -> None:
    assert (network_of(address_of(text)), ban_key(address_of(text))) == (network, key)


def test_an_address_its_network_and_all_strangers_have_a_rate_each() -> None:
    guard = Guard(STRICT)
    assert _passed(guard, "203.0.113.1", 100, 0.0) == 10, "five seconds' worth at once"
    assert _passed(guard, "203.0.113.2", 100, 0.0) == 10
    assert _passed(guard, "203.0.113.3", 100, 0.0) == 0, "the /24 has had its 20"
    assert _passed(guard, "198.51.100.1", 100, 0.0) == 10
    assert _passed(guard, "198.18.0.1", 100, 0.0) == 10
    assert _passed(guard, "198.18.1.1", 100, 0.0) == 0, "all strangers have had their 40"
    assert _passed(guard, "10.1.2.3", 100, 0.0) == 100
    assert sum(guard.counts.values()) == 90 * 4 + 100 * 2
    assert _passed(guard, "203.0.113.1", 100, 1.0) == 2, "a second later"


def test_rotating_the_address_within_a_64_gains_nothing() -> None:
    guard = Guard(STRICT)
    assert sum(guard.lets_in(f"2001:db8::{number:x}", 0.0) for number in range(1000)) == 20


def test_who_has_proved_himself_may_send_more_until_it_is_long_ago() -> None:
    guard = Guard(STRICT)
    assert not guard.knows("203.0.113.1", 0.0)
    guard.proved("203.0.113.1", 0.0)
    assert guard.knows("203.0.113.1", 1.0)
    assert _passed(guard, "203.0.113.1", 500, 0.0) == 100
    assert not guard.knows("203.0.113.1", KNOWN_FOR_S + 1)


def test_wrong_passwords_end_in_bans_that_grow() -> None:
    told: list[SecurityEvent] = []
    guard = Guard(Security(trusted=(), ban_after=3, ban_s=10.0, ban_growth=4.0, ban_max_s=100.0), told.append)
    now, lengths = 0.0, []
    for _ in range(5):
        for _ in range(3):
            assert guard.lets_in("203.0.113.1", now)
            guard.offence("203.0.113.1", "wrong password", now, "1001")
        assert not guard.lets_in("203.0.113.1", now)
        assert guard.lets_in("203.0.113.2", now), "a neighbour is heard"
        ban = guard.bans.in_force(now)[0]
        lengths.append(ban.until - now)
        now = ban.until
    assert lengths == [10.0, 40.0, 100.0, 100.0, 100.0]
    assert [event.kind for event in told[:4]] == ["failed", "failed", "failed", "banned"]
    assert told[0].user == "1001" and told[3].times == 1


def test_offences_far_apart_are_forgotten() -> None:
    guard = Guard(Security(trusted=(), ban_after=10, ban_window_s=600.0))
    for turn in range(200):
        guard.offence("203.0.113.1", "wrong password", turn * 61.0)
    assert not guard.bans.in_force(200 * 61.0)
    for turn in range(30):
        guard.offence("203.0.113.2", "wrong password", turn * 1.0)
    assert [ban.key for ban in guard.bans.in_force(30.0)] == ["203.0.113.2"]


def test_a_source_close_to_its_ban_is_heard_seldom() -> None:
    guard = Guard(Security(trusted=(), rate=20.0, ban_after=10))
    for _ in range(6):
        guard.offence("203.0.113.1", "wrong password", 0.0)
    assert _passed(guard, "203.0.113.1", 1000, 0.0) == 10, "a tenth of what it else may send"


def test_what_can_be_forged_never_bans_a_known_address_and_passwords_ten_times_as_late() -> None:
    guard = Guard(Security(trusted=(), ban_after=3))
    guard.proved("203.0.113.1", 0.0)
    for _ in range(1000):
        for what in ("unparsable", "unanswered challenge", "guessed nonce"):
            guard.offence("203.0.113.1", what, 0.0)  # type: ignore[arg-type]
    assert guard.lets_in("203.0.113.1", 0.0)
    for turn in range(30):
        assert guard.lets_in("203.0.113.1", 0.0), turn
        guard.offence("203.0.113.1", "wrong password", 0.0)
    assert not guard.lets_in("203.0.113.1", 0.0)


def test_a_ban_of_ipv6_is_of_the_64() -> None:
    guard = Guard(Security(trusted=(), ban_after=1))
    assert guard.lets_in("2001:db8::1", 0.0) and guard.lets_in("2001:db8::2", 0.0)
    guard.offence("2001:db8::1", "wrong password", 0.0)
    assert not guard.lets_in("2001:db8::2", 0.0) and not guard.lets_in("2001:db8::3", 0.0)
    assert guard.lets_in("2001:db8:0:1::1", 0.0)
    assert guard.unban("2001:db8::/64", 1.0) is not None
    assert guard.lets_in("2001:db8::2", 1.0)


def test_trusted_networks_are_banned_by_hand_only() -> None:
    guard = Guard(Security(trusted=("10.0.0.0/8",), ban_after=1))
    for _ in range(50):
        guard.offence("10.0.0.1", "wrong password", 0.0)
    assert guard.lets_in("10.0.0.1", 0.0)
    guard.ban("10.0.0.0/24", "by hand", 0.0, 60.0)
    assert not guard.lets_in("10.0.0.1", 1.0) and not guard.lets_in("10.0.0.2", 1.0)
    assert guard.lets_in("10.0.1.1", 1.0)
    assert guard.lets_in("10.0.0.1", 61.0), "and then it is trusted again"
    assert _passed(guard, "10.0.0.1", 10_000, 61.0) == 10_000


def test_bans_by_hand_need_an_address_and_can_be_lifted() -> None:
    guard = Guard(Security(trusted=()))
    with pytest.raises(ValueError):
        guard.ban("everybody", "?", 0.0)
    assert guard.lets_in("203.0.113.1", 0.0)
    made = guard.ban("203.0.113.0/24", "a scan", 0.0)
    assert made.manual and guard.bans.in_force(86400.0 * 300) == (made,)
    assert not guard.lets_in("203.0.113.1", 1.0) and not guard.lets_in("203.0.113.200", 1.0)
    assert not guard.lets_connect("203.0.113.7", 1.0) and guard.lets_connect("203.0.112.7", 1.0)
    assert guard.unban("203.0.113.1", 2.0) is None, "it is the network that is banned"
    assert guard.unban("203.0.113.0/24", 2.0) == made
    assert guard.lets_in("203.0.113.1", 2.0)


def test_bans_of_the_last_run_hold_and_their_number_counts() -> None:
    guard = Guard(Security(trusted=(), ban_after=1, ban_s=10.0))
    old = Ban(key="203.0.113.1", why="wrong password", since=-5.0, until=-1.0, times=2)
    live = Ban(key="198.51.100.0/24", why="by hand", since=-5.0, until=50.0, manual=True)
    guard.restore([old, live, Ban(key="nonsense", why="", since=0.0, until=99.0)], 0.0)
    assert guard.lets_in("203.0.113.1", 0.0) and not guard.lets_in("198.51.100.200", 0.0)
    guard.offence("203.0.113.1", "wrong password", 0.0)
    assert guard.bans.in_force(0.0)[0].until == 160.0, "its third ban"
    assert {ban.key for ban in guard.bans.remembered(0.0)} == {"203.0.113.1", "198.51.100.0/24"}


def test_tables_are_bounded_and_keep_who_is_known() -> None:
    table = SourceTable(size=100)
    known = table.add(
        "203.0.113.1", address_of("203.0.113.1"), burst=1.0, connections=1.0, network_burst=1.0, now=0.0
    )
    known.known_until = 1e9
    for number in range(10_000):
        text = f"10.{number >> 8}.{number & 255}.1"
        table.add(text, address_of(text), burst=1.0, connections=1.0, network_burst=1.0, now=1.0)
    assert len(table) == 100 and table.get("203.0.113.1") is known
    bans = Bans(BanLengths(), size=10)
    for number in range(1000):
        bans.add(f"10.0.{number >> 8}.{number & 255}", "x", float(number))
    assert len(bans.remembered(1000.0)) == 10


def test_strangers_open_so_many_connections_a_second_and_those_we_know_as_many_as_they_like() -> None:
    guard = Guard(Security(trusted=("192.0.2.0/24",), connection_rate=2.0))
    opened = [guard.lets_connect("203.0.113.7", 0.0) for _ in range(20)]
    assert sum(opened) == 10 and all(opened[:10]), "five seconds' worth at once"
    assert [guard.lets_connect("203.0.113.7", 1.0) for _ in range(3)] == [True, True, False]
    assert guard.lets_connect("203.0.113.8", 1.0), "each address by itself"
    assert all(guard.lets_connect("192.0.2.7", 1.0) for _ in range(100))
    guard.proved("203.0.113.7", 1.0)
    assert all(guard.lets_connect("203.0.113.7", 1.0) for _ in range(100))
    assert guard.counts["over the connection rate of a source"] == 11
    assert guard.lets_in("203.0.113.8", 1.0), "messages are counted by themselves"


def test_a_ban_outlives_the_table_of_sources() -> None:
    guard = Guard(Security(trusted=(), ban_after=1, strangers_rate=1e9, network_rate=1e9))
    guard.offence("203.0.113.1", "wrong password", 0.0)
    for number in range(60_000):
        guard.lets_in(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert not guard.lets_in("203.0.113.1", 1.0)


def _at(address: str, transport: str = "udp") -> Source:
    return Source(transport, address, 5060)


def _asking(**headers: str) -> Request:
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request.build("OPTIONS", "sip:100@192.0.2.1", headers=lines)


def test_scanners_are_known_by_their_marks_unless_we_know_them() -> None:
    guard = Guard(Security(trusted=("10.0.0.0/8",)))
    scanner, shaped = _asking(User_Agent="Friendly-Scanner"), _asking(To='"sipvicious" <sip:100@1.1.1.1>')
    honest = _asking(User_Agent="a phone", To="<sip:100@192.0.2.1>")
    assert not guard.is_scanner(honest, _at("203.0.113.1"), 0.0)
    for number, one in enumerate((scanner, shaped, _asking(To="<sip:100@1.1.1.1>"))):
        address = f"203.0.113.{10 + number}"
        assert guard.is_scanner(one, _at(address), 0.0) and not guard.lets_in(address, 0.0)
    guard.proved("203.0.113.1", 0.0)
    assert not guard.is_scanner(scanner, _at("203.0.113.1"), 0.0)
    assert not guard.is_scanner(scanner, _at("10.0.0.1"), 0.0)
    with pytest.raises(ValueError):
        Signatures(("friendly-scanner",))


def test_quotas_give_back_what_was_taken() -> None:
    guard = Guard(Security(trusted=("10.0.0.0/8",), max_transactions=2))
    assert [guard.may_hold("transactions", "203.0.113.1", 0.0) for _ in range(3)] == [True, True, False]
    guard.quotas.give("transactions", "203.0.113.1")
    assert guard.may_hold("transactions", "203.0.113.1", 0.0)
    assert all(guard.may_hold("transactions", "10.0.0.1", 0.0) for _ in range(100))
    quotas = Quotas()
    assert quotas.take("dialogs", "a", 0)
    quotas.dialog_begins("call", "tag", "a")
    quotas.end_dialog("call", "tag")
    quotas.end_dialog("call", "tag")
    assert quotas.holding("dialogs", "a") == 0


def test_room_for_an_answer() -> None:
    guard = Guard(Security(trusted=("10.0.0.0/8",)))
    assert guard.room(Source("udp", "203.0.113.1", 1), 200, 0.0) == 300
    assert guard.room(Source("tcp", "203.0.113.1", 1), 200, 0.0) == STREAM_ROOM
    assert guard.room(Source("tcp", "10.0.0.1", 1), 200, 0.0) == 0
    guard.proved("203.0.113.1", 0.0)
    assert guard.room(Source("tcp", "203.0.113.1", 1), 200, 0.0) == 0
    assert guard.room(Source("udp", "203.0.113.1", 1), 200, 0.0) == 300, "what is known can still be forged"
    assert guard.room(Source("udp", "10.0.0.1", 1), 200, 0.0) == 0


def _fed(
    load: Overload, lag_s: float, seconds: float, now: float, cpu: float = 0.0, queue: float = 0.0
) -> float:
    for _ in range(round(seconds * 10)):
        now += 0.1
        load.sample(lag_s=lag_s, queue=queue, cpu=cpu, now=now)
    return now


def test_load_rises_late_and_falls_later() -> None:
    load = Overload(OverloadLimits(lag_s=0.1))
    now = _fed(load, 0.09, 60.0, 0.0)
    assert load.level == Load.NORMAL and not load.refuses("INVITE")
    now = _fed(load, 0.02, 3.0, now)
    load.sample(lag_s=0.4, queue=0.0, cpu=0.0, now=now + 0.1)
    now = _fed(load, 0.0, 2.0, now)
    assert load.level == Load.NORMAL, "one pause is no overload"
    now = _fed(load, 0.15, 3.0, now)
    assert load.level == Load.HIGH and load.refuses("INVITE") and not load.refuses("REGISTER")
    now = _fed(load, 0.08, 30.0, now)
    assert load.level == Load.HIGH, "only well below where it began"
    now = _fed(load, 0.3, 3.0, now)
    assert load.level == Load.SEVERE and load.refuses("REGISTER") and not load.refuses("BYE")
    _fed(load, 0.0, 5.0, now)
    assert load.level == Load.NORMAL and load.refused == 2


def test_queues_count_as_lateness_does_and_a_busy_processor_only_with_it() -> None:
    load = Overload()
    _fed(load, 0.0, 10.0, 0.0, queue=0.7)
    assert load.level == Load.HIGH
    load = Overload()
    now = _fed(load, 0.01, 60.0, 0.0, cpu=1.0)
    assert load.level == Load.NORMAL
    _fed(load, 0.15, 10.0, now, cpu=1.0)
    assert load.level == Load.HIGH


def test_strangers_are_the_first_to_wait() -> None:
    guard = Guard(STRICT)
    guard.proved("203.0.113.1", 0.0)
    guard.overload.level = Load.HIGH
    assert _passed(guard, "198.51.100.1", 100, 0.0) == 8, "a fifth of what all strangers may send"
    guard.overload.level = Load.SEVERE
    assert _passed(guard, "198.18.0.1", 100, 100.0) == 0
    assert _passed(guard, "203.0.113.1", 50, 0.0) == 50 and _passed(guard, "10.0.0.1", 50, 0.0) == 50
    connected = [guard.lets_connect(address, 0.0) for address in ("198.18.0.1", "203.0.113.1", "10.0.0.1")]
    assert connected == [False, True, True], "a handshake of TLS costs more than a message"


def test_those_who_are_refused_together_come_back_apart() -> None:
    waits = [retry_after("REGISTER", f"call-{number}") for number in range(2000)]
    assert min(waits) == 20 and max(waits) == 120
    assert all(waits.count(second) < 60 for second in range(20, 121))
    assert {retry_after("INVITE", f"call-{number}") for number in range(500)} == set(range(5, 16))


def test_switched_off_nothing_is_limited_but_amplification() -> None:
    guard = Guard(Security(enabled=False, trusted=(), ban_after=1, rate=1.0))
    for _ in range(100):
        guard.offence("203.0.113.1", "wrong password", 0.0)
    assert _passed(guard, "203.0.113.1", 1000, 0.0) == 1000
    assert guard.room(Source("udp", "203.0.113.1", 1), 100, 0.0) == 150
    guard.configure(STRICT)
    assert _passed(guard, "203.0.113.1", 1000, 0.0) < 1000, "a reload counts at once"
