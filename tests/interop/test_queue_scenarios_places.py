"""Proves with SIPp where callers of several priorities come in, the order in which they are served, and that the longest
queue refuses whoever comes next; and that a member whose penalty a reload has raised is rung last.

What Asterisk does is in `docs/queue-scenarios.md`. Ageing of priorities is proved in `tests/acd`.
"""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from queue_scenes import Floor, Scenes, Telling, ended

from tools.peers.centre import queue
from tools.peers.switch import wait_for

PRIORITIES = (0, 0, 1, 2, 1)
CAME_IN_AT = (1, 2, 1, 1, 3)
SERVED = (3, 2, 4, 0, 1)
SCENES = Scenes(
    agents={"one": {}, "first": {}, "second": {}},
    queues={
        "places": queue(["one"], maxlen=len(PRIORITIES)),
        "penalties": queue(["first", "second"], strategy="linear"),
    },
    routes={
        **{f"60{level}": {"to": "queue:places", "priority": level} for level in range(3)},
        "610": {"to": "queue:penalties"},
    },
)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with SCENES.begun(tmp_path_factory.mktemp("scenes")) as telling:
        yield telling


@SCENES.told
def test_position_priority_and_longest_queue(f: Floor) -> None:
    f.pause("one", "lunch")
    callers = []
    for waiting, priority in enumerate(PRIORITIES, start=1):
        callers.append(f.caller(f"60{priority}"))
        wait_for(lambda waiting=waiting: len(f.waiting("places")) == waiting, 10, f"{waiting} wait")
    assert f.waiting("places") == [callers[at].ani for at in SERVED]
    refused = f.caller("602", lambda s: s.refused(486)).over()
    assert refused.heard == [486]
    assert (refused.verbs(), refused.visit()["outcome"]) == (["FULL"], "full"), (
        "a high priority makes no room"
    )
    phone = f.phone("one", calls=len(callers)).does(lambda s: s.ring().accept().pause(0.2).bye())
    f.resume("one")
    for caller in callers:
        caller.over()
    ended(phone)
    rows = [callers[at].cdr() for at in SERVED]
    assert all(before["bridged"] < after["bridged"] for before, after in pairwise(rows))
    for caller, place in zip(callers, CAME_IN_AT, strict=True):
        caller.offers(("one", "answered"))
        assert caller.verbs() == ["ENTERQUEUE", "CONNECT", "COMPLETEAGENT"]
        assert caller.log()[0][3] == str(place) and caller.log()[-1][-1] == str(place)
        visit = caller.visit()
        assert visit["original_position"] == place


@SCENES.told
def test_a_penalty_that_a_reload_raises(f: Floor) -> None:
    phones = [
        f.phone(name).does(lambda s: s.ring().accept().pause(0.2).bye()) for name in ("first", "second")
    ]
    before = f.caller("610").over()
    raised = {"agent": "first", "penalty": 3}
    penalties = {**SCENES.queues["penalties"], "members": [raised, {"agent": "second"}]}
    f.switch.write(f.config(queue={**SCENES.queues, "penalties": penalties}))
    view = f.control.post("reload")
    assert not view["problems"], view
    after = f.caller("610").over()
    ended(*phones)
    assert (before.cdr()["agent"], after.cdr()["agent"]) == ("first", "second")
    assert ["PENALTY", "3"] in f.log_of("penalties", "first")
