"""What the guard costs each datagram: a trunk's, a known phone's, a stranger's, a banned source's; beside it, parsing.

Microseconds of CPU, the best of seven runs; one JSON line.

    python -m benchmarks.guard
"""

import json
import platform
import time
import timeit
from collections.abc import Callable
from ipaddress import ip_network
from itertools import count

from benchmarks.sip_parse import invite
from softswitch.config.security import Security
from softswitch.sip.guard import Guard
from softswitch.sip.message import parse_message

NUMBER = 20_000


def microseconds(step: Callable[[], object], number: int = NUMBER) -> float:
    return round(min(timeit.repeat(step, timer=time.process_time, number=number, repeat=7)) / number * 1e6, 3)


def main() -> None:
    guard = Guard(Security(trusted=(), rate=1e9, network_rate=1e9, strangers_rate=1e9, known_rate=1e9))
    guard.set_exempt((ip_network("198.51.100.0/24"),))
    guard.proved("203.0.113.1", 0.0)
    guard.ban("203.0.113.3", "by hand", 0.0)
    fresh = (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}" for number in count())
    data = invite(1, 0)
    print(
        json.dumps(
            {
                "benchmark": "guard",
                "python": platform.python_version(),
                "us": {
                    "trunk": microseconds(lambda: guard.lets_in("198.51.100.7", 1.0)),
                    "known": microseconds(lambda: guard.lets_in("203.0.113.1", 1.0)),
                    "stranger": microseconds(lambda: guard.lets_in("203.0.113.2", 1.0)),
                    "stranger seen first": microseconds(lambda: guard.lets_in(next(fresh), 1.0)),
                    "banned": microseconds(lambda: guard.lets_in("203.0.113.3", 1.0)),
                    "no guard: a call that says yes": microseconds(lambda: True),
                    "parse an INVITE": microseconds(lambda: parse_message(data), 2000),
                },
            }
        )
    )


if __name__ == "__main__":
    main()
