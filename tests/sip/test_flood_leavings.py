"""Proves that floods leave nothing behind in the SIP side of a switch: after thousands of REGISTER, INVITE, OPTIONS and
SUBSCRIBE of strangers and of a trunk that never acknowledges, no transaction, session, timer or quota is left, and a
second flood leaves no more objects than the first. Virtual time, a network in memory.

Does not prove what calls suffer meanwhile, nor memory as the kernel counts it; `benchmarks/flood.py` does.
"""

import asyncio
import functools
import gc

from guarded import Home, Outsider, request, story

from softswitch.config.security import Security
from softswitch.sip.quotas import Held
from softswitch.testing.network import Network

METHODS = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE")
HELD: tuple[Held, ...] = ("transactions", "dialogs", "subscriptions")
ROUNDS, MESSAGES, SOURCES = 4, 400, 40
FREE = Security(trusted=(), rate=1e6, network_rate=1e6, strangers_rate=1e6, ban_after=10**6)
"""Nothing is dropped before it is served."""


def _objects(home: Home, network: Network, outsiders: list[Outsider]) -> int:
    """What is alive, but for what the test itself has written down, and for the caches, which are bounded."""
    network.packets.clear()
    home.sessions.clear()
    home.events.clear()
    for outsider in outsiders:
        outsider.got.clear()
    alive = gc.get_objects()
    for cache in alive:
        if isinstance(cache, functools._lru_cache_wrapper) and cache.__module__.startswith("softswitch.sip."):
            assert cache.cache_info().maxsize is not None, f"{cache} grows without end"
            cache.cache_clear()
    del alive
    gc.collect()
    return len(gc.get_objects())


def test_a_flood_leaves_nothing_behind() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network, FREE)
        await home.sip.start()
        strangers = [
            Outsider(network, f"203.0.{index}.9", transport)
            for index in range(SOURCES)
            for transport in ("udp", "tcp")
        ]
        carrier = Outsider(network, "198.51.100.10")
        everybody = [*strangers, carrier]
        left: list[int] = []
        for _ in range(ROUNDS):
            for number in range(MESSAGES):
                one = everybody[number % len(everybody)]
                method = METHODS[number % 4]
                one.send(request(method, "1001", address=one.address, transport=one.transport.upper()))
                if number % 50 == 0:
                    await asyncio.sleep(0.01)
            for _ in range(20):
                carrier.send(request("INVITE", "1001", address=carrier.address))
            await asyncio.sleep(1.0)
            for session in home.sessions:
                session.hangup(486)
            await asyncio.sleep(400.0)
            assert home.sip.sessions() == () and home.sip._stack.transactions == 0
            for what in HELD:
                assert home.sip.guard.quotas.holding(what, carrier.address) == 0
            left.append(_objects(home, network, everybody))
        assert left[-1] - left[1] < 40, f"objects after each round: {left}"
        assert sum(home.sip.stats().stateless.values()) > ROUNDS * MESSAGES * 0.9

    story(tell())
