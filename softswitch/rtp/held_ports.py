"""Port pairs that a worker keeps bound ahead, so that a leg's port is known to its controller before it is asked for.

Who rings a phone names a port in the INVITE: asking a worker and waiting until its tick is over took longer than all the
rest. At most a sixteenth of the worker's ports are held; a range too small for that has none, and each leg asks.
"""

import errno
from collections import defaultdict
from collections.abc import Callable

from softswitch.rtp.engine import Engine
from softswitch.rtp.ports import PortAllocator
from softswitch.rtp.reports import PortsHeld, Report

SHARE = 16
"""One pair of so many may be held."""
LOTS = 4
"""Once a part of so many is missing it is held anew, and told at once: each report wakes the controller up."""


class HeldPorts:
    def __init__(
        self, engine: Engine, ports: PortAllocator, pairs: int, report: Callable[[Report], None]
    ) -> None:
        self._engine = engine
        self._ports = ports
        self._most = pairs // SHARE
        self._report = report
        self._wanted: dict[str, int] = {}
        self._held: dict[str, set[int]] = defaultdict(set)

    def want(self, address: str, count: int, now: float) -> None:
        """Keep `count` pairs at this address from now on."""
        self._wanted[address] = count
        self.fill(address, now)

    def take(self, address: str, port: int, now: float) -> bool:
        """It is a leg's from now on, and others are held soon instead; False: it is not. The engine opens it as any."""
        held = self._held[address]
        if port not in held:
            return False
        held.discard(port)
        target = self._target(address)
        if target - len(held) >= max(1, target // LOTS):
            self.fill(address, now)
        return True

    def let_go(self, now: float) -> None:
        """Of all: the controller that knew them is gone."""
        for address, ports in self._held.items():
            for port in ports:
                self._engine.unhold(address, port)
                self._ports.release(port, now)
        self._held.clear()
        self._wanted.clear()

    def fill(self, address: str, now: float) -> None:
        """Hold again what is wanted there, as far as there are ports."""
        held = self._held[address]
        added: list[int] = []
        for _ in range(self._target(address) - len(held)):
            port = self._ports.take(now)
            if port is None:
                break
            try:
                self._engine.hold(address, port)
            except OSError as error:
                self._ports.release(port, now)
                if error.errno != errno.EADDRINUSE:
                    break  # no other port would be better
                continue
            held.add(port)
            added.append(port)
        if added:
            self._report(PortsHeld(address=address, ports=tuple(added)))

    def _target(self, address: str) -> int:
        """How many may be held there."""
        others = sum(map(len, self._held.values())) - len(self._held[address])
        return min(self._wanted.get(address, 0), self._most - others)
