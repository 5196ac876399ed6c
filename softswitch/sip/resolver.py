"""Where a SIP URI leads: addresses at once, names by SRV, then A and AAAA (RFC 3263 section 4, without NAPTR).

Answers are kept as long as DNS allows, within bounds; one name is asked for once at a time, however many wait for it.
Names that DNS does not know are looked for in the hosts file too.
"""

import asyncio
import random
import socket
import time
from collections import OrderedDict

import dns.asyncresolver
import dns.exception
import dns.resolver
import structlog
from dns.rdtypes.IN.SRV import SRV

from softswitch.sip.nat import is_address
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

MAX_CACHED = 4096
MAX_FOUND = 16
SHORTEST_S, LONGEST_S, FAILED_S = 10.0, 600.0, 10.0
LOOKUP_LIMIT_S = 4.0

_log = structlog.get_logger(__name__)
_Question = tuple[str, int | None, str]
_Places = list[tuple[str, int]]


class Resolver:
    """One per endpoint; `resolve` gives destinations in order of preference, none when the name leads nowhere."""

    def __init__(self, dns_resolver: dns.asyncresolver.Resolver | None = None) -> None:
        """Without `dns_resolver`, the system's name servers are asked."""
        self._cache: OrderedDict[_Question, tuple[float, list[Source]]] = OrderedDict()
        self._running: dict[_Question, asyncio.Task[list[Source]]] = {}
        self._dns = dns_resolver

    async def resolve(self, uri: Uri) -> list[Source]:
        transport = uri.transport or "udp"
        if uri.scheme != "sip" or transport not in ("udp", "tcp"):
            return []
        if is_address(uri.host):
            return [Source(transport, uri.host.strip("[]"), uri.port or 5060)]
        question = (uri.host.lower().rstrip("."), uri.port, transport)
        cached = self._cache.get(question)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        task = self._running.get(question)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(question))
            self._running[question] = task
        return await asyncio.shield(task)

    async def close(self) -> None:
        for task in tuple(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _ask(self, question: _Question) -> list[Source]:
        host, port, transport = question
        ttl, places = FAILED_S, list[tuple[str, int]]()
        try:
            async with asyncio.timeout(LOOKUP_LIMIT_S):
                ttl, places = await self._places(host, port, transport)
        except TimeoutError:
            _log.warning("a name was not resolved in time", host=host)
        finally:
            self._running.pop(question, None)
        found = [Source(transport, address, place) for address, place in places[:MAX_FOUND]]
        lifetime = min(max(ttl, SHORTEST_S), LONGEST_S) if found else FAILED_S
        self._cache[question] = (time.monotonic() + lifetime, found)
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return found

    async def _places(self, host: str, port: int | None, transport: str) -> tuple[float, _Places]:
        if port is not None:
            return await self._addresses(host, port)
        ttl, targets = await self._srv(f"_sip._{transport}.{host}")
        if not targets:
            return await self._addresses(host, 5060)
        places: _Places = []
        for name, target_port in targets[:8]:
            address_ttl, found = await self._addresses(name, target_port)
            ttl = min(ttl, address_ttl)
            places.extend(found)
        return ttl, places

    async def _srv(self, name: str) -> tuple[float, _Places]:
        try:
            answer = await self._resolver().resolve(name, "SRV")
        except dns.exception.DNSException:
            return LONGEST_S, []
        records = [record for record in answer if isinstance(record, SRV)]
        records.sort(key=lambda record: (record.priority, -record.weight * random.random()))
        places = [(str(record.target).rstrip("."), int(record.port)) for record in records]
        return float(answer.rrset.ttl if answer.rrset else SHORTEST_S), [
            place for place in places if place[0]
        ]

    async def _addresses(self, host: str, port: int) -> tuple[float, _Places]:
        ttl, places = LONGEST_S, list[tuple[str, int]]()
        for kind in ("A", "AAAA"):
            try:
                answer = await self._resolver().resolve(host, kind)
            except dns.exception.DNSException:
                continue
            ttl = min(ttl, float(answer.rrset.ttl if answer.rrset else SHORTEST_S))
            places.extend((str(record), port) for record in answer)
        return (ttl, places) if places else (SHORTEST_S, await _from_hosts(host, port))

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._dns is None:
            self._dns = _configured()
        return self._dns


def _configured() -> dns.asyncresolver.Resolver:
    try:
        resolver = dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = []
    resolver.lifetime = 3.0
    return resolver


async def _from_hosts(host: str, port: int) -> _Places:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        return []
    return [(str(entry[4][0]), port) for entry in found]
