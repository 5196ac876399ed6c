"""Proves where names lead, against a DNS server of this test on loopback: NAPTR before SRV, SRV by priority, A without
SRV, ports, `sips:` over TLS alone, the cache, one question at a time, names nobody knows, a server that says nothing, and
addresses that need no DNS at all.

Does not prove in which order weights are drawn (`test_targets.py`).
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
    ("_sips._tcp.example.com.", "SRV"): ["10 0 5061 a.example.com."],
    ("chosen.example.", "NAPTR"): [
        '20 10 "s" "SIP+D2U" "" _sip._udp.example.com.',
        '10 20 "s" "SIP+D2T" "" _sip._tcp.example.com.',
        '10 30 "s" "SIPS+D2T" "" _sips._tcp.example.com.',
        '5 1 "u" "E2U+sip" "!^.*$!sip:x@other.example!" .',
    ],
    ("none.example.", "A"): ["192.0.2.50"],
    ("_sip._udp.none.example.", "SRV"): ["0 0 0 ."],
    ("_sip._tcp.none.example.", "SRV"): ["0 0 5062 a.example.com."],
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
    for text in ("tel:+123", "sip:x@example.com;transport=sctp"):
        assert await places(resolver, text) == []
    assert not server.asked


async def test_naptr_says_which_transport_goes_first_and_all_are_kept(served) -> None:  # type: ignore[no-untyped-def]
    resolver, _ = served
    found = await places(resolver, "sip:x@chosen.example")
    assert found[:3] == ["tcp:192.0.2.10:5071", "tls:192.0.2.10:5061", "udp:192.0.2.10:5070"]
    assert len(found) == 5


async def test_sips_goes_over_tls_alone_and_names_whom_the_certificate_must_be_for(served) -> None:  # type: ignore[no-untyped-def]
    resolver, _ = served
    assert await resolver.resolve(Uri.parse("sips:x@chosen.example")) == [
        Source("tls", "192.0.2.10", 5061, "chosen.example")
    ]
    assert await places(resolver, "sips:x@example.com") == ["tls:192.0.2.10:5061"]
    assert await places(resolver, "sips:x@plain.example.com") == ["tls:192.0.2.40:5061"]
    assert await places(resolver, "sips:x@192.0.2.1") == ["tls:192.0.2.1:5061"]


async def test_a_transport_in_the_uri_asks_no_naptr(served) -> None:  # type: ignore[no-untyped-def]
    resolver, server = served
    assert await places(resolver, "sip:x@chosen.example;transport=tcp") == []
    assert not any("NAPTR" in asked for asked in server.asked)


async def test_a_service_that_is_declared_not_to_exist_is_left_out(served) -> None:  # type: ignore[no-untyped-def]
    resolver, _ = served
    assert await places(resolver, "sip:x@none.example") == ["tcp:192.0.2.10:5062"]


async def test_a_server_that_says_nothing_costs_a_bounded_time() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    configured = dns.asyncresolver.Resolver(configure=False)
    configured.nameservers = ["127.0.0.1"]
    configured.port = transport.get_extra_info("sockname")[1]
    configured.lifetime = 0.3
    resolver = Resolver(dns_resolver=configured)
    began = loop.time()
    assert await places(resolver, "sip:x@silent.invalid") == []
    assert loop.time() - began < 10.0
    await resolver.close()
    transport.close()


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "a..example.com", "-", "x." * 150 + "example"])
async def test_names_that_dns_cannot_hold_lead_nowhere_at_once(served, host: str) -> None:  # type: ignore[no-untyped-def]
    """A peer writes them into a Contact or a Route; whoever waits for the answer must get one."""
    resolver, _ = served
    for text in (f"sip:a@{host}", f"sip:a@{host}:5070", f"sips:a@{host}", f"sip:a@{host};transport=tcp"):
        assert await asyncio.wait_for(resolver.resolve(Uri.parse(text)), 5.0) == []
