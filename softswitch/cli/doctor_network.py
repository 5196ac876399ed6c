"""What the doctor finds out about the way to others: the address we tell them, our certificate, and each trunk by DNS (RFC
3263), OPTIONS and its certificate. Sends one OPTIONS to each trunk's first places and nothing else.
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from softswitch.cli.doctor_check import Check, failed, good, warning
from softswitch.config.schema import Config
from softswitch.config.trunks import Trunk
from softswitch.errors import UnusableError
from softswitch.sip.errors import ParseError
from softswitch.sip.resolver import Resolver
from softswitch.sip.source import Source
from softswitch.sip.tls import TlsContexts
from softswitch.sip.uri import Uri
from softswitch.sip.way import host_of

ANSWER_S = 3.0
PLACES = 3
"""Of one trunk, looked at."""
SOON_DAYS = 21.0


def examine_network(config: Config, trunks: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    """`trunks`: what a running switch says of each; empty without one."""
    yield nat_check(config, own_address())
    if config.sip.tls_certificate:
        yield own_certificate(Path(config.sip.tls_certificate), config.sip.domains, time.time())
    yield from asyncio.run(_reach(config, trunks))


def own_address() -> str:
    """By which the default route leads out; empty without one. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def nat_check(config: Config, own: str) -> Check:
    sip = config.sip
    if not own:
        return warning("NAT", "this machine has no way out", "ip route")
    private = not ip_address(own).is_global
    if sip.external_address and ip_address(sip.external_address).is_private:
        found = f"sip.external_address {sip.external_address} is private itself"
        return warning("NAT", found, "say the public address there")
    if sip.external_address and private:
        local = any(ip_address(own) in ip_network(net) for net in sip.local_nets if ":" not in net)
        if not local:
            return warning("NAT", f"our own {own} is in none of sip.local_nets", "add its network")
        return good("NAT", f"{own} is told to peers outside as {sip.external_address}")
    outside = [name for name, trunk in config.trunk.items() if not _is_near(trunk)]
    if private and outside:
        found = f"our address {own} is private, and {', '.join(outside)} may be outside"
        return warning("NAT", found, "set sip.external_address to the public address")
    return good("NAT", f"peers are told {own}")


def _is_near(trunk: Trunk) -> bool:
    """Its host is an address of a private network."""
    try:
        return ip_address(Uri.parse(trunk.host).host.strip("[]")).is_private
    except (ParseError, ValueError):
        return False


def own_certificate(file: Path, domains: tuple[str, ...], now: float) -> Check:
    name = "certificate"
    try:
        # The only decoder of certificate files in the standard library; it has been there since Python 2.6.
        found: dict[str, Any] = ssl._ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]
    except (OSError, ssl.SSLError) as error:
        return failed(name, f"{file}: {error}", "sip.tls_certificate is a PEM file")
    names = [value for kind, value in found.get("subjectAltName", ()) if kind in ("DNS", "URI")]
    missing = [each for each in domains if not any(covers(one, each) for one in names)]
    check = dates_check(name, found, now)
    if check.state == "ok" and missing:
        return warning(name, f"{file} does not name {', '.join(missing)}", "order one for these names")
    return check


def covers(pattern: str, host: str) -> bool:
    pattern, host = pattern.removeprefix("sip:").lower(), host.lower()
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return pattern == host


def dates_check(name: str, certificate: Mapping[str, Any], now: float) -> Check:
    ends, begins = (ssl.cert_time_to_seconds(str(certificate[key])) for key in ("notAfter", "notBefore"))
    days = (ends - now) / 86_400
    if days < 0:
        return failed(name, f"ended {-days:.0f} days ago", "renew it, then `softswitch reload`")
    if begins > now:
        return failed(name, f"begins only on {certificate['notBefore']}", "look at the clock")
    if days < SOON_DAYS:
        return warning(name, f"ends in {days:.0f} days", "renew it, then `softswitch reload`")
    return good(name, f"good for {days:.0f} days")


async def _reach(config: Config, trunks: Mapping[str, Mapping[str, Any]]) -> list[Check]:
    resolver = Resolver()
    try:
        found = await asyncio.gather(
            *(_trunk(config, name, resolver, trunks.get(name, {})) for name in config.trunk)
        )
    finally:
        await resolver.close()
    return list(found)


async def _trunk(config: Config, name: str, resolver: Resolver, known: Mapping[str, Any]) -> Check:
    trunk, title = config.trunk[name], f"trunk {name}"
    uri = Uri.parse(trunk.host)
    places = await resolver.resolve(uri)
    if not places:
        return failed(title, f"{uri.host} leads nowhere", f"dig SRV _sip._udp.{uri.host}; dig {uri.host}")
    began = time.monotonic()
    problems = []
    for place in places[:PLACES]:
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await asyncio.to_thread(ask, place, uri, config)
        except (OSError, TimeoutError, ValueError) as error:
            problems.append(f"{place}: {error or 'no answer'}")
            continue
        if isinstance(answer, Check):
            return Check(
                name=title, state=answer.state, found=f"{place}: {answer.found}", advice=answer.advice
            )
        others = f", {len(places)} places" if len(places) > 1 else ""
        return good(title, f"{place}{others}: {answer} in {(time.monotonic() - began) * 1000:.0f} ms")
    found = "; ".join(problems)
    if known.get("state") == "up":
        return good(title, f"up for the running switch; it does not answer others ({found})")
    return failed(title, found, "ask the provider whether our address is let in; look at the firewall")


def ask(place: Source, uri: Uri, config: Config) -> str | Check:
    """OPTIONS from a socket of its own, with the keys and the judgement of the switch; the status line, or what is wrong
    with a certificate."""
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    kind = socket.SOCK_DGRAM if place.transport == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as plain:
        plain.settimeout(ANSWER_S - 0.5)
        plain.connect((place.address, place.port))
        if place.transport not in ("tls", "wss"):
            return _exchange(plain, place, uri)
        try:
            client = TlsContexts(config).client(host_of(uri))
            secured = client.context.wrap_socket(plain, server_hostname=client.name)
        except UnusableError as error:
            return failed("", str(error), "see there")
        except ssl.SSLCertVerificationError as error:
            return failed("", f"its certificate: {error.verify_message}", "trunk.NAME.tls, sip.tls_ca")
        certificate = secured.getpeercert()
        if problem := client.problem(certificate):
            return failed("", problem, "trunk.NAME.tls.name or .verify")
        if certificate:
            check = dates_check("", certificate, time.time())
            if check.state != "ok":
                return Check(
                    name="", state=check.state, found=f"its certificate {check.found}", advice="tell them"
                )
        return _exchange(secured, place, uri)


def _exchange(sock: socket.socket, place: Source, uri: Uri) -> str:
    here, token = sock.getsockname(), os.urandom(8).hex()
    host = f"[{here[0]}]" if ":" in here[0] else here[0]
    target = f"{uri.scheme}:{uri.host}"
    sock.sendall(
        (
            f"OPTIONS {target} SIP/2.0\r\n"
            f"Via: SIP/2.0/{place.transport.upper()} {host}:{here[1]};branch=z9hG4bK{token};rport\r\n"
            f"From: <sip:doctor@{host}>;tag={token}\r\nTo: <{target}>\r\nCall-ID: {token}\r\nCSeq: 1 OPTIONS\r\n"
            f"Contact: <sip:doctor@{host}:{here[1]}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()
    )
    line = sock.recv(4096).partition(b"\r\n")[0].decode("utf-8", "replace")
    if not line.startswith("SIP/2.0 "):
        raise ValueError(f"it answers {line[:40]!r}, which is not SIP")
    return line.removeprefix("SIP/2.0 ")[:60]
