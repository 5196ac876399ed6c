"""The sockets of the manager interface: connections on loopback, bounded in number and in what waits for each.

Decides nothing: `asterisk/` answers and makes the events. While nobody is connected no fact is looked at.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from softswitch.app.manager_centre import ManagerCentre
from softswitch.app.parts import Parts
from softswitch.app.sight import Sight
from softswitch.asterisk.centre import Centre
from softswitch.asterisk.manager_events import ManagerEvents
from softswitch.asterisk.manager_message import TooMuch
from softswitch.asterisk.manager_session import BANNER, Account, ManagerSession
from softswitch.config.feeds import loopback
from softswitch.errors import UnusableError
from softswitch.facts import Fact

LOG_IN_WITHIN_S = 30.0
FAILED_LINGERS_S = 1.0
"""Who could not log in is told so and kept for so long, which is what guessing costs."""

_log = structlog.get_logger(__name__)


class ManagerFeed:
    def __init__(self, parts: Parts, centre: Centre | None = None, sight: Sight | None = None) -> None:
        """`sight`: what its `person` may see; without one everything."""
        self._parts = parts
        self._sight = sight
        self._centre = centre or ManagerCentre(parts, sight)
        self._events = ManagerEvents(self._centre)
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()
        self._detach: Callable[[], None] | None = None
        self.dropped = 0
        """Clients that were too slow."""

    async def start(self) -> None:
        """Nothing unless the configuration wants it. Raises `UnusableError`."""
        listen = self._parts.services.config.ami.listen
        if not listen:
            return
        host, port = loopback(listen)
        try:
            self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), host, port)
        except OSError as error:
            raise UnusableError(
                f"ami.listen {listen} cannot be used: {error.strerror or error}; choose another port"
            ) from error
        _log.info("manager interface", listen=listen)

    @property
    def port(self) -> int:
        """Where it listens; 0: nowhere."""
        return 0 if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for client in tuple(self._clients):
            client.close()
        self._follow(False)

    @property
    def clients(self) -> int:
        return len(self._clients)

    # --- clients ----------------------------------------------------------------------------------------------------

    def session(self) -> ManagerSession:
        parts = self._parts
        challenge = str(int.from_bytes(parts.services.entropy(6)) % 10**12)
        return ManagerSession(self._centre, self._account, challenge, parts.clock.wall)

    def _account(self) -> Account | None:
        config, secret = self._parts.services.config.ami, self._parts.services.secrets.get(("ami", ""))
        known = secret is not None and secret.password and config.user
        return Account(config.user, secret.password or "") if secret is not None and known else None

    @property
    def limit(self) -> int:
        return self._parts.services.config.ami.waiting_kb * 1024

    def admit(self, client: "_Client") -> bool:
        """False: there are as many as may be."""
        if len(self._clients) >= self._parts.services.config.ami.clients:
            _log.warning("too many clients of the manager interface", clients=len(self._clients))
            return False
        self._clients.add(client)
        self._follow(True)
        return True

    def gone(self, client: "_Client") -> None:
        self._clients.discard(client)
        if not self._clients:
            self._follow(False)

    def _follow(self, on: bool) -> None:
        if on and self._detach is None:
            self._detach = self._parts.bus.subscribe(self._tell)
        elif not on and self._detach is not None:
            self._detach()
            self._detach = None
            self._events = ManagerEvents(self._centre)

    def _tell(self, fact: Fact) -> None:
        person = self._parts.services.config.ami.person
        if person and self._sight is not None and not self._sight.of_person(person)(fact):
            return
        for event in self._events.of(fact):
            for client in tuple(self._clients):
                client.tell(event.kind, event.data)


class _Client(asyncio.Protocol):
    def __init__(self, feed: ManagerFeed) -> None:
        self._feed = feed
        self._session = feed.session()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._peer = ""
        self._longest = 0
        """Bytes of an answer that may still wait: who asks for much is not slow for that."""
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        self._peer = str(connection.get_extra_info("peername"))
        if not self._feed.admit(self):
            connection.abort()
            return
        connection.set_write_buffer_limits(high=self._feed.limit)
        self._timer = asyncio.get_running_loop().call_later(LOG_IN_WITHIN_S, self._too_late)
        connection.write(BANNER)

    def _too_late(self) -> None:
        if not self._session.logged_in:
            self.close()

    def data_received(self, data: bytes) -> None:
        try:
            self._session.received(data)
        except TooMuch as error:
            _log.warning("client of the manager interface", peer=self._peer, problem=str(error))
            self._abort()
            return
        self._answer()

    def _answer(self) -> None:
        transport = self._transport
        while transport is not None and not self._full and (answer := self._session.answer()) is not None:
            self._longest = (
                max(self._longest, len(answer)) if transport.get_write_buffer_size() else len(answer)
            )
            transport.write(answer)
        if self._session.failed:
            _log.warning("log-in to the manager interface failed", peer=self._peer)
            asyncio.get_running_loop().call_later(FAILED_LINGERS_S, self.close)
        elif self._session.closing:
            self.close()

    def pause_writing(self) -> None:
        self._full = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._answer()

    def tell(self, kind: str, data: bytes) -> None:
        transport = self._transport
        if transport is None or not self._session.wants(kind):
            return
        if transport.get_write_buffer_size() > self._feed.limit + self._longest:
            self._feed.dropped += 1
            _log.warning("client of the manager interface is too slow", peer=self._peer)
            self._abort()
            return
        transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        self._feed.gone(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
