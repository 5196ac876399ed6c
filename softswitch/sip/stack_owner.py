"""Who decides what the stack only carries: admission, registrations, calls, and by which address we are reached."""

from typing import Protocol

from softswitch.ids import LegId
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response
from softswitch.sip.session import Session
from softswitch.sip.source import Source


class StackOwner(Protocol):
    def admit(self, request: Request, source: Source, now: float) -> Identity | Response:
        """Who sent this INVITE or REGISTER, or the response that refuses it."""

    def register(self, request: Request, identity: Identity, source: Source, now: float) -> Response:
        """Carry out an admitted REGISTER."""

    def invited(self, session: Session) -> None:
        """A call has come in; 100 has been sent. Called after all that this step sends."""

    def nothing(self, event: object) -> None:
        """What a session tells before `invited` has given it to somebody."""

    def new_leg(self) -> LegId: ...

    def local_address(self, destination: Source) -> tuple[str, int]:
        """Host and port by which a peer at `destination` reaches us, for Via and Contact."""

    def connected(self, destination: Source) -> bool:
        """False for a stream whose connection is gone."""
