"""Proves the whole SIP side of two switches against each other, on virtual time and a network in memory: calls, digest
both ways, registering outward, probes, expiry, draining, reload, NAT addresses, and that a fault stays where it is.

Does not prove sockets (`test_sip_transport.py`) nor interworking with others (`tests/interop`).
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest

from softswitch.config.credentials import Auth
from softswitch.config.endpoints import Endpoint
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.sip import Sip
from softswitch.config.trunks import Trunk, TrunkRegister
from softswitch.errors import UnusableError
from softswitch.ids import EndpointName, LegId
from softswitch.sip.address import Address
from softswitch.sip.endpoint import SipEndpoint
from softswitch.sip.events import HungUp, SessionEvent
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.registrar import BindingChange
from softswitch.sip.session import Session
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.testing.network import Network, NetworkWire
from softswitch.testing.stacks import description
from softswitch.testing.virtual_time import VirtualClock, run

US, THEM = "192.0.2.1", "192.0.2.2"


@dataclass
class Switch:
    """A `SipEndpoint` with all that it told."""

    network: Network
    address: str
    config: Config
    secrets: dict[tuple[str, str], Secret]
    told: list[Any] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    take: Callable[[Session], None] = lambda session: session.answer(description(5000))

    def __post_init__(self) -> None:
        seed = count(zlib.crc32(self.address.encode()))
        self.sip = SipEndpoint(
            self.config,
            secrets=self.secrets,
            clock=VirtualClock(),
            entropy=lambda size: (next(seed) * 0x9E3779B97F4A7C15 % (1 << 8 * size)).to_bytes(size),
            on_invite=self._invited,
            on_registration=self.told.append,
            on_trunk=lambda *change: self.told.append(change),
            wire=NetworkWire(self.network, self.address),
        )

    def _invited(self, session: Session, identity: Identity) -> None:
        self.sessions.append(session)
        session.on_event = self.told.append
        self.take(session)

    def call(self, to: str, events: list[SessionEvent], credentials: Secret | None = None) -> Session:
        destination = self.sip.bindings(EndpointName(to)) if to.isdigit() else (Uri.parse(to),)
        return self.sip.invite(
            leg=LegId("out"),
            destination=destination[0],
            from_=Address.parse(f"<sip:100@{self.address}>"),
            to=Address.parse("<sip:200@example.com>"),
            sdp=description(),
            headers=(("Max-Forwards", "12"), ("X-Test", "yes")),
            credentials=credentials,
            on_event=events.append,
        )


def story(tell: Callable[[Network], Awaitable[None]]) -> Network:
    network = Network()
    run(tell(network))  # type: ignore[arg-type]
    return network


def trunk(address: str, **more: Any) -> Trunk:
    return Trunk(host=f"sip:{address}", options_interval_s=more.pop("options_interval_s", 0.0), **more)


def statuses(network: Network, method: str) -> list[int]:
    messages = [parse_message(packet.data) for packet in network.packets]
    return [one.status for one in messages if isinstance(one, Response) and one.cseq.method == method]


def test_a_call_through_a_trunk_from_ringing_to_bye() -> None:
    async def tell(network: Network) -> None:
        us = Switch(network, US, Config(trunk={"them": trunk(THEM)}), {})
        them = Switch(network, THEM, Config(trunk={"us": trunk(US)}), {})
        await us.sip.start()
        await them.sip.start()
        events: list[SessionEvent] = []
        session = us.call(f"sip:200@{THEM}", events)
        assert events == []
        await asyncio.sleep(1)
        assert session.state == "confirmed"
        assert them.sessions[0].identity == Identity("trunk", "us")
        assert len(them.sessions[0].leg) == 20
        them.sessions[0].hangup()
        await asyncio.sleep(0.1)
        ended = events[-1]
        assert isinstance(ended, HungUp)
        ended.accept()
        await asyncio.sleep(0.1)
        assert us.sip.sessions() == them.sip.sessions() == ()
        await us.sip.stop()
        await them.sip.stop()

    network = story(tell)
    assert network.lines() == [
        f"INVITE sip:200@{THEM} SIP/2.0",
        "SIP/2.0 100 Trying",
        "SIP/2.0 200 OK",
        f"ACK sip:200@{THEM}:5060 SIP/2.0",
        f"BYE sip:100@{US}:5060 SIP/2.0",
        "SIP/2.0 200 OK",
    ]
    invite = parse_message(network.packets[0].data)
    assert isinstance(invite, Request)
    assert (invite.max_forwards, invite.headers.get("X-Test")) == (12, "yes")
    assert invite.headers.get("User-Agent") == "softswitch"


def registering(**more: Any) -> Trunk:
    register = TrunkRegister(expires_s=120, retry_min_s=5)
    return trunk(THEM, auth=Auth(user="300"), register=register, **more)


def provider() -> Config:
    return Config(sip=Sip(realm="provider"), endpoint={"300": Endpoint(auth=Auth())})


SECRET = Secret.from_password("300", "provider", "right")


def test_a_trunk_registers_outward_is_called_back_and_its_calls_are_authenticated() -> None:
    async def tell(network: Network) -> None:
        us = Switch(network, US, Config(trunk={"them": registering()}), {("trunk", "them"): SECRET})
        them = Switch(network, THEM, provider(), {("endpoint", "300"): SECRET})
        await them.sip.start()
        await us.sip.start()
        await asyncio.sleep(1)
        assert us.told == [("them", "up", "")]
        assert [change.event for change in them.told if isinstance(change, BindingChange)] == ["registered"]
        (binding,) = them.sip.registrations()
        assert str(binding.contact) == f"sip:300@{US}:5060"
        events: list[SessionEvent] = []
        back = them.call("300", events)
        await asyncio.sleep(1)
        assert back.state == "confirmed"
        assert us.sessions[0].identity == Identity("trunk", "them")
        outward = us.call(f"sip:200@{THEM}", [], SECRET)
        await asyncio.sleep(1)
        assert outward.state == "confirmed"
        assert them.sessions[0].identity == Identity("endpoint", "300")
        await asyncio.sleep(300)
        assert len(them.sip.registrations()) == 1
        await us.sip.stop()
        await asyncio.sleep(1)
        assert them.sip.registrations() == ()
        await them.sip.stop()

    network = story(tell)
    assert statuses(network, "REGISTER").count(401) == 2, "at first, and when the nonce is five minutes old"
    assert statuses(network, "INVITE").count(401) == 1


def test_a_wrong_password_leaves_the_trunk_unregistered_and_tries_again_more_slowly() -> None:
    async def tell(network: Network) -> None:
        wrong = Secret.from_password("300", "provider", "wrong")
        us = Switch(network, US, Config(trunk={"them": registering()}), {("trunk", "them"): wrong})
        them = Switch(network, THEM, provider(), {("endpoint", "300"): SECRET})
        await them.sip.start()
        await us.sip.start()
        await asyncio.sleep(60)
        assert us.told == [("them", "unregistered", "401 Unauthorized")]
        assert us.sip.trunks()[0].state == "unregistered"
        assert them.told == []
        await us.sip.stop()
        await them.sip.stop()

    network = story(tell)
    assert len(statuses(network, "REGISTER")) <= 12


def test_a_binding_expires_by_itself_and_is_told() -> None:
    async def tell(network: Network) -> None:
        us = Switch(network, US, Config(trunk={"them": registering()}), {("trunk", "them"): SECRET})
        them = Switch(network, THEM, provider(), {("endpoint", "300"): SECRET})
        await them.sip.start()
        await us.sip.start()
        await asyncio.sleep(1)
        network.script = lambda packet: None
        await asyncio.sleep(121)
        assert [change.event for change in them.told] == ["registered", "expired"]
        await asyncio.sleep(60)
        assert us.told[-1][:2] == ("them", "unregistered")
        await us.sip.stop()
        await them.sip.stop()

    story(tell)


def test_probes_find_a_trunk_down_and_up_again_and_one_that_drains() -> None:
    async def tell(network: Network) -> None:
        us = Switch(network, US, Config(trunk={"them": trunk(THEM, options_interval_s=30.0)}), {})
        them = Switch(network, THEM, Config(), {})
        await us.sip.start()
        await them.sip.start()
        await asyncio.sleep(5)
        assert us.told == [("them", "up", "")]
        reliable, network.script = network.script, lambda packet: None
        await asyncio.sleep(60)
        assert us.told[-1] == ("them", "down", "no answer")
        network.script = reliable
        await asyncio.sleep(40)
        assert us.told[-1] == ("them", "up", "")
        them.sip.drain(True)
        await asyncio.sleep(70)
        assert us.told[-1] == ("them", "down", "503 Service Unavailable")
        them.sip.drain(False)
        await asyncio.sleep(40)
        assert us.told[-1] == ("them", "up", "")
        await us.sip.stop()
        await them.sip.stop()

    story(tell)


def test_a_stranger_is_challenged_once_and_never_routed() -> None:
    async def tell(network: Network) -> None:
        us = Switch(network, US, Config(), {})
        them = Switch(network, THEM, provider(), {("endpoint", "300"): SECRET})
        await us.sip.start()
        await them.sip.start()
        events: list[SessionEvent] = []
        us.call(f"sip:200@{THEM}", events)
        await asyncio.sleep(40)
        assert [getattr(event, "status", 0) for event in events] == [401]
        assert them.sessions == []
        await us.sip.stop()
        await them.sip.stop()

    assert statuses(story(tell), "INVITE") == [401]


def test_a_reload_changes_trunks_and_phones_but_not_calls() -> None:
    async def tell(network: Network) -> None:
        before = Config(trunk={"us": trunk(US), "old": trunk("192.0.2.9", options_interval_s=10.0)})
        us = Switch(network, US, Config(), {})
        them = Switch(network, THEM, before, {})
        await us.sip.start()
        await them.sip.start()
        session = us.call(f"sip:200@{THEM}", [])
        await asyncio.sleep(1)
        them.sip.reconfigure(replace(before, trunk={}), {})
        assert them.sip.trunks() == ()
        await asyncio.sleep(60)
        session.send_info("application/dtmf", b"1")
        await asyncio.sleep(1)
        assert session.state == "confirmed"
        assert statuses(network, "INFO") == [200]
        probes = {parse_message(p.data).call_id for p in network.packets if p.data.startswith(b"OPTIONS")}
        assert len(probes) == 1, "the last probe is still repeated, but no new one begins"
        events: list[SessionEvent] = []
        us.call(f"sip:200@{THEM}", events)
        await asyncio.sleep(1)
        assert [getattr(event, "status", 0) for event in events] == [401]
        with pytest.raises(UnusableError):
            them.sip.reconfigure(replace(before, trunk={"x": Trunk(host="nonsense")}), {})
        await us.sip.stop()
        await them.sip.stop()

    story(tell)


def test_a_fault_of_the_call_layer_is_counted_and_hurts_nobody_else() -> None:
    async def tell(network: Network) -> None:
        us = Switch(network, US, Config(), {})
        them = Switch(network, THEM, Config(trunk={"us": trunk(US)}), {})
        await us.sip.start()
        await them.sip.start()

        def broken(session: Session) -> None:
            raise ZeroDivisionError("a fault in the call layer")

        them.take, healthy = broken, them.take
        for _ in range(3):
            us.call(f"sip:200@{THEM}", [])
        await asyncio.sleep(0.2)
        assert them.sip.stats().faults == 3
        assert statuses(network, "INVITE") == [100, 500] * 3
        them.take = healthy
        session = us.call(f"sip:200@{THEM}", [])
        await asyncio.sleep(0.2)
        assert session.state == "confirmed"
        await us.sip.stop()
        await them.sip.stop()

    story(tell)


def test_peers_beyond_our_networks_are_told_the_external_address() -> None:
    async def tell(network: Network) -> None:
        sip = Sip(external_address="203.0.113.5", local_nets=("192.0.2.0/24",))
        us = Switch(network, US, Config(sip=sip), {})
        await us.sip.start()
        assert us.sip.local_address_for(Source("udp", "192.0.2.77", 5060)) == (US, 5060)
        assert us.sip.local_address_for(Source("udp", "198.51.100.1", 5060)) == ("203.0.113.5", 5060)
        us.call("sip:1@198.51.100.1", [])
        await asyncio.sleep(0.1)
        await us.sip.stop()

    network = story(tell)
    invite = parse_message(network.packets[0].data)
    assert invite.top_via.host == "203.0.113.5"
    assert invite.contacts[0].uri.host == "203.0.113.5"


def test_a_call_over_a_stream_that_is_not_there_fails_at_once() -> None:
    async def tell(network: Network) -> None:
        us = Switch(network, US, Config(), {})
        await us.sip.start()
        events: list[SessionEvent] = []
        us.call(f"sip:200@{THEM};transport=tcp", events)
        await asyncio.sleep(0.1)
        assert [getattr(event, "status", 0) for event in events] == [503]
        await us.sip.stop()

    story(tell)


def test_a_call_over_a_stream_is_not_repeated() -> None:
    async def tell(network: Network) -> None:
        us = Switch(network, US, Config(), {})
        them = Switch(network, THEM, Config(trunk={"us": trunk(US)}), {})
        await us.sip.start()
        await them.sip.start()
        session = us.call(f"sip:200@{THEM};transport=tcp", [])
        await asyncio.sleep(1)
        assert session.state == "confirmed"
        session.hangup()
        await asyncio.sleep(1)
        await us.sip.stop()
        await them.sip.stop()

    network = story(tell)
    assert {packet.receiver.transport for packet in network.packets} == {"tcp"}
    assert len(network.packets) == 6
