"""How long an agent who has hung up waits for the next INVITE: all agents of a queue talk, and callers wait.

    python -m benchmarks.agent_idle --calls 300 --waiting 60 --peer asterisk

Agents answer at once, talk with media both ways, and hang up after `--hold` seconds, some sooner, some later; callers who
are through are replaced by new ones, so that some always wait. Time runs from the system call that sends an agent's BYE to
the kernel's own stamp of arrival of the next INVITE for this agent (`SO_TIMESTAMPNS`), so it holds the BYE's own handling,
and nothing of the generator's, which goes after the switch: phones have processors of their own. All switches in turn in
one run; one JSON line each.
"""

import argparse
import json
import os
import random
import shutil
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.awake import awake
from benchmarks.ladder import machine
from benchmarks.media_load import percentiles
from benchmarks.peers.asterisk import Asterisk
from benchmarks.peers.ours import Ours
from benchmarks.peers.target import Target
from benchmarks.stolen import stolen_s
from benchmarks.ua_load import Address, Plan, UaLoad, raise_file_limit, uri_in
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS
from tools.peers.ports import free_port
from tools.peers.processes import cpu_between

_RAMP = 30.0
_WARM_S = 4.0
_SPREAD = 0.25
"""Calls are this much shorter or longer."""
_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
_BYE_PAUSE_S = 0.5
_BYES = 7
TARGETS: dict[str, Callable[[], Target]] = {
    "softswitch": lambda: Ours(media_ports="24000-63999"),
    "asterisk": Asterisk,
}


class Busy(UaLoad):
    """A queue in which callers always wait: agents hang up, and who was served is followed by another caller."""

    def __init__(self, plan: Plan, mark: Callable[["Busy"], None], *, hold_s: float) -> None:
        """`mark` is called when measuring begins and when it ends."""
        super().__init__(plan, on_steady=lambda: mark(self), on_end=lambda: mark(self))
        self._agent_hold_s = hold_s
        self._next = 0
        self._over = False
        self._random = random.Random(4711)
        self._arrived_ns = 0
        self._idle_ns: dict[bytes, int] = {}
        """Since when each agent who hung up waits, by his name."""
        self._byes: set[bytes] = set()
        self.waits_ms: list[float] = []
        self.byes = 0
        self.fewest_waiting = plan.calls
        """Callers who waited whenever an agent hung up, at the least."""
        self._agent_socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)

    def busy(self, callers: int, seconds: float) -> None:
        began = time.monotonic()
        for index in range(callers):
            self._at(began + index / _RAMP, self._another)
        self._loop_for(callers / _RAMP + _WARM_S)
        self._measure(seconds)
        self._over = True

    def talking(self) -> int:
        return sum(1 for call in self._calls.values() if call.connected)

    # -- callers ------------------------------------------------------------------------------------------------------

    def _another(self) -> None:
        if not self._over and self._next < self.plan.calls:
            self._begin(self._next)
            self._next += 1

    def _maybe_connected(self, call: Any) -> None:
        """Who hangs up is the agent."""

    def _ended_by_switch(self, call: Any) -> None:
        self.media.stop_sending(call.index)
        self._complete(call)
        self._at(time.monotonic(), self._another)

    # -- agents -------------------------------------------------------------------------------------------------------

    def _receive(self, opened: socket.socket) -> tuple[bytes, Address]:
        if opened is not self._agent_socket:
            return super()._receive(opened)
        data, ancillary, _, source = opened.recvmsg(65536, 64)
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", value[:16])
                self._arrived_ns = seconds * 1_000_000_000 + nanoseconds
        return data, source

    def _ring(self, dialog: bytes, headers: dict[bytes, list[bytes]], data: bytes, source: Address) -> None:
        agent = _agent_of(data)
        since = self._idle_ns.pop(agent, None)
        if since is not None and self.media.measuring:
            self.waits_ms.append((self._arrived_ns - since) / 1e6)
        super()._ring(dialog, headers, data, source)
        held = self._agent_hold_s * self._random.uniform(1 - _SPREAD, 1 + _SPREAD)
        self._at(time.monotonic() + held, lambda: self._agent_hangs_up(dialog, headers, agent))

    def _agent_hangs_up(self, dialog: bytes, headers: dict[bytes, list[bytes]], agent: bytes) -> None:
        visit = self._visits.get(dialog)
        if visit is None or not visit.acknowledged:
            return
        ours, theirs = headers[b"to"][0] + b";tag=" + visit.tag, headers[b"from"][0]
        routes = b"".join(b"Route: %s\r\n" % one for one in headers.get(b"record-route", []))
        place = f"{self.agent_address[0]}:{self.agent_address[1]}".encode()
        request = (
            b"BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKbye%s;rport\r\n%sFrom: %s\r\nTo: %s\r\n"
            b"Call-ID: %s\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ) % (uri_in(headers[b"contact"][0]), place, visit.tag, routes, ours, theirs, dialog)
        self._free(dialog, visit)
        if self.media.measuring:
            self.byes += 1
            self.fewest_waiting = min(self.fewest_waiting, len(self._calls) - self.talking())
        self._byes.add(dialog)
        self._idle_ns[agent] = time.time_ns()
        self._agent_socket.sendto(request, visit.source)
        self._repeat_bye(dialog, request, visit.source, _BYES)

    def _repeat_bye(self, dialog: bytes, request: bytes, to: Address, left: int) -> None:
        def again() -> None:
            if dialog in self._byes and left:
                self.result.retransmissions += 1
                self._agent_socket.sendto(request, to)
                self._repeat_bye(dialog, request, to, left - 1)

        self._at(time.monotonic() + _BYE_PAUSE_S, again)

    def _caller_response(
        self, status: int, method: bytes, headers: dict[bytes, list[bytes]], data: bytes
    ) -> None:
        if headers[b"call-id"][0] in self._byes:
            self._byes.discard(headers[b"call-id"][0])
            return
        super()._caller_response(status, method, headers, data)


def measure(target: Target, given: argparse.Namespace) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="softswitch-idle-"))
    callers = given.calls + given.waiting
    ends = given.calls / given.hold * (callers / _RAMP + _WARM_S + given.seconds)
    plan = Plan(
        server=("127.0.0.1", 0),
        callers=TRUNK_ADDRESS,
        agents=AGENT_ADDRESS,
        agent_port=free_port(AGENT_ADDRESS),
        calls=callers + round(ends * 1.3),
        seconds=given.seconds,
        ramp=_RAMP,
        connect_timeout_s=60.0,
    )
    contacts = {f"a{n}": f"sip:a{n}@{AGENT_ADDRESS}:{plan.agent_port}" for n in range(given.calls)}
    target.start(folder, contacts, record=given.record)
    try:
        plan.server = target.sip
        marks: list[Any] = []

        def mark(load: Busy) -> None:
            marks.append((target.usage(), stolen_s(), time.monotonic(), load.talking()))

        load = Busy(plan, mark, hold_s=given.hold)
        try:
            load.busy(callers, given.seconds)
            failures = dict(load.result.failures)
        finally:
            load.finish()
        problems = target.problems()
    finally:
        target.stop()
        shutil.rmtree(folder, ignore_errors=True)
    (before, stolen, began, talking), (after, stolen_after, ended, talking_after) = marks
    seconds = ended - began
    return {
        "benchmark": "agent idle to INVITE",
        "switch": target.name,
        "version": target.version(),
        "machine": machine(),
        "agents": given.calls,
        "talking": [talking, talking_after],
        "waiting": given.waiting,
        "recorded": given.record,
        "hung_up": load.byes,
        "offers": len(load.waits_ms),
        "fewest_waiting": load.fewest_waiting,
        "failures": failures,
        "idle_to_invite_ms": percentiles(load.waits_ms),
        "cores": round(sum(cpu_between(before, after).values()) / seconds, 3),
        "stolen": round((stolen_after - stolen) / seconds / (os.cpu_count() or 1), 4),
        "retransmissions": load.result.retransmissions,
        "problems": problems,
    }


def _agent_of(invite: bytes) -> bytes:
    """Whose phone an INVITE is for: the user of its Request-URI."""
    return invite.partition(b"\r\n")[0].split(b" ")[1].partition(b":")[2].partition(b"@")[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=300, help="agents, all of them talking")
    parser.add_argument("--waiting", type=int, default=60, help="callers who wait meanwhile")
    parser.add_argument("--hold", type=float, default=30.0, help="seconds a call lasts on average")
    parser.add_argument("--seconds", type=float, default=30.0, help="measured stretch")
    parser.add_argument("--record", action="store_true", help="record all calls")
    parser.add_argument("--peer", choices=["asterisk"], help="then the same on this; needs root")
    given = parser.parse_args()
    raise_file_limit()
    with awake():
        for name in ["softswitch", *([given.peer] if given.peer else [])]:
            report = measure(TARGETS[name](), given)
            print(json.dumps(report), flush=True)
            if (
                report["failures"]
                or report["fewest_waiting"] < 1
                or report["offers"] < 0.9 * report["hung_up"]
            ):
                sys.exit(f"{name}: there were not always callers for the agents who hung up")


if __name__ == "__main__":
    main()
