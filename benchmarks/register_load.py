"""Authenticated REGISTERs a second: phones that each answer a challenge once and then refresh with the nonce they have.

    python -m benchmarks.register_load --phones 10000 --seconds 20

The generator keeps `--window` requests under way and sends the next as soon as one is answered, so the figure is what
the switch can take, not what was asked for. Phones come from many loopback addresses, as from many homes. One JSON line
comes out: REGISTERs answered with 200 a second (only those with valid credentials are), CPU for one, and waits.
"""

import argparse
import hashlib
import json
import re
import select
import shutil
import socket
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

from benchmarks.media_load import own_cpu_s, percentiles
from tools.peers.centre import phone
from tools.peers.processes import cpu_between
from tools.peers.switch import Switch

SECRET = "a-secret-of-a-phone"
NETWORK = "127.0.8."
LOST_S = 2.0
_STATUS = re.compile(rb"SIP/2\.0 ([0-9]{3})")
_CALL_ID = re.compile(rb"\r\nCall-ID: ([0-9]+)-")
_NONCE = re.compile(rb'nonce="([^"]+)"')
_REALM = re.compile(rb'realm="([^"]+)"')


class Phone:
    __slots__ = ("address", "count", "cseq", "ha1", "name", "nonce", "sent", "socket")

    def __init__(self, number: int, opened: socket.socket) -> None:
        self.name = f"p{number}"
        self.socket = opened
        self.address = "{}:{}".format(*opened.getsockname())
        self.nonce = self.ha1 = ""
        self.count = self.cseq = 0
        self.sent = 0.0


class RegisterLoad:
    def __init__(self, server: tuple[str, int], phones: int, addresses: int) -> None:
        self._server, self._host = server, "{}:{}".format(*server)
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for number in range(1, addresses + 1):
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.setblocking(False)
            opened.bind((f"{NETWORK}{number}", 0))
            self._sockets[opened.fileno()] = opened
            self._epoll.register(opened.fileno(), select.EPOLLIN)
        opened_all = list(self._sockets.values())
        self.phones = [Phone(number, opened_all[number % addresses]) for number in range(phones)]
        self._idle = deque(self.phones)
        self._waiting: set[int] = set()
        self.answers: dict[int, int] = {}
        self.waits: list[float] = []
        self.lost = 0

    def run(self, seconds: float, window: int) -> None:
        end = time.monotonic() + seconds
        look = 0.0
        while (now := time.monotonic()) < end:
            while len(self._waiting) < window and self._idle:
                self._send(self._idle.popleft(), now)
            for descriptor, _ in self._epoll.poll(0.05):
                self._read(self._sockets[descriptor])
            if now >= look:
                look = now + 0.5
                self._give_up(now)

    def _send(self, one: Phone, now: float) -> None:
        one.cseq += 1
        one.sent = now
        self._waiting.add(int(one.name[1:]))
        uri = f"sip:{self._host}"
        aor = f"<sip:{one.name}@{self._host}>"
        data = (
            f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {one.address};branch=z9hG4bK{one.name}x{one.cseq};rport\r\n"
            f"From: {aor};tag={one.name}\r\nTo: {aor}\r\nCall-ID: {one.name[1:]}-register\r\nCSeq: {one.cseq} REGISTER\r\n"
            f"Max-Forwards: 70\r\nContact: <sip:{one.name}@{one.address}>\r\nExpires: 600\r\n"
            f"{self._credentials(one, uri)}Content-Length: 0\r\n\r\n"
        )
        one.socket.sendto(data.encode(), self._server)

    def _credentials(self, one: Phone, uri: str) -> str:
        if not one.nonce:
            return ""
        one.count += 1
        nc, cnonce = f"{one.count:08x}", f"c{one.cseq}"
        ha2 = hashlib.sha256(f"REGISTER:{uri}".encode()).hexdigest()
        realm, ha1 = one.ha1.split("\n")
        response = hashlib.sha256(f"{ha1}:{one.nonce}:{nc}:{cnonce}:auth:{ha2}".encode()).hexdigest()
        return (
            f'Authorization: Digest username="{one.name}", realm="{realm}", nonce="{one.nonce}", uri="{uri}", '
            f'response="{response}", algorithm=SHA-256, qop=auth, nc={nc}, cnonce="{cnonce}"\r\n'
        )

    def _read(self, opened: socket.socket) -> None:
        for _ in range(64):
            try:
                data = opened.recv(65535)
            except BlockingIOError:
                return
            status, number = _STATUS.match(data), _CALL_ID.search(data)
            if status is not None and number is not None and int(number[1]) in self._waiting:
                self._answered(self.phones[int(number[1])], int(status[1]), data)

    def _answered(self, one: Phone, status: int, data: bytes) -> None:
        if status < 200:
            return
        self._waiting.discard(int(one.name[1:]))
        self.answers[status] = self.answers.get(status, 0) + 1
        if status == 200:
            self.waits.append(time.monotonic() - one.sent)
        if status == 401:
            sha = data[data.find(b"SHA-256") - 300 :] if b"SHA-256" in data else data
            challenge = next((line for line in sha.split(b"\r\n") if b"SHA-256" in line), data)
            nonce, realm = _NONCE.search(challenge), _REALM.search(challenge)
            if nonce is not None and realm is not None:
                said = realm[1].decode()
                one.nonce, one.count = nonce[1].decode(), 0
                one.ha1 = said + "\n" + hashlib.sha256(f"{one.name}:{said}:{SECRET}".encode()).hexdigest()
            self._idle.appendleft(one)
        else:
            self._idle.append(one)

    def _give_up(self, now: float) -> None:
        for number in [each for each in self._waiting if now - self.phones[each].sent > LOST_S]:
            self.lost += 1
            self._waiting.discard(number)
            self._idle.append(self.phones[number])

    def clear(self) -> None:
        self.answers.clear()
        self.waits.clear()
        self.lost = 0


def main() -> None:
    given = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="softswitch-register-"))
    try:
        report = measure(given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))
    sys.exit(0 if not report["lost"] and set(report["answers"]) <= {200, 401} else 1)


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = {
        "general": {"log_level": "warning"},
        "endpoint": {f"p{number}": phone(SECRET) for number in range(given.phones)},
    }
    with Switch(folder, config).start(given.start) as switch:
        load = RegisterLoad(switch.sip, given.phones, given.addresses)
        load.run(given.warm, given.window)
        load.clear()
        before, mine, began = switch.usage(), own_cpu_s(), time.monotonic()
        load.run(given.seconds, given.window)
        seconds = time.monotonic() - began
        cpu, mine = cpu_between(before, switch.usage()), own_cpu_s() - mine
    done = load.answers.get(200, 0)
    return {
        "benchmark": "register_load",
        "phones": given.phones,
        "registers_per_s": round(done / seconds, 1),
        "answers": load.answers,
        "lost": load.lost,
        "wait_ms": percentiles([one * 1000 for one in load.waits]),
        "cpu_ms_per_register": round(sum(cpu.values()) * 1000 / max(done, 1), 3),
        "generator_cpu_ms_per_register": round(mine * 1000 / max(done, 1), 3),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--phones", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="measured stretch")
    parser.add_argument("--warm", type=float, default=10.0, help="before it: phones get their first nonce")
    parser.add_argument("--window", type=int, default=32, help="requests under way at once")
    parser.add_argument("--addresses", type=int, default=200, help="source addresses of the phones")
    parser.add_argument("--start", type=float, default=120.0, help="how long the switch may take to start")
    return parser.parse_args()


if __name__ == "__main__":
    main()
