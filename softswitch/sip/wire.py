"""What an endpoint needs of whatever carries its bytes: sockets, or the fake network of the tests."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from softswitch.config.schema import Config
from softswitch.sip.errors import FramingError
from softswitch.sip.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class WireEvents:
    """What the wire tells the endpoint; none of them may raise."""

    received: Callable[[bytes, Source], object]
    """False: it was not looked at, and more of this peer would not be either for the moment."""
    broken: Callable[[FramingError, Source], None]
    """A stream lost its framing; it is closed after this call."""
    lost: Callable[[Source], None]
    """Nothing can be sent there: refused, unreachable, or a connection that is gone."""
    welcome: Callable[[str], bool] = lambda address: True
    """Whether a connection from there is accepted; asked once for each."""
    known: Callable[[str], bool] = lambda address: False
    """Whether somebody there has proved who he is; asked where connections have to go."""


class Wire(Protocol):
    counts: Counter[str]
    """What was refused or dropped, by its description."""

    async def start(self, events: WireEvents) -> None:
        """Listen; raises UnusableError that says what to do."""

    async def stop(self) -> None: ...

    def reconfigure(self, config: Config) -> None:
        """Take over certificates and origins for connections to come; raises UnusableError, and then nothing changed."""

    def send(self, data: bytes, destination: Source) -> None:
        """Never blocks and never raises; a stream that is not there yet is opened."""

    def connected(self, destination: Source) -> bool:
        """True for datagrams; of a stream, whether its connection stands."""

    def local_address(self, destination: Source) -> tuple[str, int]:
        """Our own address and listening port on the way to `destination`."""

    def backlog(self) -> float:
        """How full the fullest receive queue of datagrams is, 0 to 1."""

    def listener_towards(self, destination: Source) -> str:
        """The listener by which a peer at `destination` reaches us, as configured; empty when there is none."""

    def connections(self) -> Mapping[str, int]:
        """Connections that stand, by their transport."""

    def own_addresses(self) -> tuple[tuple[str, int], ...]:
        """Addresses and ports that lead to ourselves."""
