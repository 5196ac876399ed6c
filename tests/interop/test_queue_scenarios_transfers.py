"""Proves with SIPp at every end what becomes of a queue's call that is put through: by the agent and by the caller, blind
and over a second call; a caller whom his queue does not let; one whom somebody in charge leads elsewhere while he talks.

Of each: what each phone was told (NOTIFY, BYE), the CDR, the segments, the visit and the queue_log. What Asterisk does is
in `docs/queue-scenarios.md`; moments and failures are proved in `tests/story`.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from queue_scenes import Caller, Floor, Scenes, Telling, ended, replaces, replaces_of_caller

from tools.peers.centre import queue
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp

TALK_S = 0.7
SCENES = Scenes(
    agents={name: {} for name in ("blind", "asking", "given", "handed", "kept", "left", "next")},
    phones=("alice", "bert", "carla", "eva1", "eva2", "eva3", "eva4"),
    queues={
        "blind": queue(["blind"]),
        "asking": queue(["asking"]),
        "given": queue(["given"], caller_transfers=True),
        "handed": queue(["handed"]),
        "kept": queue(["kept"]),
        "left": queue(["left"]),
        "next": queue(["next"]),
    },
    routes={
        **{
            f"60{at}": {"to": f"queue:{name}"}
            for at, name in enumerate(("blind", "asking", "given", "handed", "kept", "left", "next"))
        },
        **{name: {"to": f"extension:{name}"} for name in ("eva1", "eva2", "eva3", "eva4")},
    },
)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with SCENES.begun(tmp_path_factory.mktemp("scenes")) as telling:
        yield telling


def third(f: Floor, name: str) -> Sipp:
    """Whom somebody is put through to; talks for a moment and hangs up."""
    return f.phone(name).does(lambda s: s.accept().pause(1.0).bye())


def refers(steps: Scenario, to: str) -> Scenario:
    return steps.refer(f"<sip:{to}@switch.example>").notified(100).notified(200).expect_bye()


def judge(f: Floor, caller: Caller, agent: str, to: str, verb: str) -> dict[str, Any]:
    """One talk with the agent, which ended by the transfer, and one between those who were left; the call's CDR."""
    row = caller.cdr()
    assert row["agent"] == agent
    first, second = caller.rows("segments", "began", 2)
    assert (first["party"], first["agent"], first["ended_by"]) == (f"endpoint:{agent}", agent, "transfer")
    assert first["ended"] <= second["began"] + 0.3 and second["talk_s"] > 0.5
    assert second["party"] == f"endpoint:{to}"
    caller.offers((agent, "answered"))
    assert caller.visit()["completed_by"] == "transfer"
    assert caller.verbs() == ["ENTERQUEUE", "CONNECT", verb]
    assert caller.log()[-1][1] == ("BRIDGE" if verb == "ATTENDEDTRANSFER" else to)
    f.wait_state(agent, "idle")
    return row


@SCENES.told
def test_blind_by_the_agent(f: Floor) -> None:
    eva = third(f, "eva1")
    agent = f.phone("blind").does(lambda s: refers(s.accept().pause(TALK_S), "eva1"))
    caller = f.caller("600").over()
    ended(agent, eva)
    row = judge(f, caller, "blind", "eva1", "BLINDTRANSFER")
    assert (row["destination"], row["ended_by"]) == ("endpoint:eva1", "callee")
    assert caller.was_hung_up


@SCENES.told
def test_attended_by_the_agent(f: Floor) -> None:
    eva = f.phone("eva2").does(lambda s: s.accept().pause(3.0).bye())
    agent = f.serving("asking")
    caller = f.caller("601")
    f.talking(agent)
    time.sleep(TALK_S)
    to = f"eva2@switch.example?Replaces={replaces(agent)}"
    second = f.colleague(
        "asking",
        "eva2",
        lambda s: s.connected().pause(0.5).refer(f"<sip:{to}>").notified(100).notified(200).expect_bye(),
    )
    second.over()
    caller.over()
    ended(agent, eva)
    judge(f, caller, "asking", "eva2", "ATTENDEDTRANSFER")
    assert second.cdr()["cause"] == "handed over"


@SCENES.told
def test_blind_by_the_caller(f: Floor) -> None:
    """A phone of ours has called the queue, which lets it put the agent through."""
    eva = third(f, "eva3")
    agent = f.serving("given")
    caller = f.colleague("alice", "602", lambda s: refers(s.connected().pause(TALK_S + 0.5), "eva3")).over()
    ended(agent, eva)
    row = judge(f, caller, "given", "eva3", "BLINDTRANSFER")
    assert (row["source"], row["destination"]) == ("endpoint:alice", "endpoint:eva3")


@SCENES.told
def test_attended_by_the_caller(f: Floor) -> None:
    """The second call is the caller's own, so that no queue has to allow it: the agent goes over into that one."""
    eva = f.phone("eva4").does(lambda s: s.accept().pause(3.0).bye())
    agent = f.serving("handed")
    first = f.colleague("bert", "603", lambda s: s.connected().expect_bye())
    f.talking(agent)
    time.sleep(TALK_S)
    to = f"eva4@switch.example?Replaces={replaces_of_caller(first.sipp)}"
    second = f.colleague(
        "bert",
        "eva4",
        lambda s: s.connected().pause(0.5).refer(f"<sip:{to}>").notified(100).notified(200).expect_bye(),
    )
    for party in (second, first):
        party.over()
    ended(agent, eva)
    row = first.cdr()
    assert (row["cause"], row["agent"]) == ("handed over", "handed")
    [segment] = first.rows("segments", "began", 1)
    assert (segment["agent"], segment["ended_by"]) == ("handed", "transfer")
    first.offers(("handed", "answered"))
    assert first.visit()["completed_by"] == "transfer"
    assert first.verbs() == ["ENTERQUEUE", "CONNECT", "ATTENDEDTRANSFER"]
    assert [each["party"] for each in second.rows("segments", "began", 2)][-1] in (
        "endpoint:eva4",
        "endpoint:handed",
    )
    f.wait_state("handed", "idle")


def refused(steps: Scenario) -> Scenario:
    steps.connected().pause(TALK_S).refer("<sip:eva1@switch.example>", final=403)
    return steps.pause(0.3).bye()


@SCENES.told
def test_a_caller_may_not_where_the_queue_does_not_say_so(f: Floor) -> None:
    agent = f.serving("kept")
    caller = f.colleague("carla", "604", refused).over()
    ended(agent)
    assert caller.verbs() == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER"]
    assert caller.cdr()["destination"] == "agent:kept"


@SCENES.told
def test_led_elsewhere_by_somebody_in_charge(f: Floor) -> None:
    """What Asterisk's Redirect does: the agent is out of it, the caller waits in another queue with the age he has."""
    agent = f.serving("left")
    following = f.phone("next").does(lambda s: s.ring().accept().pause(0.5).bye())
    caller = f.caller("605")
    f.talking(agent)
    time.sleep(TALK_S)
    f.control.post("calls", caller.id, "transfer", body={"target": "queue:next", "by": ""})
    caller.over()
    ended(agent, following)
    assert caller.verbs() == [
        *("ENTERQUEUE", "CONNECT", "BLINDTRANSFER"),
        *("ENTERQUEUE", "CONNECT", "COMPLETEAGENT"),
    ]
    visits = caller.rows("queue_visits", "entered", 2)
    assert [(row["queue"], row["agent"]) for row in visits] == [("left", "left"), ("next", "next")]
    caller.offers(("left", "answered"), ("next", "answered"))
    f.wait_state("left", "idle")
