"""The main job on real calls, verified: `make demo`.

Starts the switch on its embedded defaults, registers two baresip phones as agents, sends calls through a trunk from three
more baresip phones, shows the live queue board, and prints what was recorded and heard. Exits 1 when anything that it
shows is not so.

What is checked, by content and not by counting: each caller hears the greeting and the agent, each agent hears the caller,
the one who waits hears music and his position, the recording has the caller left and the agent right, and the agent is the
one with the right skill who was idle longest.
"""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tools.peers.baresip import Baresip
from tools.peers.g711 import Samples, read_wav
from tools.peers.speech import correlation, speak
from tools.peers.switch import Switch, SwitchError, wait_for

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "var" / "demo"
PROMPTS = ROOT / "softswitch" / "prompts"
TRUNK, PHONES = "127.0.0.10", "127.0.0.11"
HEARD = 0.5
"""Correlation above which something counts as heard; other speech stays below 0.2."""

SPEECH = {
    "ana": "Good morning, this is Anna from sales. The blue bicycle is still in stock and costs three hundred euros.",
    "ben": "Support, Ben speaking. Please unplug the grey box, wait ten seconds and plug it in again.",
    "caller 1": "Hello, I would like to buy a bicycle for my daughter before the summer holidays begin.",
    "caller 2": "Hi, the internet in our office has been down since seven o'clock this morning.",
    "caller 3": "Good day, my telephone rings but nobody can hear a single word of what I say.",
}


@dataclass
class Guest:
    """One call through the trunk, and what came of it."""

    name: str
    number: str
    key: str
    dtmf: str
    phone: Baresip
    expected_agent: str
    heard: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass
class Accounts:
    """What the switch wrote down, as its command line tells it."""

    cdrs: dict[str, dict[str, Any]]
    """By the caller's number."""
    recordings: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, switch: Switch) -> "Accounts":
        return cls(
            cdrs={cdr["ani"]: cdr for cdr in switch.cli("cdr", "list")},
            recordings={view["recording"]: view for view in switch.cli("recording", "list")},
        )


def main() -> int:
    began = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    console = Console() if sys.stdout.isatty() else Console(width=150)
    console.print(
        "[bold]softswitch demo[/]: greeting, menu, queues by skill, talk, recording, accounts",
        highlight=False,
    )
    switch = Switch(FOLDER / "switch", config())
    phones: list[Baresip] = []
    try:
        switch.start()
        agents = {
            name: phone(name, extension, switch, register=True)
            for name, extension in (("ana", "1001"), ("ben", "1002"))
        }
        phones += agents.values()
        for agent in agents.values():
            agent.start()
        wait_for(lambda: all(a["state"] == "idle" for a in ask(switch, "agents")), 10, "both agents idle")
        console.print(
            f"two phones registered, {time.monotonic() - began:.1f} s after the start", highlight=False
        )
        guests = call_in(switch, phones)
        accounts = Accounts.of(switch)
        failures = judge(accounts, guests, agents)
        show(console, switch, accounts, guests)
    except (SwitchError, AssertionError) as error:
        failures = [str(error)]
    finally:
        for each in phones:
            each.stop()
        switch.stop()
    failures += [f"in the log: {line}" for line in switch.faults()]
    for failure in failures:
        console.print(f"[red]not so:[/] {failure}", highlight=False)
    verdict = "[red]failed[/]" if failures else "[green]all of it verified[/]"
    console.print(
        f"{verdict} in {time.monotonic() - began:.0f} s; recordings in {switch.state / 'recordings'}",
        highlight=False,
    )
    return 1 if failures else 0


def config() -> dict[str, Any]:
    """Two agents who both know support; only Ana knows sales well enough."""
    queue = {
        "timeout": 15,
        "wrapuptime": 2,
        "announce_first_s": 1.5,
        "announce_holdtime": False,
        "record": "always",
    }
    return {
        "trunk": {"carrier": {"host": f"sip:{TRUNK}", "match": [f"{TRUNK}/32"], "options_interval_s": 0}},
        "endpoint": {
            "1001": {"auth": {"secret": "first-of-two"}},
            "1002": {"auth": {"secret": "second-of-two"}},
        },
        "agent": {
            "ana": {
                "endpoint": "1001",
                "name": "Ana",
                "skills": {"sales": 5, "support": 3},
                "login": "on-start",
            },
            "ben": {
                "endpoint": "1002",
                "name": "Ben",
                "skills": {"sales": 1, "support": 3},
                "login": "on-start",
            },
        },
        "queue": {"sales": {**queue, "skills": {"sales": 3}}, "support": {**queue, "skills": {"support": 1}}},
        "route": {"+3491155001": {"to": "flow:main", "source": ["trunk:carrier"]}},
        "flow": {
            "main": {
                "start": "greet",
                "node": {
                    "greet": {"do": "play", "prompt": "welcome", "next": "menu"},
                    "menu": {
                        "do": "menu",
                        "prompt": "menu",
                        "keys": {"1": "sales", "2": "support"},
                        "on_failure": "bye",
                    },
                    "sales": {"do": "enqueue", "queue": "sales"},
                    "support": {"do": "enqueue", "queue": "support"},
                    "bye": {"do": "hangup"},
                },
            }
        },
    }


def phone(name: str, user: str, switch: Switch, *, register: bool, dtmf: str = "rtpevent") -> Baresip:
    secrets = {"1001": "first-of-two", "1002": "second-of-two"}
    return Baresip(
        user=user,
        folder=FOLDER / name.replace(" ", "-"),
        server=switch.sip,
        password=secrets.get(user, ""),
        address=PHONES if register else TRUNK,
        speech=speak(SPEECH[name]),
        register=register,
        dtmf="info" if dtmf == "info" else "rtpevent",
        answer="auto",
        most_s=100,
    )


def call_in(switch: Switch, phones: list[Baresip]) -> list[Guest]:
    """Three calls: sales, support, and one more for support while both agents talk."""
    plan = (
        ("caller 1", "1", "rtpevent", "ana"),
        ("caller 2", "2", "info", "ben"),
        ("caller 3", "2", "rtpevent", "ana"),
    )
    guests = []
    for index, (name, key, dtmf, agent) in enumerate(plan, 1):
        caller = phone(name, f"+3460000000{index}", switch, register=False, dtmf=dtmf)
        guests.append(Guest(name, f"+3460000000{index}", key, dtmf, caller, agent))
        phones.append(caller)
        caller.start()
    watching = watch(switch)
    try:
        for guest in guests:
            guest.phone.dial("+3491155001")
            guest.phone.wait_event("CALL_ESTABLISHED")
            time.sleep(4)  # he listens to the greeting before he presses
            guest.phone.press(guest.key)
            expected = "wait" if guest is guests[2] else "talk"
            wait_for(
                lambda g=guest, e=expected: stage(switch, g.number) == e,
                8,
                f"{guest.name} in stage {expected}",
            )
        time.sleep(5)  # the third waits, hears music and his position; the others talk
        guests[0].phone.hangup()
        wait_for(lambda: stage(switch, guests[2].number) == "talk", 10, "caller 3 talks")
        time.sleep(6)
        for guest in guests[1:]:
            guest.phone.hangup()
        wait_for(lambda: not ask(switch, "calls"), 8, "all calls over")
        wait_for(
            lambda: all(r["state"] == "ended" for r in switch.cli("recording", "list")),
            5,
            "recordings closed",
        )
        time.sleep(0.5)  # baresip writes its files out
    finally:
        watching.terminate()
        watching.wait(5)
    return guests


def watch(switch: Switch) -> "subprocess.Popen[bytes]":
    """The live board, as an administrator would have it in another terminal."""
    command = [sys.executable, "-m", "softswitch", "--socket", str(switch.control_socket), "queue", "watch"]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)


def stage(switch: Switch, ani: str) -> str:
    return next((call["stage"] for call in ask(switch, "calls") if call["ani"] == ani), "")


def ask(switch: Switch, what: str) -> list[dict[str, Any]]:
    """What the control socket says; the command line shows the same and takes longer to start."""
    answer: list[dict[str, Any]] = json.loads(switch.get(f"/v1/{what}")[1])
    return answer


def judge(accounts: Accounts, guests: list[Guest], agents: dict[str, Baresip]) -> list[str]:
    """Everything that the table claims, against what the phones and files hold."""
    failures: list[str] = []
    for guest in guests:
        record = accounts.cdrs.get(guest.number)
        if record is None:
            failures.append(f"{guest.name} has no CDR")
            continue
        if record["agent"] != guest.expected_agent:
            failures.append(f"{guest.name} was answered by {record['agent']!r}, not {guest.expected_agent!r}")
        heard = guest.phone.heard()
        check(guest, "greeting", prompt("en/welcome.wav"), heard)
        check(guest, f"{guest.expected_agent} by the caller", spoken(guest.expected_agent), heard)
        check(
            guest,
            f"caller by {guest.expected_agent}",
            spoken(guest.name),
            agents[guest.expected_agent].heard(),
        )
        if guest is guests[2]:
            check(guest, "music", prompt("music.wav")[: 3 * 8000], heard, least=0.3)
            check(guest, "position", prompt("en/position-is.wav"), heard, least=0.3)
        check_recording(accounts, guest, record)
        failures += [f"{guest.name}: {missing} not heard" for missing in guest.missing]
    return failures


def check(guest: Guest, what: str, reference: Samples, heard: Samples, least: float = HEARD) -> None:
    match = correlation(reference, heard) if len(heard) >= 8000 else None
    found = match is not None and match.score >= least
    (guest.heard if found else guest.missing).append(what if not found else f"{what} {match.score:.2f}")


def check_recording(accounts: Accounts, guest: Guest, record: dict[str, Any]) -> None:
    view = accounts.recordings[record["recording"]]
    audio = read_wav(Path(view["file"]))
    seconds = len(audio) / 8000
    if abs(seconds - record["talk_s"]) > 0.5:
        guest.missing.append(f"{record['talk_s']:.1f} s of talk in a recording of {seconds:.1f} s")
    check(guest, "left channel: caller", spoken(guest.name), audio[:, 0])
    check(guest, f"right channel: {guest.expected_agent}", spoken(guest.expected_agent), audio[:, 1])
    for channel, other in ((0, guest.expected_agent), (1, guest.name)):
        if correlation(spoken(other), audio[:, channel]).score >= HEARD:
            guest.missing.append(f"silence of {other} in channel {channel}: he is in the wrong one")


def spoken(name: str) -> Samples:
    """Two seconds out of the middle of what somebody says: he may have been cut in at any point."""
    whole = speak(SPEECH[name])
    return whole[8000 : 8000 * 3]


def prompt(name: str) -> Samples:
    return read_wav(PROMPTS / name)[:, 0].astype(np.int16)


def show(console: Console, switch: Switch, accounts: Accounts, guests: list[Guest]) -> None:
    table = Table(title="Calls", show_lines=True)
    for column in (
        "caller",
        "key by",
        "answered by",
        "wait",
        "talk",
        "ended by",
        "recording",
        "heard by content (correlation)",
    ):
        table.add_column(column, overflow="fold")
    for guest in guests:
        record = accounts.cdrs.get(guest.number)
        if record is None:
            continue
        view = accounts.recordings[record["recording"]]
        file = Path(view["file"]).relative_to(switch.state)
        table.add_row(
            guest.number,
            f"{guest.key} ({'INFO' if guest.dtmf == 'info' else 'RFC 4733'})",
            record["agent"],
            f"{record['wait_s']:.1f} s",
            f"{record['talk_s']:.1f} s",
            record["ended_by"],
            f"{file}\n{view['seconds']:.1f} s",
            "\n".join(guest.heard),
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
