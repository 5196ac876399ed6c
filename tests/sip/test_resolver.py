"""Proves where names lead, against a DNS server of this test on loopback: SRV by priority, A without SRV, ports, the
cache, one question at a time, names nobody knows, and addresses that need no DNS at all.

Does not prove NAPTR, which is not asked for.
"""

import asyncio
from collections import Counter
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from softswitch.sip.resolver import Resolver
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

ZONE = {
    ("_sip._udp.example.com.", "SRV"): ["20 0 5080 b.example.com.", "10 0 5070 a.example.com."],
    ("_sip._tcp.example.com.", "SRV"): ["10 0 5071 a.example.com."],
    ("a.example.com.", "A"): ["192.0.2.10"],
    ("b.example.com.", "A"): ["192.0.2.20", "192.0.2.21"],
    ("example.com.", "A"): ["192.0.2.30"],
    ("six.example.com.", "AAAA"): ["2001:db8::5"],
    ("plain.example.com.", "A"): ["192.0.2.40"],
}


class NameServer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[f"{question.name} {kind}"] += 1
        response = dns.message.make_response(query)
        records = ZONE.get((str(question.name), kind))
        if records:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(name == str(question.name) for name, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), addr)


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    configured = dns.asyncresolver.Resolver(configure=False)
    configured.nameservers = ["127.0.0.1"]
    configured.port = transport.get_extra_info("sockname")[1]
    configured.lifetime = 2.0
    resolver = Resolver(dns_resolver=configured)
    yield resolver, server
    await resolver.close()
    transport.close()


async def places(resolver: Resolver, text: str) -> list[str]:
    return [str(place) for place in await resolver.resolve(Uri.parse(text))]


async def test_srv_is_followed_by_priority(served) -> None:  # type: ignore[no-untyped-def]
    resolver, _ = served
    found = await places(resolver, "sip:x@example.com")
    assert found[0] == "udp:192.0.2.10:5070"
    assert sorted(found[1:]) == ["udp:192.0.2.20:5080", "udp:192.0.2.21:5080"]
    assert await places(resolver, "sip:x@example.com;transport=tcp") == ["tcp:192.0.2.10:5071"]


async def test_a_port_asks_for_the_address_alone_and_no_srv_means_5060(served) -> None:  # type: ignore[no-untyped-def]
    resolver, server = served
    assert await places(resolver, "sip:x@example.com:5090") == ["udp:192.0.2.30:5090"]
    assert not any("SRV" in asked for asked in server.asked)
    assert await places(resolver, "sip:x@plain.example.com") == ["udp:192.0.2.40:5060"]
    assert await places(resolver, "sip:x@six.example.com") == ["udp:[2001:db8::5]:5060"]


async def test_an_answer_is_kept_and_asked_for_once(served) -> None:  # type: ignore[no-untyped-def]
    resolver, server = served
    found = await asyncio.gather(*(places(resolver, "sip:x@plain.example.com") for _ in range(20)))
    assert found == [["udp:192.0.2.40:5060"]] * 20
    assert await places(resolver, "sip:y@PLAIN.example.com.") == ["udp:192.0.2.40:5060"]
    assert server.asked["plain.example.com. A"] == 1


async def test_what_nobody_knows_leads_nowhere_and_the_hosts_file_counts(served) -> None:  # type: ignore[no-untyped-def]
    resolver, server = served
    assert await places(resolver, "sip:x@nowhere.invalid:5060") == []
    asked = sum(server.asked.values())
    assert await places(resolver, "sip:x@nowhere.invalid:5060") == []
    assert sum(server.asked.values()) == asked
    assert Source("udp", "127.0.0.1", 5060) in await resolver.resolve(Uri.parse("sip:x@localhost:5060"))


async def test_addresses_need_no_dns_and_other_schemes_lead_nowhere(served) -> None:  # type: ignore[no-untyped-def]
    resolver, server = served
    assert await places(resolver, "sip:x@192.0.2.1") == ["udp:192.0.2.1:5060"]
    assert await places(resolver, "sip:x@[2001:db8::1]:5070;transport=tcp") == ["tcp:[2001:db8::1]:5070"]
    for text in ("sips:x@example.com", "tel:+123", "sip:x@example.com;transport=sctp"):
        assert await places(resolver, text) == []
    assert not server.asked
