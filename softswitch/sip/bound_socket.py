"""Sockets that listen, and our address on the way to a peer."""

import contextlib
import functools
import resource
import socket
import struct

from softswitch.sip.listener import Listener

RECEIVE_BUFFER = 4 << 20
_SO_MEMINFO = 55
"""Linux: bytes taken and size of the receive buffer first."""
_FORCED = ((33, socket.SO_RCVBUF), (32, socket.SO_SNDBUF))
"""Linux: SO_RCVBUFFORCE and SO_SNDBUFFORCE go beyond `net.core.rmem_max` where we have the right to."""


def bound_socket(listener: Listener) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if listener.ipv6 else socket.AF_INET
    kind = socket.SOCK_DGRAM if listener.transport == "udp" else socket.SOCK_STREAM
    bound = socket.socket(family, kind)
    try:
        bound.setblocking(False)
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            _enlarge(bound)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((listener.address, listener.port))
    except OSError:
        bound.close()
        raise
    return bound


def allow_open_files() -> None:
    """Each connection takes one: the usual soft limit of 1,024 would end long before our own caps."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def queue_filling(bound: socket.socket) -> float:
    """How much of a socket's receive buffer is taken, 0 to 1; 0 where the kernel does not say."""
    try:
        memory = bound.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    except OSError:
        return 0.0
    taken, size = struct.unpack_from("=II", memory) if len(memory) >= 8 else (0, 0)
    return min(1.0, taken / size) if size else 0.0


def _enlarge(bound: socket.socket) -> None:
    for forced, plain in _FORCED:
        try:
            bound.setsockopt(socket.SOL_SOCKET, forced, RECEIVE_BUFFER)
        except OSError:
            bound.setsockopt(socket.SOL_SOCKET, plain, RECEIVE_BUFFER)


@functools.lru_cache(maxsize=10_000)
def routed_address(peer: str) -> str:
    """Our address on the way to `peer`, as the kernel's routes say now; no packet is sent for it."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect((peer, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
