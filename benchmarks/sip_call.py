"""What SIP alone costs of one queue call, both legs: an endpoint without sockets, its calls joined by the shortest owner.

    python -m benchmarks.sip_call --calls 300 --rounds 9
    python -m benchmarks.sip_call --profile sip.prof

A trunk's INVITE is answered at once, a phone is called and answers, the caller hangs up, both legs end, and all timers run
out: twelve messages, parsed, matched, answered and written, offers and answers included. The peers' messages are made from
templates and are not counted. The best of several rounds is told, since whatever else the machine does only adds. One JSON
line comes out: microseconds of CPU for a call, and for an authenticated REGISTER that refreshes a binding.
"""

import argparse
import asyncio
import cProfile
import hashlib
import json
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count

import uvloop

from benchmarks.template_peers import (
    AGENTS,
    SDP,
    SWITCH,
    TRUNK,
    first_invite,
    headers_of,
    in_dialog,
    response,
)
from softswitch.config.schema import Config, Endpoint, Trunk
from softswitch.config.secret import Secret, ha1
from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.endpoint import SipEndpoint
from softswitch.sip.events import Answered, HungUp, SessionEvent
from softswitch.sip.identity import Identity
from softswitch.sip.offer_answer import LocalMedia, answer_offer, make_offer, read_answer
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.sip.wire import WireEvents

TRUNK_PLACE, PHONE_PLACE = Source("udp", TRUNK, 5060), Source("udp", AGENTS, 5060)
PHONE = Uri.parse(f"sip:agent@{AGENTS}")
SECRET, FORGOTTEN_S = "a-secret-of-a-phone", 300.0
_NONCE = re.compile(rb'nonce="([^"]+)", algorithm=SHA-256')


class SetClock:
    """Both clocks stand until they are set."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at

    def wall(self) -> float:
        return 1.7e9 + self.at


class HeldWire:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.sent: list[bytes] = []
        self.received: Callable[[bytes, Source], object] = lambda data, source: None

    async def start(self, events: WireEvents) -> None:
        self.received = events.received

    async def stop(self) -> None:
        """There is nothing to close."""

    def reconfigure(self, config: Config) -> None:
        """Nor anything to configure."""

    def send(self, data: bytes, destination: Source) -> None:
        self.sent.append(data)

    def connected(self, destination: Source) -> bool:
        return True

    def local_address(self, destination: Source) -> tuple[str, int]:
        return SWITCH, 5060

    def backlog(self) -> float:
        return 0.0

    def listener_towards(self, destination: Source) -> str:
        return ""

    def connections(self) -> Mapping[str, int]:
        return {}

    def own_addresses(self) -> tuple[tuple[str, int], ...]:
        return ((SWITCH, 5060),)


class JoinedLegs:
    """Answers each caller, calls the phone for him, and ends the one leg with the other."""

    def __init__(self) -> None:
        self.endpoint: SipEndpoint | None = None
        self.ended = 0
        self._numbers = count(1)

    def arrive(self, session: Session, identity: Identity) -> None:
        assert session.offer is not None and self.endpoint is not None
        answer, _ = answer_offer(session.offer, self._local(10000))
        session.answer(answer)
        offer = make_offer(self._local(10002))
        callee = self.endpoint.invite(
            leg=LegId(f"leg-{next(self._numbers)}"),
            destination=PHONE,
            from_=Address(session.remote.uri.bare()),
            to=Address(PHONE),
            sdp=offer,
            on_event=lambda event: self._callee(event, offer),
        )
        session.on_event = lambda event: self._caller(event, callee)

    def _caller(self, event: SessionEvent, callee: Session) -> None:
        if isinstance(event, HungUp):
            event.accept()
            callee.hangup()
            self.ended += 1

    def _callee(self, event: SessionEvent, offer: SessionDescription) -> None:
        if isinstance(event, Answered) and event.sdp is not None:
            read_answer(offer, event.sdp)

    def _local(self, port: int) -> LocalMedia:
        return LocalMedia(
            address=SWITCH, port=port, codecs=("PCMA", "PCMU"), session_id=next(self._numbers), version=0
        )


class Bench:
    def __init__(self) -> None:
        self.clock, self.wire, self.legs = SetClock(), HeldWire(), JoinedLegs()
        entropy = count(1)
        config = Config(
            trunk={"carrier": Trunk(host=f"sip:{TRUNK}", options_interval_s=0.0)},
            endpoint={"agent": Endpoint(contact=str(PHONE)), "p1": Endpoint()},
        )
        realm = config.sip.realm
        secret = Secret(
            user="p1", ha1_sha256=ha1("sha256", "p1", realm, SECRET), ha1_md5=ha1("md5", "p1", realm, SECRET)
        )
        self.endpoint = self.legs.endpoint = SipEndpoint(
            config,
            secrets={("endpoint", "p1"): secret},
            clock=self.clock,
            entropy=lambda size: (next(entropy) * 0x9E3779B97F4A7C15 % (1 << 8 * size)).to_bytes(size),
            on_invite=self.legs.arrive,
            on_registration=lambda change: None,
            on_trunk=lambda name, state, why: None,
            wire=self.wire,
        )
        self.realm = realm
        self.peers_s = 0.0
        """CPU of what is not the switch's."""
        self._calls, self._registers = count(1), count(1)

    async def call(self) -> None:
        """One whole call, up to the moment when only timers are left."""
        number = next(self._calls)
        await self._hear(first_invite(number), TRUNK_PLACE)
        began = time.process_time()
        answered, offered = self._sent(b"SIP/2.0 200"), self._sent(b"INVITE ")
        offered[b"To"] += b";tag=a%d" % number
        from_trunk = [in_dialog(answered, b"ACK", b"1"), in_dialog(answered, b"BYE", b"2")]
        from_phone = [
            response(b"180 Ringing", offered),
            response(b"200 OK", offered, SDP.format(AGENTS).encode()),
        ]
        self.wire.sent.clear()
        self.peers_s += time.process_time() - began
        await self._hear(from_trunk[0], TRUNK_PLACE)
        await self._hear(from_phone[0], PHONE_PLACE)
        await self._hear(from_phone[1], PHONE_PLACE)
        await self._hear(from_trunk[1], TRUNK_PLACE)
        began = time.process_time()
        self._sent(b"SIP/2.0 200")
        ended = response(b"200 OK", self._sent(b"BYE "))
        self.peers_s += time.process_time() - began
        await self._hear(ended, PHONE_PLACE)
        self.wire.sent.clear()

    async def run_out(self) -> None:
        """Let every timer fire."""
        end = self.clock.at + FORGOTTEN_S
        while self.clock.at < end:
            self.clock.at += 10.0
            self.endpoint._driver.tick()
        await asyncio.sleep(0)

    def nonce(self) -> str:
        """The challenge that a REGISTER without credentials gets."""
        self.wire.received(self.registering("", 0), PHONE_PLACE)
        found = _NONCE.search(self.wire.sent[-1])
        assert found is not None, self.wire.sent
        return found[1].decode()

    def registering(self, nonce: str, number: int) -> bytes:
        uri, aor = f"sip:{SWITCH}", f"<sip:p1@{SWITCH}>"
        cseq = next(self._registers)
        credentials = ""
        if nonce:
            nc, cnonce = f"{number:08x}", f"c{cseq}"
            ha2 = hashlib.sha256(f"REGISTER:{uri}".encode()).hexdigest()
            secret = ha1("sha256", "p1", self.realm, SECRET)
            digest = hashlib.sha256(f"{secret}:{nonce}:{nc}:{cnonce}:auth:{ha2}".encode()).hexdigest()
            credentials = (
                f'Authorization: Digest username="p1", realm="{self.realm}", nonce="{nonce}", uri="{uri}", '
                f'response="{digest}", algorithm=SHA-256, qop=auth, nc={nc}, cnonce="{cnonce}"\r\n'
            )
        return (
            f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {AGENTS}:5060;branch=z9hG4bKr{cseq};rport\r\n"
            f"From: {aor};tag=p1\r\nTo: {aor}\r\nCall-ID: 1-register\r\nCSeq: {cseq} REGISTER\r\n"
            f"Max-Forwards: 70\r\nContact: <sip:p1@{AGENTS}:5060>\r\nExpires: 600\r\nUser-Agent: a desk phone 1.2.3\r\n"
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, SUBSCRIBE, MESSAGE\r\n"
            f"{credentials}Content-Length: 0\r\n\r\n"
        ).encode()

    async def _hear(self, data: bytes, source: Source) -> None:
        self.wire.received(data, source)
        await asyncio.sleep(0)

    def _sent(self, start: bytes) -> dict[bytes, bytes]:
        [found] = [data for data in self.wire.sent if data.startswith(start)]
        return headers_of(found)


async def call_us(bench: Bench, calls: int) -> float:
    bench.peers_s = 0.0
    ended = bench.legs.ended
    began = time.process_time()
    for _ in range(calls):
        await bench.call()
    await bench.run_out()
    used = time.process_time() - began - bench.peers_s
    assert bench.legs.ended == ended + calls and not bench.endpoint.sessions()
    assert bench.endpoint.stats().faults == 0
    return used / calls * 1e6


async def register_us(bench: Bench, number: int) -> float:
    nonce = bench.nonce()
    messages = [bench.registering(nonce, each) for each in range(1, number + 1)]
    bench.wire.sent.clear()
    began = time.process_time()
    for data in messages:
        bench.wire.received(data, PHONE_PLACE)
    used = time.process_time() - began
    assert len(bench.wire.sent) == number and all(data.startswith(b"SIP/2.0 200") for data in bench.wire.sent)
    bench.wire.sent.clear()
    await bench.run_out()
    return used / number * 1e6


async def measure(given: argparse.Namespace) -> dict[str, object]:
    bench = Bench()
    await bench.endpoint.start()
    await call_us(bench, 20)
    profile = cProfile.Profile() if given.profile else None
    if profile:
        profile.enable()
    calls = [await call_us(bench, given.calls) for _ in range(given.rounds)]
    if profile:
        profile.disable()
        profile.dump_stats(given.profile)
    registers = [await register_us(bench, given.calls) for _ in range(given.rounds)]
    await bench.endpoint.stop()
    return {
        "benchmark": "sip_call",
        "python": platform.python_version(),
        "call_us": round(min(calls)),
        "register_us": round(min(registers), 1),
        "registers_per_s": round(1e6 / min(registers)),
        "rounds": given.rounds,
        "calls": given.calls,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--profile", default="", help="write a profile by cProfile there; figures are then too high"
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
