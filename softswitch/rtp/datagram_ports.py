"""Port pairs of legs that only pass datagrams on, as plain sockets under one epoll, made with the first of them."""

import select

from softswitch.ids import LegId
from softswitch.rtp.engine import Address
from softswitch.rtp.opaque_leg import LONGEST
from softswitch.rtp.sockets import Pair, bound_pair

_EVENTS = 4096


class DatagramPorts:
    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._pairs: dict[LegId, Pair] = {}
        self._by_fd: dict[int, tuple[LegId, bool]] = {}

    def open(self, leg: LegId, address: str, port: int) -> None:
        media, control = bound_pair(address, port)
        if self._epoll is None:
            self._epoll = select.epoll()
        self._pairs[leg] = media, control
        for each in (media, control):
            self._by_fd[each.fileno()] = leg, each is control
            self._epoll.register(each.fileno(), select.EPOLLIN)

    def close(self, leg: LegId) -> None:
        for each in self._pairs.pop(leg):
            del self._by_fd[each.fileno()]
            each.close()

    def ready(self) -> list[tuple[LegId, bool]]:
        if self._epoll is None:
            return []
        return [self._by_fd[fd] for fd, _ in self._epoll.poll(0, _EVENTS) if fd in self._by_fd]

    def receive(self, leg: LegId, *, control: bool) -> tuple[bytes, Address] | None:
        try:
            data, source = self._pairs[leg][control].recvfrom(LONGEST + 1)
        except OSError:
            return None
        return data, source[:2]

    def send(self, leg: LegId, data: bytes, peer: Address, *, control: bool) -> None:
        try:
            self._pairs[leg][control].sendto(data, peer)
        except (OSError, OverflowError):
            return

    def shut(self) -> None:
        for leg in tuple(self._pairs):
            self.close(leg)
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None
