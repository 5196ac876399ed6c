"""Callers and agents for a load: signalling for both sides and their media, in one process that costs little.

All callers share one UDP socket (a trunk at one address), all agents another; messages are made from templates and read
with a few regular expressions. An agent answers at once. The number that a caller shows leads from the agent's INVITE
back to the call. Run by itself it lets callers ring the agents directly, without a switch: what it costs, what delay it
sees over bare loopback, and whether it notices faults that it plants itself.

    python -m benchmarks.ua_load --calls 50 --seconds 5
    python -m benchmarks.ua_load --calls 20 --seconds 5 --plant-loss 0.01 --plant-corruption 0.01
"""

import argparse
import gc
import heapq
import json
import math
import re
import resource
import select
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import count

from benchmarks.media_load import MediaLoad, MediaResult, Planted, own_cpu_s, percentiles

Address = tuple[str, int]
_T1_S = 0.5
_HEADER = re.compile(
    rb"\r\n(via|v|from|f|to|t|call-id|i|cseq|contact|m|record-route)[ \t]*:[ \t]*([^\r\n]*)", re.I
)
_NAMES = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"m": b"contact"}
_MEDIA = re.compile(rb"\r\nm=audio (\d+)")
_CONNECTION = re.compile(rb"\r\nc=IN IP4 ([0-9.]+)")
_URI = re.compile(rb"<([^>]+)>|(sips?:[^;,\s]+)")
_ANI = re.compile(rb"sips?:(\d+)@")


@dataclass(slots=True, kw_only=True)
class Plan:
    server: Address
    """Where callers send their INVITE: the switch."""
    callers: str = "127.0.0.10"
    agents: str = "127.0.0.20"
    agent_port: int = 5080
    number: str = "600"
    calls: int = 100
    """At once; with `rate`, the most at once."""
    seconds: float = 60.0
    """Held with media by all at once; with `rate`, how long new calls are begun."""
    rate: float = 0.0
    """New calls a second, each held `hold_s`; 0 holds `calls` at once."""
    ramp: float = 20.0
    """Calls a second until all are there."""
    hold_s: float = 1.0
    media: bool = True
    connect_timeout_s: float = 15.0
    first_number: int = 700_000_000
    planted: Planted | None = None


@dataclass(slots=True)
class _Call:
    index: int
    call_id: bytes
    began: float
    request: bytes = b""
    """What is repeated until it is answered."""
    remote: bytes = b""
    target: bytes = b""
    routes: bytes = b""
    state: str = "calling"
    answered: float = 0.0
    rung: float = 0.0
    connected: float = 0.0
    agent_dialog: bytes = b""
    agent_leg: int = -1
    media_from: Address | None = None


@dataclass(slots=True)
class _Visit:
    """One INVITE at an agent."""

    call: _Call | None
    answer: bytes
    tag: bytes
    leg: int
    peer: Address
    source: Address
    acknowledged: bool = False


@dataclass(slots=True, kw_only=True)
class LoadResult:
    started: int = 0
    connected: int = 0
    completed: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0
    retransmissions: int = 0
    seconds: float = 0.0
    answer_ms: dict[str, float] = field(default_factory=dict)
    """INVITE to the caller's 200."""
    ring_ms: dict[str, float] = field(default_factory=dict)
    """INVITE to the agent's INVITE."""
    connect_ms: dict[str, float] = field(default_factory=dict)
    """INVITE to the agent's ACK."""
    media: MediaResult | None = None
    generator_cpu_s: float = 0.0
    """CPU of this process in the measured stretch."""


class UaLoad:
    """`on_steady` is called when measuring begins, `on_end` when it ends."""

    def __init__(self, plan: Plan, on_steady: Callable[[], None] = lambda: None,
                 on_end: Callable[[], None] = lambda: None) -> None:  # fmt: skip
        self.plan = plan
        self.result = LoadResult()
        self._on_steady, self._on_end = on_steady, on_end
        self._caller_socket = _bound(plan.callers, 0)
        self._agent_socket = _bound(plan.agents, plan.agent_port)
        self.caller_address: Address = self._caller_socket.getsockname()
        self.agent_address: Address = self._agent_socket.getsockname()
        self._sinks = [_bound(plan.callers, 0), _bound(plan.agents, 0)]
        media_s = plan.seconds + plan.calls / plan.ramp + plan.connect_timeout_s + 5
        shared = plan.server[0] != plan.agents  # without a switch in between only the socket tells legs apart
        self.media = MediaLoad(2 * plan.calls if plan.media else 0, media_s, plan.planted, shared=shared)
        self._free_agent_legs = list(range(2 * plan.calls - 1, plan.calls - 1, -1))
        self._calls: dict[bytes, _Call] = {}
        self._by_number: dict[int, _Call] = {}
        self._visits: dict[bytes, _Visit] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._ids = count()
        self._times: dict[str, list[float]] = {"answer": [], "ring": [], "connect": []}
        self._epoll = select.epoll()
        for opened in (self._caller_socket, self._agent_socket):
            self._epoll.register(opened.fileno(), select.EPOLLIN)
        self._run_id = f"{time.time_ns():x}".encode()
        self._ended = False
        self.enough = math.inf
        """When measuring ends, if that is sooner than planned. Monotonic."""

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self) -> LoadResult:
        gc.collect()
        gc.disable()
        try:
            if self.plan.rate:
                self._run_rate()
            else:
                self._run_held()
        finally:
            gc.enable()
            self.finish()
        return self.result

    def _run_held(self) -> None:
        plan, began = self.plan, time.monotonic()
        for index in range(plan.calls):
            self._at(began + index / plan.ramp, lambda index=index: self._begin(index))  # type: ignore[misc]
        deadline = began + plan.calls / plan.ramp + plan.connect_timeout_s
        self._loop(lambda: self._settled() == plan.calls or time.monotonic() > deadline)
        self._loop_for(1.0)
        self._measure(plan.seconds)
        for leg in range(self.media.legs):
            self.media.stop_sending(leg)
        self._loop_for(0.5)
        now = time.monotonic()
        for position, call in enumerate(list(self._calls.values())):
            self._at(now + position / 100, lambda call=call: self._hang_up(call))  # type: ignore[misc]
        self._loop(lambda: not self._calls or time.monotonic() > now + plan.calls / 100 + 10)

    def _run_rate(self) -> None:
        plan, began = self.plan, time.monotonic()
        total = round(plan.rate * plan.seconds)
        for index in range(total):
            self._at(began + index / plan.rate, lambda index=index: self._begin(index))  # type: ignore[misc]
        self._measure(plan.seconds)
        deadline = time.monotonic() + plan.hold_s + plan.connect_timeout_s
        self._loop(lambda: not self._calls or time.monotonic() > deadline)

    def _measure(self, seconds: float) -> None:
        self._on_steady()
        self.media.begin()
        before, began = own_cpu_s(), time.monotonic()
        self._loop(lambda: time.monotonic() >= min(began + seconds, self.enough))
        self.result.seconds = round(time.monotonic() - began, 2)
        self.result.generator_cpu_s = round(own_cpu_s() - before, 3)
        self.media.end()
        self._on_end()

    def _loop_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._loop(lambda: time.monotonic() >= end)

    def _loop(self, over: Callable[[], bool]) -> None:
        while not over():
            now = time.monotonic()
            pause = self.media.until_tick() if self.plan.media else 0.02
            if self._timers:
                pause = min(pause, max(0.0, self._timers[0][0] - now))
            for descriptor, _ in self._epoll.poll(pause):
                self._read(
                    self._caller_socket if descriptor == self._caller_socket.fileno() else self._agent_socket
                )
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()
            if self.plan.media:
                self.media.tick()

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (when, next(self._ids), action))

    def _settled(self) -> int:
        return sum(1 for call in self._calls.values() if call.connected) + self.result.failed

    def finish(self) -> None:
        for call in list(self._calls.values()):
            self._fail(call, f"still {call.state} at the end")
        for name, target in (("answer", "answer_ms"), ("ring", "ring_ms"), ("connect", "connect_ms")):
            setattr(self.result, target, percentiles([one * 1000 for one in self._times[name]]))
        if self.plan.media:
            self.result.media = self.media.result()
        for opened in (self._caller_socket, self._agent_socket, *self._sinks):
            opened.close()
        self._epoll.close()
        self.media.close()

    # -- callers ------------------------------------------------------------------------------------------------------

    def _begin(self, index: int) -> None:
        plan = self.plan
        number = plan.first_number + index
        call_id = b"%d-%s@%s" % (index, self._run_id, plan.callers.encode())
        call = _Call(index, call_id, time.monotonic())
        self._calls[call_id] = self._by_number[number] = call
        self.result.started += 1
        self.result.most_at_once = max(self.result.most_at_once, len(self._calls))
        port = self.media.open(index, plan.callers) if plan.media else self._sinks[0].getsockname()[1]
        call.request = self._invite(number, call_id, port)
        self._caller_socket.sendto(call.request, plan.server)
        self._repeat(call, b"INVITE", _T1_S)
        self._at(call.began + plan.connect_timeout_s, lambda: self._give_up(call))

    def _invite(self, number: int, call_id: bytes, port: int) -> bytes:
        address, server = self.plan.callers, f"{self.plan.server[0]}:{self.plan.server[1]}"
        body = _sdp(address, port)
        return (
            f"INVITE sip:{self.plan.number}@{server} SIP/2.0\r\n{self._via(call_id.decode(), 1)}"
            f"From: <sip:{number}@{address}>;tag=c{number}\r\nTo: <sip:{self.plan.number}@{server}>\r\n"
            f"Call-ID: {call_id.decode()}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{number}@{address}:{self.caller_address[1]}>\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _via(self, call_id: str, cseq: int) -> str:
        branch = f"z9hG4bK{call_id.split('@')[0]}-{cseq}"
        return f"Via: SIP/2.0/UDP {self.caller_address[0]}:{self.caller_address[1]};branch={branch};rport\r\n"

    def _repeat(self, call: _Call, method: bytes, pause: float) -> None:
        """RFC 3261 timers A and E: again while nothing came."""

        def again() -> None:
            waiting = call.state == ("calling" if method == b"INVITE" else "ending")
            if call.call_id in self._calls and waiting and pause < 8:
                self.result.retransmissions += 1
                self._caller_socket.sendto(call.request, self.plan.server)
                self._repeat(call, method, pause * 2)

        self._at(time.monotonic() + pause, again)

    def _give_up(self, call: _Call) -> None:
        if call.call_id in self._calls and not call.connected:
            self._fail(call, f"not connected, {call.state}")

    def _caller_response(
        self, status: int, method: bytes, headers: dict[bytes, list[bytes]], data: bytes
    ) -> None:
        call = self._calls.get(headers[b"call-id"][0])
        if call is None:
            return
        if method == b"BYE":
            if call.state == "ending" and status == 200:
                self._complete(call)
            elif call.state == "ending" and status >= 300:
                self._fail(call, f"BYE {status}")
            return
        if status < 200:
            if call.state == "calling":
                call.state = "proceeding"
            return
        if status >= 300:
            self._acknowledge_failure(call, headers)
            self._fail(call, f"INVITE {status}")
            return
        self._take_answer(call, headers, data)

    def _take_answer(self, call: _Call, headers: dict[bytes, list[bytes]], data: bytes) -> None:
        if call.state in ("calling", "proceeding"):
            call.answered = time.monotonic()
            self._times["answer"].append(call.answered - call.began)
            call.state = "answered"
            call.remote, call.target = headers[b"to"][0], uri_in(headers[b"contact"][0])
            call.routes = b"".join(
                b"Route: %s\r\n" % route for route in reversed(headers.get(b"record-route", []))
            )
            if self.plan.media:
                self.media.connect(call.index, _media_address(data))
            self._maybe_connected(call)
        self._caller_socket.sendto(self._in_dialog(call, b"ACK", 1), self.plan.server)

    def _in_dialog(self, call: _Call, method: bytes, cseq: int) -> bytes:
        number = self.plan.first_number + call.index
        branch_number = cseq if method == b"BYE" else 100 + cseq
        return (
            b"%s %s SIP/2.0\r\n" % (method, call.target) + self._via(call.call_id.decode(), branch_number).encode()
            + call.routes + f"From: <sip:{number}@{self.plan.callers}>;tag=c{number}\r\n".encode()
            + b"To: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            % (call.remote, call.call_id, cseq, method)
        )  # fmt: skip

    def _acknowledge_failure(self, call: _Call, headers: dict[bytes, list[bytes]]) -> None:
        start = b"ACK " + call.request.split(b" ", 2)[1] + b" SIP/2.0\r\n"
        sender = call.request.partition(b"\r\nFrom: ")[2].partition(b"\r\n")[0]
        self._caller_socket.sendto(
            start + self._via(call.call_id.decode(), 1).encode() + b"From: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
            % (sender, headers[b"to"][0], call.call_id) + b"CSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            self.plan.server,
        )  # fmt: skip

    def _hang_up(self, call: _Call) -> None:
        if call.call_id not in self._calls or call.state != "answered":
            return
        call.state = "ending"
        call.request = self._in_dialog(call, b"BYE", 2)
        self._caller_socket.sendto(call.request, self.plan.server)
        self._repeat(call, b"BYE", _T1_S)

    def _maybe_connected(self, call: _Call) -> None:
        """Both sides are through: the caller has his 200, the agent his ACK."""
        if not call.answered or not call.connected or call.state != "answered":
            return
        self._times["connect"].append(max(call.connected, call.answered) - call.began)
        self.result.connected += 1
        if self.plan.rate:
            self._at(time.monotonic() + self.plan.hold_s, lambda: self._hang_up(call))

    def _complete(self, call: _Call) -> None:
        self._drop(call)
        if call.connected:
            self.result.completed += 1
        else:
            self._count_failure("never connected")

    def _fail(self, call: _Call, why: str) -> None:
        self._drop(call)
        self._count_failure(why)

    def _ended_by_switch(self, call: _Call) -> None:
        self._fail(call, "the switch hung up")

    def _count_failure(self, why: str) -> None:
        self.result.failed += 1
        self.result.failures[why] = self.result.failures.get(why, 0) + 1

    def _drop(self, call: _Call) -> None:
        call.state = "over"
        self._calls.pop(call.call_id, None)
        self._by_number.pop(self.plan.first_number + call.index, None)

    # -- agents -------------------------------------------------------------------------------------------------------

    def _agent_request(
        self, method: bytes, headers: dict[bytes, list[bytes]], data: bytes, source: Address
    ) -> None:
        dialog = headers[b"call-id"][0]
        visit = self._visits.get(dialog)
        if method == b"INVITE":
            if visit is None and b";tag=" in headers[b"to"][0]:  # a re-INVITE that crossed the agent's BYE
                self._agent_socket.sendto(
                    _response(b"481 Call/Transaction Does Not Exist", headers, b"x"), source
                )
            elif visit is None:
                self._ring(dialog, headers, data, source)
            else:
                self._agent_socket.sendto(self._agent_answer(headers, visit.tag, visit.leg), source)
        elif method == b"ACK":
            if visit is not None:
                self._agent_connected(visit)
        else:
            self._agent_socket.sendto(_response(b"200 OK", headers, visit.tag if visit else b"x"), source)
            if (visit is not None and method == b"BYE") or (
                visit is not None and method == b"CANCEL" and not visit.acknowledged
            ):
                self._free(dialog, visit)

    def _ring(self, dialog: bytes, headers: dict[bytes, list[bytes]], data: bytes, source: Address) -> None:
        found = _ANI.search(headers[b"from"][0])
        call = self._by_number.get(int(found[1])) if found else None
        leg = self._free_agent_legs.pop() if self._free_agent_legs and self.plan.media else -1
        tag = b"a%d" % next(self._ids)
        self._agent_socket.sendto(_response(b"180 Ringing", headers, tag), source)
        answer = self._agent_answer(headers, tag, leg)
        visit = _Visit(call, answer, tag, leg, _media_address(data), source)
        self._visits[dialog] = visit
        if call is not None and not call.rung:
            call.rung = time.monotonic()
            self._times["ring"].append(call.rung - call.began)
        self._agent_socket.sendto(answer, source)
        self._repeat_answer(dialog, visit, _T1_S)

    def _agent_answer(self, headers: dict[bytes, list[bytes]], tag: bytes, leg: int) -> bytes:
        port = self.media.open(leg, self.plan.agents) if leg >= 0 else self._sinks[1].getsockname()[1]
        contact = b"Contact: <sip:agent@%s:%d>\r\n" % (self.plan.agents.encode(), self.agent_address[1])
        return _response(b"200 OK", headers, tag, contact, _sdp(self.plan.agents, port).encode())

    def _repeat_answer(self, dialog: bytes, visit: _Visit, pause: float) -> None:
        def again() -> None:
            if self._visits.get(dialog) is visit and not visit.acknowledged and pause < 8:
                self.result.retransmissions += 1
                self._agent_socket.sendto(visit.answer, visit.source)
                self._repeat_answer(dialog, visit, min(pause * 2, 4.0))

        self._at(time.monotonic() + pause, again)

    def _agent_connected(self, visit: _Visit) -> None:
        if visit.acknowledged:
            return
        visit.acknowledged = True
        if visit.leg >= 0:
            self.media.connect(visit.leg, visit.peer)
        if visit.call is not None:
            visit.call.connected = time.monotonic()
            self._maybe_connected(visit.call)

    def _free(self, dialog: bytes, visit: _Visit) -> None:
        del self._visits[dialog]
        if visit.leg >= 0:
            self.media.stop_sending(visit.leg)

    # -- bytes --------------------------------------------------------------------------------------------------------

    def _read(self, opened: socket.socket) -> None:
        for _ in range(200):
            try:
                data, source = self._receive(opened)
            except (BlockingIOError, ConnectionRefusedError):
                return
            headers: dict[bytes, list[bytes]] = {}
            for name, value in _HEADER.findall(data):
                lower = name.lower()
                headers.setdefault(_NAMES.get(lower, lower), []).append(value)
            if not {b"via", b"from", b"to", b"call-id", b"cseq"} <= headers.keys():
                continue
            if data.startswith(b"SIP/2.0 "):
                method = headers[b"cseq"][0].split()[-1]
                self._caller_response(int(data[8:11]), method, headers, data)
            else:
                self._take_request(opened, data, headers, source)

    def _receive(self, opened: socket.socket) -> tuple[bytes, Address]:
        return opened.recvfrom(65536)

    def _take_request(
        self, opened: socket.socket, data: bytes, headers: dict[bytes, list[bytes]], source: Address
    ) -> None:
        method = data.partition(b" ")[0]
        if opened is self._agent_socket:
            self._agent_request(method, headers, data, source)
            return
        if method != b"ACK":
            self._caller_socket.sendto(_response(b"200 OK", headers, b"x"), source)
        call = self._calls.get(headers[b"call-id"][0])
        if call is not None and method == b"BYE" and call.state != "ending":
            self._ended_by_switch(call)


def _bound(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    opened.bind((address, port))
    opened.setblocking(False)
    return opened


def _sdp(address: str, port: int) -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n"
        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def _response(
    status: bytes, headers: dict[bytes, list[bytes]], tag: bytes, contact: bytes = b"", body: bytes = b""
) -> bytes:
    to = headers[b"to"][0]
    if b";tag=" not in to:
        to += b";tag=" + tag
    head = b"".join(b"Via: %s\r\n" % via for via in headers[b"via"])
    head += b"".join(b"Record-Route: %s\r\n" % route for route in headers.get(b"record-route", []))
    kind = b"Content-Type: application/sdp\r\n" if body else b""
    return b"SIP/2.0 %s\r\n%sFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n%s%sContent-Length: %d\r\n\r\n%s" % (
        status, head, headers[b"from"][0], to, headers[b"call-id"][0], headers[b"cseq"][0], contact, kind, len(body), body,
    )  # fmt: skip


def _media_address(data: bytes) -> Address:
    address, port = _CONNECTION.search(data), _MEDIA.search(data)
    return (address[1].decode() if address else "127.0.0.1", int(port[1]) if port else 9)


def uri_in(contact: bytes) -> bytes:
    found = _URI.search(contact)
    return (found[1] or found[2]) if found else contact


def raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 65_536), hard), hard))


def main() -> None:
    parser = argparse.ArgumentParser(description="The load generator against itself, without a switch.")
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--hold", type=float, default=1.0)
    for fault in ("loss", "corruption", "doubling", "swapping"):
        parser.add_argument(f"--plant-{fault}", type=float, default=0.0)
    given = parser.parse_args()
    raise_file_limit()
    planted = Planted(
        loss=given.plant_loss,
        corruption=given.plant_corruption,
        doubling=given.plant_doubling,
        swapping=given.plant_swapping,
    )
    plan = Plan(
        server=("127.0.0.20", 0),
        agent_port=0,
        calls=given.calls,
        seconds=given.seconds,
        rate=given.rate,
        hold_s=given.hold,
        media=not given.rate,
        planted=planted if any(asdict(planted).values()) else None,
    )
    load = UaLoad(plan)
    plan.server = load.agent_address
    result = load.run()
    print(
        json.dumps(
            {"benchmark": "load generator against itself", "planted": asdict(planted), **asdict(result)}
        )
    )
    sys.exit(1 if result.failed else 0)


if __name__ == "__main__":
    main()
