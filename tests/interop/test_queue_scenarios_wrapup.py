"""Proves with SIPp when an agent is rung again after a call: wrap-up that holds in every queue of his, a queue that has
none, an agent's own beside the queue's, and one that is ended early; by the moments of offers and by what was written.

What Asterisk does is in `docs/queue-scenarios.md`. Extending a wrap-up is proved in `tests/story`.
"""

from collections.abc import Iterator

import pytest
from queue_scenes import Caller, Floor, Scenes, Telling, ended

from tools.peers.centre import queue

LONG_S, SHORT_S = 2.0, 1.0
SCENES = Scenes(
    agents={"both": {}, "slow": {"wrapuptime": 3.0}, "quick": {}, "early": {}},
    queues={
        "sales": queue(["both"], wrapuptime=LONG_S),
        "support": queue(["both"], wrapuptime=0),
        "team": queue(["slow", "quick"], strategy="linear", wrapuptime=SHORT_S),
        "endless": queue(["early"], wrapuptime=600),
    },
    routes={
        "600": {"to": "queue:sales"},
        "601": {"to": "queue:support"},
        "602": {"to": "queue:team"},
        "603": {"to": "queue:endless"},
    },
)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with SCENES.begun(tmp_path_factory.mktemp("scenes")) as telling:
        yield telling


def talks(f: Floor, number: str) -> Caller:
    """A caller who hangs up after a moment, once the agent is there."""
    caller = f.caller(number, lambda s: s.connected().pause(0.7).bye()).over()
    assert caller.verbs() == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER"]
    return caller


def offered_after(first: Caller, second: Caller) -> float:
    """Seconds from the end of the first talk to the offer of the second."""
    segment = first.rows("segments", "began", 1)[0]
    offer = second.rows("offers", "offered", 1)[0]
    return float(offer["offered"] - segment["ended"])


def wrapped(f: Floor, caller: Caller) -> float:
    """His agent's wrap-up, which is written when it is over."""
    query = "SELECT wrapup_s FROM queue_visits WHERE call = ? AND wrapup_s IS NOT NULL"
    [row] = f.switch.wait_rows(query, caller.cdr()["call"], timeout=10)
    return float(row["wrapup_s"])


@SCENES.told
def test_wrap_up_is_as_long_as_the_queue_says_and_holds_in_every_queue(f: Floor) -> None:
    phone = f.serving("both", calls=3)
    first = talks(f, "600")
    assert f.agent("both")["state"] == "wrap-up" and 0 < f.agent("both")["wrapup_left_s"] <= LONG_S
    second = f.caller("601", lambda s: s.connected().pause(LONG_S + 1.5).bye()).over()
    third = talks(f, "600")
    ended(phone)
    assert LONG_S - 0.2 <= offered_after(first, second) < LONG_S + 1.0, (
        "not before, though that queue has none"
    )
    third_came = third.visit()["entered"]
    assert third.rows("offers", "offered", 1)[0]["offered"] - third_came < 0.5, "none after that queue's call"
    assert wrapped(f, first) == pytest.approx(LONG_S, abs=0.3)


@SCENES.told
def test_an_agents_own_wrap_up_goes_before_the_queues(f: Floor) -> None:
    phones = [f.serving("slow", calls=1), f.serving("quick", calls=2)]
    first = talks(f, "602")
    second = talks(f, "602")
    third = f.caller("602", lambda s: s.connected().pause(SHORT_S + 1.5).bye()).over()
    ended(*phones)
    assert [caller.cdr()["agent"] for caller in (first, second, third)] == ["slow", "quick", "quick"]
    assert SHORT_S - 0.2 <= offered_after(second, third) < SHORT_S + 1.0
    assert wrapped(f, second) == pytest.approx(SHORT_S, abs=0.3)
    assert wrapped(f, first) == pytest.approx(3.0, abs=0.3)


@SCENES.told
def test_wrap_up_that_is_ended_early(f: Floor) -> None:
    phone = f.serving("early", calls=2)
    first = talks(f, "603")
    waits = f.caller("603", lambda s: s.connected().pause(2.5).bye())
    f.wait_state("early", "wrap-up")
    f.control.post("agents", "early", "wrapup", body={"extend_s": 0})
    waits.over()
    ended(phone)
    waits.offers(("early", "answered"))
    assert wrapped(f, first) < 60
