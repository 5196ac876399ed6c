"""Proves with SIPp that a reload which takes and gives members touches nobody who talks, is being rung for, or waits; and
pauses with reasons: seen, limited, and written in each queue, as an Asterisk wallboard reads them.

What Asterisk does is in `docs/queue-scenarios.md`. Media over a reload is proved in `test_reload_drain.py`.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from queue_scenes import Floor, Scenes, Telling, ended

from softswitch.cli.client import Refused
from tools.peers.centre import queue
from tools.peers.switch import wait_for

SCENES = Scenes(
    agents={"old": {}, "rung": {}, "new": {}, "ana": {}, "ben": {}},
    queues={
        "changing": queue(["old", "rung"], timeout=20.0, strategy="linear"),
        "one": queue(["ana", "ben"]),
        "other": queue(["ana"]),
    },
    routes={"600": {"to": "queue:changing"}, "601": {"to": "queue:one"}},
    sections={"pause_reason": {"lunch": {"max_agents": 1, "max_minutes": 0.02}}},
)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with SCENES.begun(tmp_path_factory.mktemp("scenes")) as telling:
        yield telling


def members(f: Floor, name: str) -> set[str]:
    return {each["agent"] for each in f.control.get("queues", name)["agents"]}


@SCENES.told
def test_reload_during_calls(f: Floor) -> None:
    """Both members are taken away: one talks and goes on, the other's phone rings and may still answer; the new one serves
    who waits."""
    old = f.serving("old")
    talking = f.caller("600", lambda s: s.connected().pause(6.0).bye())
    f.talking(old)
    rung = f.phone("rung").does(lambda s: s.ring().pause(3.0).accept().pause(0.5).bye())
    ringing = f.caller("600")
    wait_for(lambda: rung.result().requests("INVITE"), 10, "the second agent is rung")
    waiting = f.caller("600")
    wait_for(lambda: waiting.ani in f.waiting("changing"), 10, "the third caller waits")
    new = f.phone("new").does(lambda s: s.ring().accept().pause(0.5).bye())
    changed: dict[str, Any] = {**SCENES.queues, "changing": queue(["new"], timeout=20.0)}
    f.switch.write(f.config(queue=changed))
    view = f.control.post("reload")
    assert not view["problems"] and view["changed"], view
    assert members(f, "changing") == {"new"}
    for caller in (talking, ringing, waiting):
        caller.over()
    ended(old, rung, new)
    assert [caller.cdr()["agent"] for caller in (talking, ringing, waiting)] == ["old", "rung", "new"]
    assert talking.cdr()["talk_s"] > 4.0 and talking.cdr()["ended_by"] == "caller"
    for caller, agent, last in ((talking, "old", "COMPLETECALLER"), (waiting, "new", "COMPLETEAGENT")):
        caller.offers((agent, "answered"))
        assert caller.verbs() == ["ENTERQUEUE", "CONNECT", last]
    ringing.offers(("rung", "answered"))
    log = [(line[3], line[4]) for line in f.switch.queue_log() if line[2] in ("changing", "NONE")]
    for name, verb in (("old", "REMOVEMEMBER"), ("rung", "REMOVEMEMBER"), ("new", "ADDMEMBER")):
        assert (name, verb) in log
    assert any(verb == "CONFIGRELOAD" for _, verb in log)


@SCENES.told
def test_reasons_of_pauses_and_their_limits(f: Floor) -> None:
    ben = f.phone("ben").does(lambda s: s.ring().accept().pause(0.3).bye())
    f.pause("ana", "lunch")
    assert (f.agent("ana")["status"], f.agent("ana")["reason"]) == ("paused", "lunch")
    with pytest.raises(Refused, match="1 of 1 agents pause for 'lunch' already: ana"):
        f.pause("ben", "lunch")
    served = f.caller("601").over()
    served.offers(("ben", "answered"))
    ended(ben)
    f.pause("ana", "training")
    time.sleep(0.2)
    f.resume("ana")
    assert f.agent("ana")["status"] == "available"
    f.pause("ben", "lunch")
    wait_for(
        lambda: any(each["name"] == "pause of ben" for each in f.control.get("status")["alarms"]),
        15,
        "the alarm",
    )
    f.resume("ben")
    everywhere = f.log_of("NONE", "ana")
    assert [row[:2] for row in everywhere if row[0].endswith("PAUSEALL")] == [
        ["PAUSEALL", "lunch"],
        ["PAUSEALL", "training"],
        ["UNPAUSEALL"],
    ]
    for name in ("one", "other"):
        assert [row[0] for row in f.log_of(name, "ana") if "PAUSE" in row[0]] == ["PAUSE", "PAUSE", "UNPAUSE"]
    paused = f.switch.wait_rows(
        "SELECT * FROM agent_intervals WHERE agent = 'ana' AND state = 'paused'", count=2
    )
    assert [row["reason"] for row in paused] == ["lunch", "training"]
