"""Proves that `kill -9` of a media worker under fifty recorded queue calls costs each a short silence and nothing more.

Every packet tells its leg and number, so that each party is seen to hear its own partner before and after; calls end by
the caller's BYE with one CDR each, and each has one recording, whole but for the silence. Does not prove that every make of
phone takes the re-INVITE: these do, and `tests/story/test_story_worker_death.py` tells of some that do not.
"""

import os
import select
import signal
import socket
import struct
import time
from typing import Any

import numpy as np
import pytest

from benchmarks.ua_load import Plan, UaLoad, _media_address, _response, _sdp
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, load_config
from tools.peers.g711 import read_wav
from tools.peers.ports import free_port
from tools.peers.switch import StartSwitch, Switch, wait_for

LONGEST_GAP_S = 2.0
_RTP = struct.Struct("!BBHIIII")
_TICK_S = 0.02


def payload(leg: int, number: int) -> bytes:
    return bytes([1 + (leg * 37 + number) % 120]) * 152


class Voices:
    """A socket for each leg: sends fifty packets a second to wherever it was told, and notes when it heard whom."""

    def __init__(self, legs: int) -> None:
        self.legs = legs
        self.heard: list[list[tuple[float, int]]] = [[] for _ in range(legs)]
        self.strange: list[str] = []
        self._sockets: dict[int, socket.socket] = {}
        self._targets: dict[int, tuple[str, int]] = {}
        self._numbers = [0] * legs
        self._poll = select.epoll()
        self._legs_by_fd: dict[int, int] = {}
        self._due = time.monotonic()

    def open(self, leg: int, address: str) -> int:
        if leg not in self._sockets:
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            # Its own pair: the switch's RTCP goes to the port above, which must not be another leg's.
            opened.bind((address, free_port(address, count=2)))
            opened.setblocking(False)
            self._sockets[leg] = opened
            self._legs_by_fd[opened.fileno()] = leg
            self._poll.register(opened.fileno(), select.EPOLLIN)
        return int(self._sockets[leg].getsockname()[1])

    def connect(self, leg: int, peer: tuple[str, int]) -> None:
        self._targets[leg] = peer

    def stop_sending(self, leg: int) -> None:
        self._targets.pop(leg, None)

    def begin(self) -> None:
        """All is noted from the start: no stretch is measured by itself."""

    def end(self) -> None:
        """As `begin`."""

    def until_tick(self) -> float:
        return max(0.0, self._due - time.monotonic())

    def tick(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = max(self._due + _TICK_S, now)
            for leg, target in self._targets.items():
                number = self._numbers[leg]
                self._numbers[leg] += 1
                head = _RTP.pack(0x80, 0, number & 0xFFFF, number * 160, 0x10000 + leg, leg, number)
                self._sockets[leg].sendto(head + payload(leg, number), target)
        for descriptor, _ in self._poll.poll(0):
            self._hear(self._legs_by_fd[descriptor])

    def _hear(self, leg: int) -> None:
        while True:
            try:
                data = self._sockets[leg].recv(2048)
            except BlockingIOError:
                return
            _, _, _, _, _, sender, number = _RTP.unpack_from(data)
            if data[_RTP.size :] == payload(sender, number):
                self.heard[leg].append((time.monotonic(), sender))
            elif self.heard[leg]:  # before it hears its partner, a caller hears music
                self.strange.append(f"leg {leg} at {time.monotonic():.3f}: {data[:20].hex()}")

    def result(self) -> None:
        """What was heard is looked at by the test."""

    def close(self) -> None:
        self._poll.close()
        for opened in self._sockets.values():
            opened.close()


class Load(UaLoad):
    """Callers and agents who take a re-INVITE."""

    media: Any

    def __init__(self, plan: Plan, **more: Any) -> None:
        super().__init__(plan, **more)
        self.media.close()
        self.media = Voices(2 * plan.calls)
        self.reinvited = 0

    def _take_request(self, opened: Any, data: bytes, headers: Any, source: Any) -> None:
        call = self._calls.get(headers[b"call-id"][0])
        if opened is self._caller_socket and call is not None and data.startswith(b"INVITE"):
            self.reinvited += 1
            self.media.connect(call.index, _media_address(data))
            here = b"Contact: <sip:c@%s:%d>\r\n" % (self.plan.callers.encode(), self.caller_address[1])
            body = _sdp(self.plan.callers, self.media.open(call.index, self.plan.callers)).encode()
            self._caller_socket.sendto(_response(b"200 OK", headers, b"", here, body), source)
            return
        if opened is self._caller_socket and data.startswith(b"ACK"):
            return
        super()._take_request(opened, data, headers, source)

    def _agent_request(self, method: bytes, headers: Any, data: bytes, source: Any) -> None:
        visit = self._visits.get(headers[b"call-id"][0])
        if method == b"INVITE" and visit is not None and visit.acknowledged:
            self.reinvited += 1
            self.media.connect(visit.leg, _media_address(data))
        super()._agent_request(method, headers, data, source)


@pytest.mark.parametrize(("workers", "calls"), [(1, 50)])
def test_fifty_calls_talk_on(workers: int, calls: int, start_switch: StartSwitch) -> None:
    agent_port = free_port(AGENT_ADDRESS)
    config = load_config(
        {f"a{at}": f"sip:a{at}@{AGENT_ADDRESS}:{agent_port}" for at in range(calls)}, record=True
    )
    switch = start_switch({**config, "rtp": {"workers": workers}})
    plan = Plan(server=switch.sip, callers=TRUNK_ADDRESS, agents=AGENT_ADDRESS, agent_port=agent_port, calls=calls,
                seconds=6.0, ramp=25)  # fmt: skip
    killed: list[float] = []
    load = Load(plan, on_steady=lambda: load._at(time.monotonic() + 1.5, kill))

    def kill() -> None:
        killed.append(time.monotonic())
        os.kill(victim, signal.SIGKILL)

    wait_for(lambda: len(switch.usage()) == workers + 2, 20, "the spare worker")
    victim = switch.cli("status")["workers"][0]["pid"]
    result = load.run()
    _assert_calls(load, result, calls)
    assert load.reinvited >= (2 * calls if workers == 1 else 2)
    gaps = _gaps(load.media, killed[0])
    silences = _assert_rows(switch, calls)
    print(
        f"gap p50 {np.percentile(gaps, 50):.3f} s, max {max(gaps):.3f} s over {len(gaps)} parties; "
        f"silence in recordings p50 {np.percentile(silences, 50):.2f} s, max {max(silences):.2f} s"
    )
    assert max(gaps) <= LONGEST_GAP_S
    wait_for(lambda: switch.cli("status")["workers"][0]["pid"] not in (0, victim), 5, "another worker")


def _assert_calls(load: Load, result: Any, calls: int) -> None:
    assert (result.connected, result.completed, result.failures) == (calls, calls, {})
    assert load.media.strange == []


def _gaps(voices: Voices, killed: float) -> list[float]:
    """How long each party heard nothing around the death; all hear the same partner before and after."""
    gaps = []
    for leg, heard in enumerate(voices.heard):
        assert len({sender for _, sender in heard}) == 1, f"leg {leg} heard somebody else, or nobody"
        before = max(at for at, _ in heard if at <= killed)
        after = [at for at, _ in heard if at > killed + 0.06]
        assert len(after) > 100, f"leg {leg} heard {len(after)} packets afterwards"
        last = max((at for at, _ in heard if killed < at <= killed + 0.06), default=before)
        gaps.append(after[0] - last)
    return gaps


def _assert_rows(switch: Switch, calls: int) -> list[float]:
    """One CDR and one recording for each call; returns how long each recording is silent in its middle."""
    rows = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL", count=calls)
    assert len(rows) == calls
    assert {(row["ended_by"], row["cause"]) for row in rows} == {("caller", "normal")}
    kept = switch.wait_rows("SELECT * FROM recordings WHERE state = 'ended'", count=calls)
    assert len(kept) == len(switch.recordings()) == calls
    talked = {row["call"]: row["talk_s"] for row in rows}
    silences = []
    for row in kept:
        samples = read_wav(switch.state / "recordings" / row["path"])
        assert len(samples) / 8000 == pytest.approx(talked[row["call"]], abs=0.5)
        for channel in range(2):
            loud = np.flatnonzero(samples[:, channel])
            assert len(loud), "a party is missing"
            silences.append(float(np.diff(loud).max()) / 8000)
            assert loud[0] < 4000 and len(samples) - loud[-1] < 16000, "sound at both ends"
    return silences
