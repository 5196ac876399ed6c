"""Asks DNS where a SIP URI leads: NAPTR, then SRV, then A and AAAA (RFC 3263 section 4).

What records mean and in which order places are tried is `targets.py`. Answers are kept as long as DNS allows, within
bounds; one name is asked for once at a time, however many wait for it, and each who asks draws by weight anew. Names that
DNS does not know are looked for in the hosts file too.
"""

import asyncio
import random
import socket
import time
from collections import OrderedDict
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.resolver
import structlog
from dns.nameserver import Do53Nameserver
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from softswitch.config.trunk_formats import name_server
from softswitch.sip.nat import is_address
from softswitch.sip.source import Source
from softswitch.sip.targets import (
    MAX_RECORDS,
    NaptrRecord,
    Service,
    SrvRecord,
    services_by_naptr,
    services_without_naptr,
    srv_order,
)
from softswitch.sip.uri import Uri
from softswitch.sip.way import DEFAULT_PORTS, direct_place, place, transport_of

MAX_CACHED = 4096
MAX_FOUND = 16
MAX_SRV_NAMES = 8
"""Hosts of one SRV answer whose addresses are asked for."""
SHORTEST_S, LONGEST_S, FAILED_S = 10.0, 600.0, 10.0
LOOKUP_LIMIT_S = 4.0

_log = structlog.get_logger(__name__)
_Question = tuple[str, int | None, str, bool]


@dataclass(frozen=True, slots=True)
class _Tier:
    """Hosts that serve one transport, with their addresses."""

    transport: str
    records: tuple[SrvRecord, ...]
    addresses: dict[str, tuple[str, ...]]

    def places(self, uri: Uri) -> list[Source]:
        return [
            place(uri, self.transport, address, record.port)
            for record in srv_order(self.records, lambda most: random.randint(0, most))
            for address in self.addresses.get(record.host, ())
        ]


@dataclass(frozen=True, slots=True)
class _Found:
    until: float
    tiers: tuple[_Tier, ...]

    def places(self, uri: Uri) -> list[Source]:
        every = [found for tier in self.tiers for found in tier.places(uri)]
        return list(dict.fromkeys(every))[:MAX_FOUND]


class Resolver:
    """One per endpoint; `resolve` gives destinations in order of preference, none when the name leads nowhere."""

    def __init__(
        self, dns_resolver: dns.asyncresolver.Resolver | None = None, name_servers: tuple[str, ...] = ()
    ) -> None:
        """Without `dns_resolver`, those of `name_servers` are asked, or the system's when there are none."""
        self._name_servers = name_servers
        self._cache: OrderedDict[_Question, _Found] = OrderedDict()
        self._running: dict[_Question, asyncio.Task[_Found]] = {}
        self._dns = dns_resolver

    async def resolve(self, uri: Uri) -> list[Source]:
        transport = transport_of(uri)
        if not transport:
            return []
        if is_address(uri.host):
            direct = direct_place(uri)
            return [direct] if direct is not None else []
        free = uri.scheme == "sip" and not uri.transport
        question = (uri.host.lower().rstrip("."), uri.port, "" if free else transport, uri.scheme == "sips")
        cached = self._cache.get(question)
        if cached is not None and cached.until > time.monotonic():
            return cached.places(uri)
        task = self._running.get(question)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(question))
            self._running[question] = task
        return (await asyncio.shield(task)).places(uri)

    async def close(self) -> None:
        for task in tuple(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _ask(self, question: _Question) -> _Found:
        ttl, tiers = FAILED_S, tuple[_Tier, ...]()
        try:
            async with asyncio.timeout(LOOKUP_LIMIT_S):
                ttl, tiers = await self._tiers(*question)
        except TimeoutError:
            _log.warning("a name was not resolved in time", host=question[0])
        finally:
            self._running.pop(question, None)
        found = any(any(tier.addresses.values()) for tier in tiers)
        lifetime = min(max(ttl, SHORTEST_S), LONGEST_S) if found else FAILED_S
        answer = _Found(time.monotonic() + lifetime, tiers)
        self._cache[question] = answer
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return answer

    async def _tiers(
        self, host: str, port: int | None, transport: str, secure: bool
    ) -> tuple[float, tuple[_Tier, ...]]:
        if port is not None:
            return await self._plain(host, port, transport or "udp")
        ttl, services = LONGEST_S, tuple[Service, ...]()
        if not transport or secure:
            ttl, services = await self._naptr(host, secure)
        if services:
            tiers = []
            for service in services[:MAX_SRV_NAMES]:
                more, tier = await self._srv_tier(service)
                ttl = min(ttl, more)
                tiers += [tier] if tier is not None else []
            if tiers:
                return ttl, tuple(tiers)
        for service in services_without_naptr(host, transport):
            more, tier = await self._srv_tier(service)
            if tier is not None:
                return min(ttl, more), (tier,)
        transport = transport or "udp"
        return await self._plain(host, DEFAULT_PORTS[transport], transport)

    async def _plain(self, host: str, port: int, transport: str) -> tuple[float, tuple[_Tier, ...]]:
        ttl, addresses = await self._addresses(host)
        return ttl, (_Tier(transport, (SrvRecord(0, 0, port, host),), {host: addresses}),)

    async def _naptr(self, host: str, secure: bool) -> tuple[float, tuple[Service, ...]]:
        try:
            answer = await self._resolver().resolve(host, "NAPTR")
        except dns.exception.DNSException:
            return LONGEST_S, ()
        records = [
            NaptrRecord(
                record.order,
                record.preference,
                record.flags.decode("ascii", "replace"),
                record.service.decode("ascii", "replace"),
                str(record.replacement).rstrip("."),
            )
            for record in list(answer)[:MAX_RECORDS]
            if isinstance(record, NAPTR)
        ]
        return _ttl(answer), services_by_naptr(records, secure=secure)

    async def _srv_tier(self, service: Service) -> tuple[float, _Tier | None]:
        """None: nobody serves it, or the only record says so with a target of `.`."""
        try:
            answer = await self._resolver().resolve(service.name, "SRV")
        except dns.exception.DNSException:
            return LONGEST_S, None
        records = tuple(
            SrvRecord(record.priority, record.weight, int(record.port), str(record.target).rstrip("."))
            for record in list(answer)[:MAX_RECORDS]
            if isinstance(record, SRV) and str(record.target) != "."
        )
        if not records:
            return _ttl(answer), None
        nearest = sorted(records, key=lambda record: record.priority)
        hosts = list(dict.fromkeys(record.host for record in nearest))[:MAX_SRV_NAMES]
        found = await asyncio.gather(*(self._addresses(host) for host in hosts))
        ttl = min(_ttl(answer), *(more for more, _ in found))
        addresses = {host: each for host, (_, each) in zip(hosts, found, strict=True)}
        return ttl, _Tier(service.transport, records, addresses)

    async def _addresses(self, host: str) -> tuple[float, tuple[str, ...]]:
        if is_address(host):
            return LONGEST_S, (host.strip("[]"),)
        ttl, addresses = LONGEST_S, list[str]()
        for kind in ("A", "AAAA"):
            try:
                answer = await self._resolver().resolve(host, kind)
            except dns.exception.DNSException:
                continue
            ttl = min(ttl, _ttl(answer))
            addresses += [str(record) for record in list(answer)[:MAX_RECORDS]]
        return (ttl, tuple(addresses)) if addresses else (SHORTEST_S, await _from_hosts(host))

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._dns is None:
            self._dns = _configured(self._name_servers)
        return self._dns


def _ttl(answer: dns.resolver.Answer) -> float:
    return float(answer.rrset.ttl) if answer.rrset is not None else SHORTEST_S


def _configured(name_servers: tuple[str, ...]) -> dns.asyncresolver.Resolver:
    try:
        resolver = dns.asyncresolver.Resolver(configure=not name_servers)
    except dns.resolver.NoResolverConfiguration:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = []
    if name_servers:
        places = [name_server(text) for text in name_servers]
        resolver.nameservers = [Do53Nameserver(address, port) for address, port in places]
    resolver.lifetime = 3.0
    return resolver


async def _from_hosts(host: str) -> tuple[str, ...]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, 5060, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):  # the latter for names that DNS could not hold
        return ()
    return tuple(str(entry[4][0]) for entry in found)
