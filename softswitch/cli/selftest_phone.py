"""Both ends of the self-test's call: one that calls the switch, and one that the switch calls back.

They speak SIP by the same endpoint that phones of tests use, on a loopback address of their own, and nothing else.
"""

import asyncio
import os
from dataclasses import dataclass, field

from softswitch.cli.selftest_audio import AudioEnd
from softswitch.clock import SystemClock, entropy
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.sip import Sip
from softswitch.config.trunks import Trunk
from softswitch.errors import PeerError
from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.endpoint import SipEndpoint
from softswitch.sip.events import Answered, HungUp, Refused, SessionEvent
from softswitch.sip.identity import Identity
from softswitch.sip.local_media import LocalMedia
from softswitch.sip.offer_answer import answer_offer, make_offer, read_answer
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.sip.uri import Uri

CODECS = ("PCMA", "PCMU")


@dataclass
class Happened:
    """What has come so far."""

    called: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    problem: str = ""


class Phones:
    def __init__(self, address: str, port: int, target: str) -> None:
        """`target`: `udp:ADDRESS:PORT` of the switch."""
        _, host, switch_port = target.split(":", 1)[0], *target.split(":", 1)[1].rsplit(":", 1)
        self._address = address
        self._uri = f"sip:{host}:{switch_port}"
        config = Config(
            sip=Sip(listen=(f"udp://{_bracketed(address)}:{port}",), user_agent="softswitch-selftest"),
            trunk={
                "switch": Trunk(
                    host=self._uri, match=tuple({host.strip("[]"), "127.0.0.0/8"}), options_interval_s=0
                )
            },
        )
        self.happened = Happened()
        self.caller_end: AudioEnd | None = None
        self.callee_end: AudioEnd | None = None
        self._caller: Session | None = None
        self._offered: SessionDescription | None = None
        self._endpoint = SipEndpoint(
            config,
            secrets={},
            clock=SystemClock(),
            entropy=entropy,
            on_invite=self._called,
            on_registration=lambda change: None,
            on_trunk=lambda trunk, state, reason: None,
        )

    async def start(self) -> None:
        self.caller_end = await AudioEnd.open(self._address)
        self.callee_end = await AudioEnd.open(self._address)
        await self._endpoint.start()

    async def stop(self) -> None:
        if self._caller is not None:
            self._caller.hangup()
        for end in (self.caller_end, self.callee_end):
            if end is not None:
                end.close()
        await self._endpoint.stop()

    def call(self, number: str, user: str, password: str, realm: str) -> None:
        assert self.caller_end is not None
        self._offered = make_offer(self._media(self.caller_end))
        base = Uri.parse(self._uri)
        to = Uri(scheme="sip", user=number, host=base.host, port=base.port)
        self._caller = self._endpoint.invite(
            leg=LegId("selftest"),
            destination=to,
            from_=Address(Uri.parse(f"sip:{number}@{_bracketed(self._address)}")),
            to=Address(to),
            sdp=self._offered,
            credentials=Secret.from_password(user, realm, password),
            on_event=self._caller_hears,
        )

    def hang_up(self) -> None:
        if self._caller is not None:
            self._caller.hangup()

    def _media(self, end: AudioEnd) -> LocalMedia:
        return LocalMedia(
            address=self._address,
            port=end.port,
            codecs=CODECS,
            session_id=int.from_bytes(os.urandom(4)),
            version=0,
        )

    def _caller_hears(self, event: SessionEvent) -> None:
        assert self.caller_end is not None
        if isinstance(event, Refused):
            self.happened.problem = f"{event.status} {event.reason}"
            self.happened.answered.set()
        elif isinstance(event, Answered):
            try:
                if event.sdp is not None and self._offered is not None:
                    self.caller_end.peer = read_answer(self._offered, event.sdp)
            except PeerError as error:
                self.happened.problem = f"the answer cannot be used: {error}"
            self.happened.answered.set()
        elif isinstance(event, HungUp):
            event.accept()
            self.happened.hung_up.set()

    def _called(self, session: Session, identity: Identity) -> None:
        """The switch calls back: answer at once."""
        assert self.callee_end is not None
        session.on_event = self._callee_hears
        self.happened.called.set()
        if session.offer is None:
            session.reject(488)
            return
        try:
            description, self.callee_end.peer = answer_offer(session.offer, self._media(self.callee_end))
        except PeerError as error:
            self.happened.problem = f"its offer cannot be used: {error}"
            session.reject(488)
            return
        session.ring()
        session.answer(description)

    def _callee_hears(self, event: SessionEvent) -> None:
        if isinstance(event, HungUp):
            event.accept()
            self.happened.hung_up.set()


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
