"""A SIP endpoint on a network in memory, and outsiders who send it bytes and count what comes back."""

from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from softswitch.config.credentials import Auth
from softswitch.config.endpoints import Endpoint
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.security import Security
from softswitch.config.trunks import Trunk
from softswitch.sip.digest import answer_challenge, challenges_of
from softswitch.sip.endpoint import SipEndpoint
from softswitch.sip.guard import SecurityEvent
from softswitch.sip.message import Response, parse_message
from softswitch.sip.session import Session
from softswitch.sip.source import Source
from softswitch.testing.network import Network, NetworkWire, deliver_later
from softswitch.testing.virtual_time import VirtualClock, run

HOME = "192.0.2.1"
REALM = "softswitch"
NOBODY_TRUSTED = Security(trusted=())
CONFIG = Config(
    endpoint={str(number): Endpoint(auth=Auth()) for number in range(1000, 1200)},
    trunk={"carrier": Trunk(host="sip:198.51.100.10", options_interval_s=0.0)},
)
SECRETS = {("endpoint", name): Secret.from_password(name, REALM, f"pw{name}") for name in CONFIG.endpoint}


@dataclass
class Home:
    """The switch's SIP side, with what it told."""

    network: Network
    security: Security = NOBODY_TRUSTED
    config: Config = CONFIG
    events: list[SecurityEvent] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    def __post_init__(self) -> None:
        numbers = count(1)
        self.sip = SipEndpoint(
            replace(self.config, security=self.security),
            secrets=SECRETS,
            clock=VirtualClock(),
            entropy=lambda size: (next(numbers) * 0x9E3779B97F4A7C15 % (1 << 8 * size)).to_bytes(size),
            on_invite=lambda session, identity: self.sessions.append(session),
            on_registration=lambda change: None,
            on_trunk=lambda *change: None,
            wire=NetworkWire(self.network, HOME),
            on_security=self.events.append,
        )


@dataclass
class Outsider:
    """Somebody at `address`; `got` is every datagram that reached him."""

    network: Network
    address: str = "203.0.113.9"
    transport: str = "udp"
    port: int = 5060
    got: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.place = Source(self.transport, self.address, self.port)
        self.network.attach(self.place, lambda data, sender, now: self.got.append(data))

    def send(self, data: bytes) -> None:
        deliver_later(self.network, data, self.place, Source(self.transport, HOME, 5060))

    def responses(self) -> list[Response]:
        messages = [parse_message(data) for data in self.got]
        return [message for message in messages if isinstance(message, Response)]

    def statuses(self) -> list[int]:
        return [response.status for response in self.responses()]


_numbers = count(1)


def request(
    method: str,
    user: str = "1000",
    *,
    address: str = "203.0.113.9",
    transport: str = "UDP",
    headers: tuple[str, ...] = (),
    cseq: int = 1,
    call_id: str = "",
    agent: str = "a phone of some make/1.0.7",
    to_tag: str = "",
) -> bytes:
    """A request of the size that phones send."""
    number = next(_numbers)
    uri = f"sip:{HOME}" if method == "REGISTER" else f"sip:{user}@{HOME}"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{transport} {address}:5060;branch=z9hG4bKrequest{number};rport",
        "Max-Forwards: 70",
        f'From: "A phone" <sip:{user}@{HOME}>;tag=from{number}',
        f"To: <sip:{user}@{HOME}>{f';tag={to_tag}' if to_tag else ''}",
        f"Call-ID: {call_id or f'call-{number}'}@{address}",
        f"CSeq: {cseq} {method}",
        f"Contact: <sip:{user}@{address}:5060>",
        f"User-Agent: {agent}",
        *headers,
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def credentials(challenge: Response, user: str, password: str, method: str) -> str:
    """The header that answers `challenge`."""
    uri = f"sip:{HOME}" if method == "REGISTER" else f"sip:{user}@{HOME}"
    secret = Secret.from_password(user, REALM, password)
    answer = answer_challenge(challenges_of(challenge), secret, method=method, uri=uri, cnonce="c0ffee")
    assert answer is not None
    return f"Authorization: {answer}"


def story(tell: Coroutine[Any, Any, None]) -> None:
    run(tell)
