"""Proves with SIPp what is left of callbacks beside `test_callback_sipp.py`: rung in vain with the agent first, busy with
the caller first, a customer of whom two devices answer at once, and a caller who hung up waiting, comes back, and has
his place again before those who came after him.

Every fate of an attempt is told on virtual time in `tests/story/test_callback_story.py`, resuming in
`test_promise_story.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from queue_scenes import Floor, Scenes, Telling, ended

from tools.peers.centre import queue, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import wait_for

NAMES = ("silent", "busy", "forked")
TRUNKS = {name: (f"127.0.22.{at}", free_port(f"127.0.22.{at}")) for at, name in enumerate(NAMES, start=1)}
CUSTOMER = {name: f"+3460011122{at}" for at, name in enumerate(NAMES)}
"""A number each: one that waits in several queues is called for one after the other."""


def asking(agent: str, first: str) -> dict[str, Any]:
    back = {"least_wait_s": 0, "busy_pause_s": 1, "pause_s": 1, "ring_s": 1.0, "attempts": 3, "first": first}
    told = {"announce_frequency": 60, "announce_first_s": 0.1, "announce_position": True}
    return queue([agent], callback=back, **told)


SCENES = Scenes(
    agents={name: {} for name in (*NAMES, "keeper")},
    queues={
        "silent": asking("silent", "agent"),
        "busy": asking("busy", "caller"),
        "forked": asking("forked", "agent"),
        "resuming": queue(["keeper"], resume_s=60),
    },
    routes={
        **{f"60{at}": {"to": f"queue:{name}"} for at, name in enumerate(NAMES)},
        "610": {"to": "queue:resuming"},
    },
    sections={
        "trunk": {
            "carrier": trunk(),
            **{name: trunk(address, port) for name, (address, port) in TRUNKS.items()},
        }
    },
)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with SCENES.begun(tmp_path_factory.mktemp("scenes")) as telling:
        yield telling


def customer(f: Floor, name: str, at: int, steps: Callable[[Scenario], Scenario]) -> Sipp:
    """His trunk gets the call back."""
    address, port = TRUNKS[name]
    scenario = steps(Scenario(f"{name}{at}", CUSTOMER[name]).called())
    folder = f.switch.folder.parent / f"{name}-customer"
    return f.start(Sipp(scenario, folder, address=address, port=port, timeout_s=40))


def asks(f: Floor, name: str) -> None:
    """He presses the key while his agent is away, and hangs up; then the agent takes calls again."""
    f.pause(name)
    number = f"60{NAMES.index(name)}"
    presses = f.caller(
        number,
        lambda s: s.connected().pause(0.6).info_digit("1").pause(0.3).bye(),
        ani=CUSTOMER[name],
        address=TRUNKS[name][0],
    )
    presses.over()
    waits = wait_for(lambda: f.control.get("queues", name)["callers"], 10, "his virtual caller")
    assert [each["ani"] for each in waits] == [CUSTOMER[name]] and waits[0]["callback"]


def judge(f: Floor, name: str, *told: str, attempts: int) -> None:
    query = "SELECT state, attempts FROM callbacks WHERE queue = ? AND state = 'reached'"
    [row] = f.switch.wait_rows(query, name, timeout=10)
    assert row["attempts"] == attempts
    query = "SELECT event FROM queue_log WHERE event LIKE 'CALLBACK%' AND queuename = ?"
    wait_for(lambda: len(f.switch.rows(query, name)) == len(told), 10, "the queue_log")
    assert [each["event"] for each in f.switch.rows(query, name)] == list(told)
    [made] = f.switch.wait_rows(
        "SELECT * FROM calls WHERE ani = ? AND queue = ? AND bridged IS NOT NULL AND ended IS NOT NULL",
        CUSTOMER[name],
        name,
    )
    assert (made["agent"], made["source"]) == (name, f"trunk:{name}")


TRIED_TWICE = ("CALLBACKREQUEST", "CALLBACKTRY", "CALLBACKFAILED", "CALLBACKTRY", "CALLBACKREACHED")


def tried_twice(f: Floor, name: str, fails: Callable[[Scenario], Scenario]) -> None:
    f.serving(name, calls=20)
    asks(f, name)
    failing = customer(f, name, 1, fails)
    f.resume(name)
    ended(failing)
    ended(customer(f, name, 2, lambda s: s.ring().accept().pause(0.5).bye()))
    judge(f, name, *TRIED_TWICE, attempts=2)


@SCENES.told
def test_agent_first_and_nobody_answers(f: Floor) -> None:
    tried_twice(f, "silent", lambda s: s.ring().cancelled())


@SCENES.told
def test_caller_first_and_his_line_is_busy(f: Floor) -> None:
    tried_twice(f, "busy", lambda s: s.reject(486, "Busy Here"))


@SCENES.told
def test_two_devices_of_the_customer_answer(f: Floor) -> None:
    """The one that answered first talks, the other is hung up, and nobody is called again."""
    f.serving("forked", calls=20)
    asks(f, "forked")

    answers = customer(f, "forked", 1, lambda s: s.ring().accept_twice("other").pause(0.7).bye())
    f.resume("forked")
    ended(answers)
    got = answers.result()
    tags = [message.tag("to") for message in got.requests("ACK")]
    assert len(set(tags)) == 2, "each answer is acknowledged"
    assert [message.tag("to") for message in got.requests("BYE")] == ["other"]
    judge(f, "forked", "CALLBACKREQUEST", "CALLBACKTRY", "CALLBACKREACHED", attempts=1)


@SCENES.told
def test_who_comes_back_has_his_place(f: Floor) -> None:
    f.pause("keeper")
    first, second = "+34600333001", "+34600333002"
    gone = f.caller("610", lambda s: s.connected().pause(1.5).bye(), ani=first)
    wait_for(lambda: f.waiting("resuming") == [first], 10, "the first")
    other = f.caller("610", ani=second)
    wait_for(lambda: f.waiting("resuming") == [first, second], 10, "the second behind him")
    gone.over()
    wait_for(lambda: f.waiting("resuming") == [second], 10, "he has left")
    again = f.caller("610", ani=first)
    wait_for(lambda: f.waiting("resuming") == [first, second], 10, "his old place")
    phone = f.phone("keeper", calls=2).does(lambda s: s.ring().accept().pause(0.2).bye())
    f.resume("keeper")
    for caller in (again, other):
        caller.over()
    ended(phone)
    assert again.cdr()["bridged"] < other.cdr()["bridged"]
    assert gone.visit()["outcome"] == "abandoned" and again.visit()["outcome"] == "answered"
    assert again.visit()["wait_s"] < gone.visit()["wait_s"] + 30
