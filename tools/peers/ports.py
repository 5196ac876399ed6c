"""Free ports on loopback addresses, each handed out once by a process, so that tests can run beside each other."""

import os
import random
import socket

_ALL = 10_000, 22_900
"""Above these, up to where the kernel gives out ports by itself, are those that tests of the media room name."""


def _own_part(everything: tuple[int, int]) -> tuple[int, int]:
    """What is this process's alone when pytest-xdist runs several side by side: a port that is free now may be what
    another is about to bind."""
    part, parts = (
        os.environ.get("PYTEST_XDIST_WORKER", "gw0"),
        os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"),
    )
    first, last = everything
    size = (last - first) // int(parts) // 2 * 2
    begin = first + size * int(part.removeprefix("gw"))
    return begin, begin + size


FIRST, LAST = _own_part(_ALL)
_taken: set[tuple[str, int]] = set()


def free_port(address: str = "127.0.0.1", *, count: int = 1, tcp: bool = False) -> int:
    """First of `count` neighbouring ports (it is even), free for UDP now, and for TCP with `tcp`."""
    for _ in range(500):
        first = random.randrange(FIRST, LAST - count, 2)
        block = [(address, port) for port in range(first, first + count)]
        if _taken.isdisjoint(block) and all(_is_free(address, port, tcp) for _, port in block):
            _taken.update(block)
            return first
    raise OSError(f"no {count} free ports on {address}")


def give_back(address: str, ports: range) -> None:
    """Let a block be handed out again."""
    _taken.difference_update((address, port) for port in ports)


def _is_free(address: str, port: int, tcp: bool) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM) if tcp else (socket.SOCK_DGRAM,):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
