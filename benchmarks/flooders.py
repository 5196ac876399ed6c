"""The attackers and the honest phone of `benchmarks.flood`, each a process of its own on loopback.

python -m benchmarks.flooders attack HOST:PORT SECONDS RATE
python -m benchmarks.flooders phone HOST:PORT SECONDS
"""

import contextlib
import itertools
import json
import math
import random
import socket
import sys
import time

from tools.peers.sip_party import NoAnswer
from tools.peers.softphone import Softphone

Address = tuple[str, int]
METHODS = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE")
STREAM_METHODS = ("REGISTER", "INVITE", "SUBSCRIBE")
ONE_SOURCE = "127.6.6.6"
IDLE, SLOW = 2000, 50
PER_SOURCE = 100
REGISTER_EVERY_S = 120.0


def _request(method: str, number: int, source: str, host: str, transport: str) -> bytes:
    return (
        f"{method} sip:{1000 + number % 500}@{host} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {source}:5060;branch=z9hG4bKflood{number};rport\r\nMax-Forwards: 70\r\n"
        f'From: "flood" <sip:{1000 + number % 500}@{host}>;tag=f{number}\r\nTo: <sip:{1000 + number % 500}@{host}>\r\n'
        f"Call-ID: flood-{number}@{source}\r\nCSeq: 1 {method}\r\nContact: <sip:flood@{source}:5060>\r\n"
        f"Event: dialog\r\nExpires: 600\r\nUser-Agent: a phone of some make/2.7.1\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def _bound(source: str, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.setblocking(False)
    made.bind((source, 0))
    return made


class Crowd:
    """Connections: idle ones, ones that send half a header, ones that ask and never read."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self.opened = 0
        self._numbers = itertools.count()
        self._open: list[socket.socket] = []
        self._slow: list[socket.socket] = []

    def grow(self) -> None:
        """Two more; the switch closes those that say nothing, and others take their place."""
        for _ in range(2):
            number = next(self._numbers)
            source = f"127.7.{number // PER_SOURCE % 200}.1"
            made = _bound(source, socket.SOCK_STREAM)
            with contextlib.suppress(BlockingIOError, OSError):
                made.connect(self._server)
            self.opened += 1
            wanted = self._slow if number % (IDLE // SLOW) == 0 else self._open
            wanted.append(made)
            while len(self._open) > IDLE:
                self._open.pop(0).close()
            while len(self._slow) > SLOW:
                self._slow.pop(0).close()

    def pester(self, number: int) -> None:
        """Half a header to some, questions to those who never read the answers."""
        for made in random.sample(self._open, min(len(self._open), 5)):
            with contextlib.suppress(OSError):
                made.send(b"INVITE sip:1000@h SIP/2.0\r\nVia: SIP/2.0/TCP h;bra")
        for made in random.sample(self._slow, min(len(self._slow), 5)):
            with contextlib.suppress(OSError):
                made.send(_request("OPTIONS", number, "127.7.7.7", self._server[0], "TCP") * 4)

    def close(self) -> None:
        for made in (*self._open, *self._slow):
            made.close()


class Streams:
    """Requests over connections that are made for them and closed right behind them, before any answer is read."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._open: list[tuple[socket.socket, bytes]] = []
        self.opened = self.sent = 0

    def burst(self) -> None:
        """What was opened a moment ago asks and is closed; six more are opened, half of them from one source."""
        for made, data in self._open:
            with contextlib.suppress(OSError):
                made.send(data)
                self.sent += 1
            made.close()
        self._open.clear()
        for _ in range(6):
            number = next(self._numbers)
            source = ONE_SOURCE if number % 2 else f"127.9.{number % 200}.1"
            made = _bound(source, socket.SOCK_STREAM)
            with contextlib.suppress(BlockingIOError, OSError):
                made.connect(self._server)
            self.opened += 1
            method = STREAM_METHODS[number % 3]
            self._open.append((made, _request(method, 10_000_000 + number, source, self._server[0], "TCP")))

    def close(self) -> None:
        for made, _ in self._open:
            made.close()


class Pipelines:
    """Connections from as many sources into which requests are poured without end, and no answer is read."""

    SOURCES = 40

    def __init__(self, server: Address) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._open: dict[int, socket.socket] = {}
        self._poured = b"".join(
            _request(STREAM_METHODS[number % 3], 20_000_000 + number, "127.10.0.1", server[0], "TCP")
            for number in range(200)
        )
        self.opened = self.sent_bytes = 0

    def pour(self) -> None:
        """As much as one of them takes; a closed one is opened again."""
        number = next(self._numbers) % self.SOURCES
        made = self._open.get(number)
        if made is None:
            made = self._open[number] = _bound(f"127.10.{number}.1", socket.SOCK_STREAM)
            self.opened += 1
            with contextlib.suppress(BlockingIOError, OSError):
                made.connect(self._server)
            return
        try:
            self.sent_bytes += made.send(self._poured)
        except BlockingIOError:
            return
        except OSError:
            made.close()
            del self._open[number]

    def close(self) -> None:
        for made in self._open.values():
            made.close()


def attack(server: Address, seconds: float, rate: float) -> dict[str, object]:
    """Half of the datagrams from one source, half from two hundred others; connections beside them."""
    streams, pipelines = Streams(server), Pipelines(server)
    one = _bound(ONE_SOURCE, socket.SOCK_DGRAM)
    many = [_bound(f"127.8.{index}.1", socket.SOCK_DGRAM) for index in range(200)]
    crowd = Crowd(server)
    sent = answered = answered_bytes = sent_bytes = 0
    began, number = time.monotonic(), 0
    while (now := time.monotonic()) < began + seconds:
        due = int((now - began) * rate) - number
        for _ in range(min(due, 200)):
            number += 1
            sender = one if number % 2 else many[number % len(many)]
            data = _request(METHODS[number % 4], number, sender.getsockname()[0], server[0], "UDP")
            with contextlib.suppress(OSError):
                sender.sendto(data, server)
                sent, sent_bytes = sent + 1, sent_bytes + len(data)
        for reader in (one, many[number % len(many)]):
            with contextlib.suppress(OSError):
                while True:
                    answered_bytes += len(reader.recv(65536))
                    answered += 1
        crowd.grow()
        crowd.pester(number)
        streams.burst()
        pipelines.pour()
        time.sleep(0.01)
    crowd.close()
    streams.close()
    pipelines.close()
    return {
        "sent": sent,
        "sent_bytes": sent_bytes,
        "answered": answered,
        "answered_bytes": answered_bytes,
        "connections": crowd.opened,
        "stream_requests": streams.sent,
        "stream_connections": streams.opened,
        "pipelines": pipelines.opened,
        "pipelined_bytes": pipelines.sent_bytes,
    }


def phone(server: Address, seconds: float) -> dict[str, object]:
    """One phone calls another again and again: milliseconds from the first INVITE to 200, the challenge included."""
    times: list[float] = []
    failed = 0
    with (
        Softphone("1001", "127.0.0.21", server, password="one") as caller,
        Softphone("1002", "127.0.0.22", server, password="two") as called,
    ):
        end, registered = time.monotonic() + seconds, -math.inf
        while time.monotonic() < end:
            if time.monotonic() > registered + REGISTER_EVERY_S:
                registered = time.monotonic()
                caller.register()
                called.register()
            called.accept_always()
            began = time.monotonic()
            try:
                caller.dial("1002", timeout=10.0)
                times.append((time.monotonic() - began) * 1000)
                caller.hangup()
            except (NoAnswer, AssertionError, OSError):
                failed += 1
            time.sleep(0.3)
    times.sort()
    return {
        "calls": len(times),
        "failed": failed,
        "p50_ms": round(times[len(times) // 2], 1) if times else None,
        "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))], 1) if times else None,
        "worst_ms": round(times[-1], 1) if times else None,
    }


def main() -> None:
    what, place, seconds, *rate = sys.argv[1:]
    host, _, port = place.rpartition(":")
    server = (host, int(port))
    found = (
        attack(server, float(seconds), float(rate[0])) if what == "attack" else phone(server, float(seconds))
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
