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
_LARGE = 100
_SPLIT = FIRST + (LAST - FIRST) * 2 // 3 // 2 * 2
"""Large blocks are below, so that single ports never leave no room for one."""
_taken: dict[tuple[str, int], None] = {}
"""In the order in which they were handed out."""


def free_port(address: str = "127.0.0.1", *, count: int = 1, tcp: bool = False) -> int:
    """First of `count` neighbouring ports (it is even), free for UDP now, and for TCP with `tcp`."""
    lowest, end = (FIRST, _SPLIT) if count >= _LARGE else (_SPLIT, LAST)
    for _ in range(3):
        for _ in range(300):
            first = random.randrange(lowest, end - count, 2)
            block = [(address, port) for port in range(first, first + count)]
            if _taken.keys().isdisjoint(block) and all(_is_free(address, port, tcp) for _, port in block):
                _taken.update(dict.fromkeys(block))
                return first
        for oldest in list(_taken)[: len(_taken) // 2]:  # who had these has ended long ago
            del _taken[oldest]
    raise OSError(f"no {count} free ports on {address}")


def give_back(address: str, ports: range) -> None:
    """Let a block be handed out again."""
    for port in ports:
        _taken.pop((address, port), None)


def _is_free(address: str, port: int, tcp: bool) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM) if tcp else (socket.SOCK_DGRAM,):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
