"""Can a stranger find out by the time of an answer whether a user exists? A rank test for each of five methods.

A running switch on loopback, 200 users that exist and 200 that do not, each also with a wrong password.

    python -m benchmarks.enumeration            # --rounds 5 for more of each

One JSON line: medians and p for each method; passed when every p is above 0.01 divided by the number of tests made, since
one in a hundred fails by chance.
"""

import argparse
import json
import random
import shutil
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rank_test import rank_test
from softswitch.config.secret import Secret
from softswitch.sip.digest import answer_challenge, challenges_of
from softswitch.sip.message import Response, parse_message
from tools.peers.centre import phone
from tools.peers.switch import Switch

METHODS = ("REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE", "OPTIONS")
SOURCE = "127.0.0.66"


def _request(method: str, user: str, number: int, here: tuple[str, int], host: str, proof: str = "") -> bytes:
    uri = f"sip:{host}" if method == "REGISTER" else f"sip:{user}@{host}"
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {here[0]}:{here[1]};branch=z9hG4bKe{number};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{user}@{host}>;tag=e{number}\r\nTo: <sip:{user}@{host}>\r\n"
        f"Call-ID: e{number}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@{here[0]}:{here[1]}>\r\n"
        f"Event: dialog\r\nExpires: 300\r\nUser-Agent: a phone of some make/2.7.1\r\n{proof}Content-Length: 0\r\n\r\n"
    ).encode()


class Asker:
    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._number = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((SOURCE, 0))
        self._socket.settimeout(5.0)

    def ask(self, method: str, user: str, proof: str = "") -> tuple[float, Response]:
        """Microseconds to the answer, and the answer."""
        self._number += 1
        here = self._socket.getsockname()
        data = _request(method, user, self._number, here, self._switch.sip[0], proof)
        began = time.perf_counter()
        self._socket.sendto(data, self._switch.sip)
        while True:
            got = self._socket.recv(65536)
            took = (time.perf_counter() - began) * 1e6
            answer = parse_message(got)
            if isinstance(answer, Response) and answer.call_id == f"e{self._number}":
                return took, answer

    def wrong(self, method: str, user: str, challenge: Response) -> tuple[float, Response]:
        host = self._switch.sip[0]
        uri = f"sip:{host}" if method == "REGISTER" else f"sip:{user}@{host}"
        secret = Secret.from_password(user, "softswitch", "a guess")
        answer = answer_challenge(challenges_of(challenge), secret, method=method, uri=uri, cnonce="c")
        return self.ask(method, user, f"Authorization: {answer}\r\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="softswitch-enumeration-"))
    try:
        report = run(folder, given.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))
    sys.exit(0 if report["passed"] else 1)


def run(folder: Path, rounds: int) -> dict[str, Any]:
    known = [str(number) for number in range(1000, 1200)]
    unknown = [str(number) for number in range(7000, 7200)]
    security = {
        "trusted": [],
        "ban_after": 1_000_000,
        "rate": 1e5,
        "network_rate": 1e5,
        "strangers_rate": 1e5,
    }
    config = {"endpoint": {user: phone(f"pw{user}") for user in known}, "security": security}
    chance = random.Random(1)
    figures: dict[str, Any] = {}
    with Switch(folder, config) as switch:
        asker = Asker(switch)
        for method in METHODS:
            times: dict[str, dict[bool, list[float]]] = {
                "no password": {True: [], False: []},
                "wrong password": {True: [], False: []},
            }
            users = [*known, *unknown] * rounds
            chance.shuffle(users)
            for user in users[:20]:
                asker.ask(method, user)
            for user in users:
                took, answer = asker.ask(method, user)
                times["no password"][user in known].append(took)
                if answer.status == 401:
                    times["wrong password"][user in known].append(asker.wrong(method, user, answer)[0])
            for way, both in times.items():
                if both[True]:
                    figures[f"{method}, {way}"] = {
                        "known_us": round(statistics.median(both[True]), 1),
                        "unknown_us": round(statistics.median(both[False]), 1),
                        "p": round(rank_test(both[True], both[False]), 4),
                    }
    least = min(each["p"] for each in figures.values())
    return {
        "benchmark": "enumeration",
        "passed": least > 0.01 / len(figures),
        "all_above_0.01": least > 0.01,
        "least_p": least,
        "figures": figures,
    }


if __name__ == "__main__":
    main()
