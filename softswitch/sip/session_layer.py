"""What a session needs of the stack it lives in: the seam between one call and the transport of all."""

from collections.abc import Callable
from typing import Any, Protocol

from softswitch.sip.client_transaction import ClientTransaction, FailureHandler, ResponseHandler
from softswitch.sip.dead_targets import DeadTargets
from softswitch.sip.message import Request
from softswitch.sip.session_timer import SessionTimerSettings
from softswitch.sip.source import Source
from softswitch.sip.timers import TimerHeap, TimerValues
from softswitch.sip.uri import Uri

Located = Callable[[Source | None, float], None]
"""Called with where a URI leads and now; None when it leads nowhere."""
LocatedAll = Callable[[tuple[Source, ...], float], None]
"""Called with every place a URI leads to, in the order they are to be tried."""


class SessionLayer(Protocol):
    timers: TimerHeap
    timer_values: TimerValues
    session_timer: SessionTimerSettings
    dead_targets: DeadTargets

    def now(self) -> float:
        """Monotonic seconds, for what the owner of a session does between two messages."""

    def entropy(self, size: int) -> bytes: ...

    def deliver(self, handler: Callable[[Any], None], event: object) -> None:
        """Hand `event` to the owner after all that this step sends."""

    def locate(self, uri: Uri, then: Located) -> None:
        """Find where `uri` leads; `then` is called at once for an IP address, later for a name."""

    def locate_all(self, uri: Uri, then: LocatedAll) -> None:
        """As `locate`, with the whole list."""

    def connected(self, destination: Source) -> bool:
        """False for a stream whose connection is gone."""

    def via(self, destination: Source, request_uri: str) -> str:
        """A Via of ours with a new branch."""

    def contact(self, destination: Source, user: str, *, secure: bool = False) -> str:
        """Our Contact as a peer at `destination` can reach it."""

    def send(self, data: bytes, destination: Source) -> None: ...

    def start_client(
        self, request: Request, destination: Source, on_response: ResponseHandler, on_failure: FailureHandler
    ) -> ClientTransaction: ...

    def forget_session(self, call_id: str, local_tag: str) -> None: ...
