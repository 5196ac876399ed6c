"""What encryption costs: two-party calls through one media worker, one leg encrypted or both, for each crypto suite.

    python -m benchmarks.srtp_relay [--calls 50] [--seconds 8] [--suites AEAD_AES_128_GCM]

The first legs of all calls are SRTP phones, the second ones plain (a trunk), then both are SRTP. Phones run in a process of
their own: packets are encrypted before the clock starts, and each that arrives is decrypted by libsrtp with the key that
was told to the worker and compared with what its sender said. One JSON line a combination, the plain one first.
"""

import argparse
import asyncio
import base64
import json
import logging
import multiprocessing
import os
import platform
import select
import socket
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import pylibsrtp
import structlog

from benchmarks.media_load import percentiles
from softswitch.clock import SystemClock
from softswitch.config.media import Rtp
from softswitch.ids import LegId, WorkerId
from softswitch.rtp.commands import Bridge, SetPeer
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import Report
from softswitch.srtp_key import SUITES, SrtpKey
from tools.peers.processes import usage

ADDRESS = "127.0.0.1"
FRAME_S = 0.02
_RTP = struct.Struct("!BBHII")
_BODY = struct.Struct("!II")
_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Of one phone: what it sends under, and what it is sent under; None: in clear."""

    sends: SrtpKey | None
    hears: SrtpKey | None


def fresh_key(suite: str) -> SrtpKey:
    return SrtpKey(suite=suite, key=base64.b64encode(os.urandom(SUITES[suite])).decode())


def session(key: SrtpKey, *, inbound: bool) -> pylibsrtp.Session:
    kind = pylibsrtp.Policy.SSRC_ANY_INBOUND if inbound else pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    material = base64.b64decode(key.key)
    return pylibsrtp.Session(
        pylibsrtp.Policy(key=material, ssrc_type=kind, srtp_profile=_PROFILES[key.suite])
    )


class Phones:
    """All phones; phone 2n talks to phone 2n + 1."""

    def __init__(self, keys: list[Keys], frames: int) -> None:
        self.frames = frames
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in keys]
        for opened in self._sockets:
            opened.bind((ADDRESS, 0))
            opened.setblocking(False)
        self.ports = [opened.getsockname()[1] for opened in self._sockets]
        self._packets = [self._spoken(leg, own.sends) for leg, own in enumerate(keys)]
        self._opens = [session(own.hears, inbound=True) if own.hears else None for own in keys]
        self._heard = [0] * len(keys)
        self._sent_at = [[0.0] * frames for _ in keys]
        self._delays: list[float] = []
        self.received = self.wrong = 0
        self._poll = select.epoll()
        self._leg_of = {opened.fileno(): leg for leg, opened in enumerate(self._sockets)}
        for opened in self._sockets:
            self._poll.register(opened.fileno(), select.EPOLLIN)

    def _spoken(self, leg: int, key: SrtpKey | None) -> list[bytes]:
        closing = session(key, inbound=False) if key else None
        found = []
        for number in range(self.frames):
            head = _RTP.pack(0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, leg + 1)
            plain = head + _said(leg, number)
            found.append(closing.protect(plain) if closing else plain)
        return found

    def connect(self, ports: list[int]) -> None:
        for opened, port in zip(self._sockets, ports, strict=True):
            opened.connect((ADDRESS, port))

    def talk(self) -> None:
        """All frames of all phones, spread over each 20 ms."""
        legs, began = len(self._sockets), time.monotonic() + 0.05
        for frame in range(self.frames):
            for leg, opened in enumerate(self._sockets):
                due = began + frame * FRAME_S + leg * FRAME_S / legs
                while (rest := due - time.monotonic()) > 0:
                    self.hear()
                    time.sleep(min(max(rest, 0.0), 0.002))
                self._sent_at[leg][frame] = time.monotonic()
                opened.send(self._packets[leg][frame])
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            self.hear()
            time.sleep(0.002)

    def hear(self) -> None:
        for descriptor, _ in self._poll.poll(0, len(self._sockets)):
            leg = self._leg_of[descriptor]
            data, now = self._sockets[leg].recv(2048), time.monotonic()
            if 192 <= data[1] <= 223:
                continue  # RTCP
            self.received += 1
            opens = self._opens[leg]
            try:
                body = (opens.unprotect(data) if opens else data)[_RTP.size :]
            except pylibsrtp.Error:
                self.wrong += 1
                continue
            other, number = _BODY.unpack_from(body)
            if other != leg ^ 1 or number >= self.frames or body != _said(other, number):
                self.wrong += 1
                continue
            self._delays.append((now - self._sent_at[other][number]) * 1000)

    def result(self) -> dict[str, Any]:
        sent = len(self._sockets) * self.frames
        return {"packets": sent, "lost": sent - self.received, "wrong": self.wrong,
                "delay_ms": percentiles(self._delays)}  # fmt: skip


def _said(leg: int, number: int) -> bytes:
    return _BODY.pack(leg, number) * 20


def generate(pipe: Connection, keys: list[Keys], frames: int) -> None:
    """Runs in its own process."""
    phones = Phones(keys, frames)
    pipe.send(phones.ports)
    phones.connect(pipe.recv())
    phones.talk()
    pipe.send(phones.result())


async def measure(calls: int, seconds: float, suites: tuple[str, str]) -> dict[str, Any]:
    """`suites`: that of the first leg of each call and of the second; empty for none."""
    keys = [_keys(suites[leg % 2]) for leg in range(2 * calls)]
    ours, theirs = multiprocessing.Pipe()
    generator = multiprocessing.get_context("spawn").Process(
        target=generate, args=(theirs, keys, round(seconds / FRAME_S)), daemon=True
    )
    generator.start()
    with tempfile.TemporaryDirectory(prefix="srtp-relay-") as folder:
        pool = MediaPool(
            Rtp(ports="24000-31999", workers=1), socket_dir=folder, clock=SystemClock(),
            on_report=_ignore, on_worker_died=lambda worker, pid, gone: sys.exit(f"media worker {worker} died"),
        )  # fmt: skip
        await pool.start()
        try:
            ports = await asyncio.to_thread(ours.recv)
            ours.send([await _connect(pool, leg, ports[leg], keys[leg]) for leg in range(2 * calls)])
            (view,) = pool.views()
            await asyncio.sleep(seconds / 4)
            before, began = usage(view.pid), time.monotonic()
            await asyncio.sleep(seconds / 2)
            after, took = usage(view.pid), time.monotonic() - began
            heard = await asyncio.wait_for(asyncio.to_thread(ours.recv), seconds + 30)
        finally:
            generator.kill()
            await pool.stop()
    assert before is not None and after is not None
    cores = (after.cpu_s - before.cpu_s) / took
    return {
        "benchmark": "encrypted legs", "engine": view.engine, "calls": calls, "suites": suites, "seconds": seconds,
        "worker_cores": round(cores, 4), "worker_cores_per_100_calls": round(cores / calls * 100, 4), **heard,
        "machine": f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}",
    }  # fmt: skip


def _keys(suite: str) -> Keys:
    return Keys(sends=fresh_key(suite), hears=fresh_key(suite)) if suite else Keys(sends=None, hears=None)


async def _connect(pool: MediaPool, leg: int, port: int, keys: Keys) -> int:
    opened = await pool.open_leg(LegId(f"{leg}"), ADDRESS)
    pool.send(
        SetPeer(
            leg=opened.leg, address=ADDRESS, port=port, codec="PCMU", payload_type=0, event_payload_type=None,
            rtcp_mux=True, key_in=keys.sends, key_out=keys.hears,
        )
    )  # fmt: skip
    if leg % 2:
        pool.send(Bridge(a=LegId(f"{leg - 1}"), b=opened.leg))
    return opened.port


def _ignore(worker: WorkerId, report: Report) -> None:
    """Nothing of the worker's is needed."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--suites", default=",".join(SUITES), help="with commas between")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    whole = True
    combinations = [("", "")]
    for suite in given.suites.split(","):
        combinations += [(suite, ""), (suite, suite)]
    for combination in combinations:
        result = asyncio.run(measure(given.calls, given.seconds, combination))
        print(json.dumps(result), flush=True)
        whole &= result["lost"] == result["wrong"] == 0
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
