"""What the message memory costs for each message: on its way through the switch, and when it is sorted in later.

`python -m benchmarks.message_memory` prints one JSON line. CPU time of this process alone, the best of several rounds of
INVITEs of 560 bytes, 14 to a call; nothing is sent.
"""

import json
import time

from softswitch.sip.source import Source
from softswitch.trace.memory import PENDING, Limits, MessageMemory

MESSAGES, ROUNDS = 20_000, 7
PEER = Source("udp", "192.0.2.9", 5060)


def messages() -> list[bytes]:
    head = (
        "INVITE sip:600@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK776asdhds;rport\r\n"
        "From: <sip:34600@192.0.2.9>;tag=1928301774\r\nTo: <sip:600@192.0.2.1>\r\nCall-ID: {}@192.0.2.9\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:34600@192.0.2.9:5060>\r\nContent-Type: application/sdp\r\n\r\n"
    )
    return [head.format(at // 14).encode() + b"v" * 220 for at in range(MESSAGES)]


def measure(given: list[bytes]) -> tuple[float, float]:
    """Microseconds a message: all of it, and the append alone."""
    memory = MessageMemory(
        Limits(messages=60, bytes=32 << 20, keep_s=900), wall=time.time, alive=lambda call: False
    )
    began = time.process_time()
    for data in given:
        memory.record(False, data, PEER)
    whole = time.process_time() - began
    memory.settle()
    few, pieces = given[: PENDING - 1], MESSAGES // PENDING
    hot = 0.0
    for _ in range(pieces):
        began = time.process_time()
        for data in few:
            memory.record(False, data, PEER)
        hot += time.process_time() - began
        memory.settle()
    return whole / MESSAGES * 1e6, hot / (pieces * len(few)) * 1e6


def main() -> None:
    given = messages()
    rounds = [measure(given) for _ in range(ROUNDS)]
    print(
        json.dumps(
            {
                "benchmark": "message_memory",
                "us_append": round(min(hot for _, hot in rounds), 2),
                "us_with_sorting": round(min(whole for whole, _ in rounds), 2),
                "message_bytes": len(given[0]),
            }
        )
    )


if __name__ == "__main__":
    main()
