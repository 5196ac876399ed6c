"""What a hop through the proxy core costs: one INVITE with SDP read and written again, and whole MESSAGEs.

Prints one JSON line. `hop_us`: microseconds of CPU to parse an INVITE, read what routing depends on, make the copy that
goes on (Via, Max-Forwards, Record-Route, Request-URI) and write it; the bar is 25. `stack_us`: the same INVITE through the
whole stack with its transactions and timers, digest excluded, up to the bytes that leave. `messages_per_s`: MESSAGEs with
their 200 through the whole stack, on one core.
Run: `python -m benchmarks.proxy_hop [--quick]`.
"""

import argparse
import json
import platform
import time
import timeit
from collections.abc import Callable, Iterable
from itertools import count

from benchmarks.sip_parse import invite
from softswitch.ids import LegId
from softswitch.sip.forwarding import Hop, forwarded
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.outputs import Send
from softswitch.sip.proxied_call import ProxiedCall
from softswitch.sip.proxy_plan import ProxyPlan, ProxyTarget
from softswitch.sip.screening import branch_of
from softswitch.sip.session import Session
from softswitch.sip.source import Source
from softswitch.sip.stack import SipStack
from softswitch.sip.stack_settings import StackSettings
from softswitch.sip.uri import Uri

BAR_US = 25.0
OURS, BOB = "203.0.113.10", Source("udp", "198.51.100.20", 5060)
ALICE = Source("udp", "198.51.100.1", 5060)
BOBS = Uri.parse("sip:bob@198.51.100.20:5060")


class Everybody:
    """Owner, policy and home of a stack that proxies all to one place."""

    realm = "softswitch"
    realms = frozenset({realm})

    def __init__(self) -> None:
        self._numbers = count()
        self.stack: SipStack | None = None

    def admit(self, request: Request, source: Source, now: float) -> Identity | Response:
        return Identity("endpoint", "alice")

    def register(self, request: Request, identity: Identity, source: Source, now: float) -> Response:
        raise AssertionError("a hop never asks")

    def invited(self, session: Session) -> None:
        raise AssertionError("a hop never asks")

    def nothing(self, event: object) -> None:
        raise AssertionError("a hop never asks")

    def new_leg(self) -> LegId:
        return LegId("leg")

    def local_address(self, destination: Source) -> tuple[str, int]:
        return OURS, 5060

    def connected(self, destination: Source) -> bool:
        return True

    def entropy(self, size: int) -> bytes:
        return next(self._numbers).to_bytes(size)

    def plan(self, request: Request, identity: Identity) -> ProxyPlan | None:
        return ProxyPlan(targets=(ProxyTarget(where=BOBS, party="endpoint:bob"),))

    def redirected(self, uris: Iterable[Uri]) -> tuple[ProxyTarget, ...]:
        return ()

    def begun(self, call: ProxiedCall) -> None:
        call.go(0.0)

    def told_place(self, peer: Source) -> tuple[str, int]:
        return OURS, 5060

    def is_ours(self, host: str, port: int, peer: Source) -> bool:
        return host == OURS

    def answers_for(self, uri: Uri, peer: Source) -> bool:
        return True

    def sender(self, request: Request, source: Source) -> Identity | None:
        return None


def proxy() -> SipStack:
    owner = Everybody()
    stack = SipStack(StackSettings(), owner, monotonic=lambda: 0.0, entropy=owner.entropy)
    stack.proxy.policy, stack.proxy.home = owner, owner  # type: ignore[assignment]
    return stack


def hop(data: bytes, numbers: Callable[[], int]) -> bytes:
    """What a proxied INVITE costs without the transactions."""
    request = parse_message(data)
    assert isinstance(request, Request)
    _ = request.top_via.branch, request.call_id, request.from_tag, request.to_tag, request.cseq
    branch = branch_of(numbers().to_bytes(10), str(request.uri))
    copy = forwarded(
        request,
        Hop(
            via=f"SIP/2.0/UDP {OURS}:5060;branch={branch};rport",
            uri=str(BOBS),
            record_routes=(f"<sip:{OURS}:5060;lr;px=0123456789ab>",),
            breadth=60,
        ),
    )
    return copy.to_bytes()


def stack_us(number: int) -> float:
    data = invite(1, 0)
    best = float("inf")
    for _ in range(5):
        stack = proxy()
        copies = [
            data.replace(b"776asdhds1", b"x%d" % each).replace(b"a84b4c76e66710", b"c%d" % each)
            for each in range(number)
        ]
        began = time.process_time()
        for copy in copies:
            stack.receive(copy, ALICE, 0.0)
        best = min(best, time.process_time() - began)
    return best / number * 1e6


def messages_per_s(number: int) -> float:
    data = invite(1, 0).replace(b"INVITE sip", b"MESSAGE sip").replace(b"314159 INVITE", b"1 MESSAGE")
    best = float("inf")
    for _ in range(5):
        stack = proxy()
        spent = 0.0
        for each in range(number):
            copy = data.replace(b"776asdhds1", b"x%d" % each).replace(b"a84b4c76e66710", b"c%d" % each)
            began = time.process_time()
            outputs = stack.receive(copy, ALICE, 0.0)
            spent += time.process_time() - began
            [sent] = [one for one in outputs if isinstance(one, Send)]
            head = sent.data.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
            answer = b"\r\n".join([b"SIP/2.0 200 OK", *head, b"", b""])
            answer = answer.replace(b"Content-Length: ", b"X-Length: ")
            began = time.process_time()
            back = stack.receive(answer, BOB, 0.0)
            spent += time.process_time() - began
            assert len(back) == 1
        best = min(best, spent)
    return number / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    number = 300 if parser.parse_args().quick else 3000
    data, numbers = invite(1, 0), count()
    cost = min(
        timeit.repeat(
            lambda: hop(data, lambda: next(numbers)), timer=time.process_time, number=number, repeat=9
        )
    )
    figures = {
        "benchmark": "proxy_hop",
        "python": platform.python_version(),
        "bytes": len(data),
        "hop_us": round(cost / number * 1e6, 1),
        "bar_us": BAR_US,
        "stack_us": round(stack_us(number), 1),
        "messages_per_s": round(messages_per_s(number)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
