"""Ports that one worker has bound ahead, as its controller knows them: who takes one need not wait for the worker."""

from collections import deque

from softswitch.rtp.commands import HoldPorts
from softswitch.rtp.reports import PortsHeld

HELD = 16
"""Pairs for each address: 200 calls a second take eight while a worker is busy with one tick."""
MAX_ADDRESSES = 4
"""Local addresses for which ports are held."""


class Stock:
    def __init__(self) -> None:
        self._ports: dict[str, deque[int]] = {}

    def take(self, address: str) -> int | None:
        """None: there is none now."""
        ports = self._ports.get(address)
        return ports.popleft() if ports else None

    def wanting(self, address: str) -> HoldPorts | None:
        """What its worker is to be told when a leg is opened at an address; None: it has been, or is not to be."""
        if address in self._ports or len(self._ports) >= MAX_ADDRESSES:
            return None
        self._ports[address] = deque()
        return HoldPorts(address=address, count=HELD)

    def heard(self, report: PortsHeld) -> None:
        if report.address in self._ports:
            self._ports[report.address].extend(report.ports)

    def clear(self) -> None:
        """Its worker is gone."""
        self._ports.clear()
