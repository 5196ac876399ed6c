"""Proves that nobody finds out by asking which users exist: 200 known and 200 unknown ones, five methods, without and with
a wrong password, get the same bytes but for nonces and tags, the same number of answers at the same moments, and cost the
same work: the same functions called as often.

Does not measure time; `benchmarks/enumeration.py` does, with a rank test.
"""

import asyncio
import gc
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from guarded import Home, Outsider, credentials, request, story

from benchmarks.rank_test import rank_test
from softswitch.config.security import Security
from softswitch.testing.network import Network

METHODS = ("REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE", "OPTIONS")
KNOWN = [str(number) for number in range(1000, 1200)]
UNKNOWN = [str(number) for number in range(7000, 7200)]
LENIENT = Security(trusted=(), ban_after=1_000_000, rate=1e6, network_rate=1e6, strangers_rate=1e6)


def _bare(data: bytes, user: str) -> bytes:
    """Without what differs between any two answers."""
    data = re.sub(rb'nonce="[^"]*"', b'nonce=""', data)
    data = re.sub(rb"tag=[0-9a-z]+", b"tag=", data)
    data = re.sub(rb"(branch=z9hG4bKrequest|Call-ID: call-)[0-9]+", rb"\1", data)
    data = re.sub(rb"Retry-After: [0-9]+", b"Retry-After:", data)
    return data.replace(user.encode(), b"USER")


def _padded(number: int) -> tuple[str, ...]:
    """So that requests differ in nothing but the user."""
    return (f"X-Number: {number:06}",)


@pytest.mark.parametrize("method", METHODS)
def test_known_and_unknown_users_get_the_same_bytes_at_the_same_moments(method: str) -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network, LENIENT)
        await home.sip.start()
        seen: dict[bool, Counter[tuple[bytes, ...]]] = {True: Counter(), False: Counter()}
        for number, user in enumerate(one for both in zip(KNOWN, UNKNOWN, strict=True) for one in both):
            eve = Outsider(network, "203.0.113.9")
            eve.send(request(method, user, call_id=f"call-{number:06}", headers=_padded(number)))
            await asyncio.sleep(0.02)
            assert len(eve.got) == 1
            answer = eve.responses()[0]
            if answer.status == 401:
                wrong = credentials(answer, user, "a guess", method)
                eve.send(request(method, user, cseq=2, headers=(*_padded(number), wrong)))
                await asyncio.sleep(0.02)
            seen[user in KNOWN][tuple(_bare(data, user) for data in eve.got)] += 1
        assert seen[True] == seen[False]
        assert sum(seen[True].values()) == 200 and len(seen[True]) == 1
        before = len(network.packets)
        await asyncio.sleep(40.0)
        assert len(network.packets) == before, "nothing is repeated for either"

    story(tell())


@contextmanager
def _calls() -> Iterator[Counter[str]]:
    """Which functions of ours, and of the digest's library, are called how often."""
    counted: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            counted[f"{frame.f_code.co_filename}:{frame.f_code.co_name}"] += 1
        elif event == "c_call":
            counted[getattr(argument, "__qualname__", "?")] += 1

    gc.disable()  # a collection would be counted with whatever it happens to fall into
    sys.setprofile(profile)
    try:
        yield counted
    finally:
        sys.setprofile(None)
        gc.enable()


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_a_wrong_password_costs_the_same_work_for_both(method: str) -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network, LENIENT)
        await home.sip.start()
        eve = Outsider(network)
        work = {}
        for user in ("1000", "7000", "1001", "7001"):
            eve.send(request(method, user))
            await asyncio.sleep(0.1)
            wrong = credentials(eve.responses()[-1], user, "a guess", method)
            data = request(method, user, cseq=2, headers=(wrong,), call_id=f"work-{user}")
            with _calls() as counted:
                home.sip._received(data, eve.place)
            work[user] = {name: times for name, times in counted.items() if "__exit__" not in name}
            await asyncio.sleep(0.1)
        assert work["1001"] == work["7001"]
        assert any("digest_response" in name for name in work["7001"])

    story(tell())


def test_the_rank_test_tells_two_samples_apart_and_like_ones_not() -> None:
    """The first by hand: U is 435, its mean 450, its deviation 67.64, so z is 0.2144 with the correction of a half."""
    first = [float(number) for number in range(1, 31)]
    assert rank_test(first, [number + 0.5 for number in first]) == pytest.approx(0.8303, abs=2e-3)
    assert rank_test(first, first) == pytest.approx(1.0, abs=0.01)
    assert rank_test(first, [number + 20 for number in first]) < 1e-6
    assert rank_test([1.0] * 30, [1.0] * 30) == 1.0
