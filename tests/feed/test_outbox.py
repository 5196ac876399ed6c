"""Proves of events to be posted, on virtual time: order within each call, calls beside each other, growing pauses, one
try for all while the address is down, what is lost and counted, and the signature against an independent HMAC.

Does not prove HTTP: tests/interop/test_feeds.py has a server of aiohttp.
"""

import hmac
from random import Random

import pytest

from softswitch.config.feeds import Webhook
from softswitch.feed.outbox import Outbox, Parcel
from softswitch.feed.signature import signature

HOOK = Webhook(
    url="https://crm/hook", retry_min_s=1.0, retry_max_s=8.0, give_up_s=100.0, waiting=50, parallel=3
)


def parcel(number: int, key: str = "C1", at: float = 0.0) -> Parcel:
    return Parcel(number, "call.ended", key, b"{}", at)


def test_one_call_in_order_others_beside_it() -> None:
    box = Outbox(HOOK)
    for number, key in enumerate(["C1", "C1", "C2", "C3", "C4"], 1):
        box.put(parcel(number, key))
    first = box.due(0.0)
    assert [each.number for each in first] == [1, 3, 4]
    assert box.due(0.0) == [] and box.next_at() is None
    box.taken(first[0])
    assert [each.number for each in box.due(0.0)] == [5]
    box.taken(first[1])
    assert [each.number for each in box.due(0.0)] == [2]


def test_pauses_double_and_one_tries_for_all() -> None:
    box = Outbox(HOOK)
    for number, key in enumerate(["C1", "C2", "C3"], 1):
        box.put(parcel(number, key))
    now, pauses = 0.0, []
    for each in box.due(now):
        box.failed(each, now)
    assert box.failing
    for _ in range(4):
        at = box.next_at()
        assert at is not None and box.due(at - 0.01) == []
        pauses.append(at - now)
        now = at
        [one] = box.due(now)
        box.failed(one, now)
    assert pauses == [4.0, 8.0, 8.0, 8.0]
    at = box.next_at()
    assert at is not None
    [one] = box.due(at)
    box.taken(one)
    assert not box.failing and len(box.due(at)) == 2


def test_a_server_may_ask_for_a_longer_pause() -> None:
    box = Outbox(HOOK)
    box.put(parcel(1))
    [one] = box.due(0.0)
    box.failed(one, 0.0, retry_after_s=5.0)
    assert box.next_at() == 5.0


def test_what_is_lost_is_counted() -> None:
    box = Outbox(HOOK)
    for number in range(60):
        box.put(parcel(number, f"C{number}"))
    assert (box.waiting, box.counts["full"]) == (50, 10)
    refused = box.due(0.0)[0]
    box.refused(refused)
    assert box.due(101.0) == []
    assert box.counts["too old"] == 47
    assert box.lost == 58


@pytest.mark.parametrize("seed", range(20))
def test_order_holds_through_any_failures(seed: int) -> None:
    chance, box, got = Random(seed), Outbox(HOOK), {}
    put = 0
    now, under_way = 0.0, []
    for _ in range(2000):
        if chance.random() < 0.3 and put < 200:
            box.put(parcel(put, f"C{chance.randrange(5)}", now))
            put += 1
        under_way += box.due(now)
        assert len({each.key for each in under_way}) == len(under_way) <= HOOK.parallel
        if under_way and chance.random() < 0.6:
            one = under_way.pop(chance.randrange(len(under_way)))
            if chance.random() < 0.3:
                box.failed(one, now)
            else:
                box.taken(one)
                got.setdefault(one.key, []).append(one.number)
        now += 0.5
    assert all(numbers == sorted(numbers) for numbers in got.values())
    assert sum(map(len, got.values())) + box.lost + box.waiting == put


def test_signature() -> None:
    shown = signature("key", 1_764_000_000.9, b'{"a":1}')
    expected = hmac.digest(b"key", b'1764000000.{"a":1}', "sha256").hex()
    assert shown == f"t=1764000000,v1={expected}"
