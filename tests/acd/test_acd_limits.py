"""Proves pauses with limits, automatic pauses by cause and their end, who counts as absent, log-out of a phone that stays
away, and the healing of what cannot happen.
"""

import pytest
from acd_floor import Floor, members, raises_and_keeps

from softswitch.acd.errors import Refused
from softswitch.acd.rules import Rules
from softswitch.acd.values import (
    AgentState,
    AgentStatus,
    Healed,
    Offer,
    OfferResult,
    PauseOverdue,
    StatusChanged,
)
from softswitch.config.absence import absent_when
from softswitch.config.matching import Matching, PauseReason
from softswitch.config.queues import Queue
from softswitch.ids import AgentId, CallId

STAFF = "ann bob cid"


def limited(**limits: object) -> Floor:
    rules = Rules(pause_reasons={"lunch": PauseReason(**limits)})  # type: ignore[arg-type]
    return Floor({"q": Queue(members=members(*STAFF.split()))}, STAFF, rules=rules)


def test_only_so_many_pause_for_one_reason() -> None:
    floor = limited(max_agents=2)
    floor.pause("ann")
    floor.pause("bob")
    raises_and_keeps(floor, Refused, lambda: floor.pause("cid"))
    floor.pause("cid", "training")
    floor.pause("ann", "training")
    floor.pause("cid")
    assert floor.state("cid") is AgentState.PAUSED


@pytest.mark.parametrize(
    ("then", "status"),
    [("alarm", AgentStatus.PAUSED), ("resume", AgentStatus.AVAILABLE), ("logout", AgentStatus.LOGGED_OUT)],
)
def test_a_pause_lasts_so_long(then: str, status: AgentStatus) -> None:
    floor = limited(max_minutes=30, then=then)
    floor.pause("ann")
    assert floor.of(PauseOverdue, floor.run(1799)) == []
    overdue = floor.one(PauseOverdue, floor.run(1))
    assert (overdue.agent, overdue.reason, overdue.max_minutes) == ("ann", "lunch", 30)
    assert floor.engine.agent_view(AgentId("ann"), floor.now).status is status


def test_whoever_comes_back_in_time_is_not_told_off() -> None:
    floor = limited(max_minutes=30, then="logout")
    floor.pause("ann")
    floor.run(1000)
    floor.available("ann")
    floor.pause("ann", "training")
    assert floor.run(4000) == []


def test_a_pause_goes_on_over_a_restart() -> None:
    floor = limited(max_minutes=30)
    floor.logout("ann")
    restored = floor.engine.restore_agent(
        AgentId("ann"), AgentStatus.PAUSED, "lunch", floor.now - 1500, floor.now
    )
    floor.did(restored)
    assert floor.of(PauseOverdue, floor.run(299)) == []
    floor.one(PauseOverdue, floor.run(1))


def test_autopause_by_cause_and_its_end() -> None:
    queue = Queue(
        members=members("ann"), autopause=2, autopause_on=("busy", "rejected"), autopause_release_s=60
    )
    floor = Floor({"q": queue}, "ann")
    floor.result(floor.one(Offer, floor.call("c1")), OfferResult.BUSY)
    again = floor.one(Offer, floor.run(10))
    floor.result(again, OfferResult.REJECTED)
    assert floor.state("ann") is AgentState.PAUSED
    changed = floor.one(StatusChanged, floor.run(60))
    assert (changed.status, changed.reason) == (AgentStatus.AVAILABLE, "")
    assert floor.state("ann") is AgentState.RINGING, "the caller has waited on"


def test_a_cause_that_is_not_named_does_not_count() -> None:
    queue = Queue(members=members("ann"), autopause=1, autopause_on=("busy",))
    floor = Floor({"q": queue}, "ann")
    floor.call("c1")
    floor.run(15)
    assert floor.state("ann") is AgentState.RESTING


FACTORS = [
    ("paused", lambda floor: floor.pause("ann")),
    ("unavailable", lambda floor: floor.reachable("ann", False)),
    ("inuse", lambda floor: floor.occupied("ann", +1)),
    ("ringing", lambda floor: floor.call("ring", "other")),
    ("wrapup", lambda floor: floor.talk("talk", 5, "other")),
]


@pytest.mark.parametrize(("factor", "happens"), FACTORS)
def test_each_state_makes_an_agent_absent_only_where_it_is_named(factor: str, happens: object) -> None:
    every = {name for name, _ in FACTORS}
    for words, refused in ((factor, True), (",".join(sorted(every - {factor})), False), ("yes", False)):
        queues = {"q": Queue(members=members("ann"), joinempty=words), "other": Queue(members=members("ann"))}
        floor = Floor(queues, "ann")
        happens(floor)  # type: ignore[operator]
        assert (floor.overflowed(floor.call("c1")) == [("c1", "join empty", "hangup")]) is refused


LEAVING = [
    ("paused", lambda floor: floor.pause("ann")),
    ("unavailable", lambda floor: floor.reachable("ann", False)),
    ("wrapup", lambda floor: floor.released("ann", "talk")),
]


@pytest.mark.parametrize(("factor", "happens"), LEAVING)
def test_waiting_callers_leave_when_the_last_agent_goes_into_a_state_that_is_named(
    factor: str, happens: object
) -> None:
    for words, left in ((factor, [("c1", "empty", "message:x")]), ("ringing", []), ("no", [])):
        queues = {
            "q": Queue(members=members("ann"), leavewhenempty=words, on_empty="message:x"),
            "other": Queue(members=members("ann")),
        }
        floor = Floor(queues, "ann")
        floor.answer(floor.one(Offer, floor.call("talk", "other")))
        floor.call("c1")
        happens(floor)  # type: ignore[operator]
        assert floor.overflowed() == left, words


def test_words_of_asterisk() -> None:
    assert absent_when("yes", joining=True) is None
    assert absent_when(False, joining=False) is None
    assert absent_when("strict", joining=True) == {"paused", "unavailable"}
    assert absent_when("loose", joining=False) == frozenset()
    assert absent_when("penalty,paused,invalid,unknown,inuse", joining=True) == {"paused", "inuse"}
    with pytest.raises(ValueError, match="did you mean 'paused'"):
        absent_when("pausd", joining=True)


def test_a_phone_that_stays_away_logs_its_agent_out() -> None:
    floor = Floor(
        {"q": Queue(members=members("ann"))}, "ann", rules=Rules(matching=Matching(unreachable_logout_s=60))
    )
    floor.reachable("ann", False)
    floor.run(59)
    floor.reachable("ann", True)
    floor.run(60)
    assert floor.state("ann") is AgentState.IDLE
    floor.reachable("ann", False)
    assert floor.one(StatusChanged, floor.run(60)).reason == "phone not registered"


# --- healing ----------------------------------------------------------------------------------------------------------


def broken(floor: Floor, how: str) -> None:
    """Reaches into the engine as only a fault of it could."""
    roster, room = floor.engine._roster, floor.engine._room
    ann = roster.agents[AgentId("ann")]
    match how:
        case "reserved for ever":
            ann.offer.caller.offers.clear()  # type: ignore[union-attr]
        case "offer without agent":
            ann.offer = None
        case "caller out of line":
            caller = room.callers[CallId("c2")]
            caller.queue.line.remove(caller)
        case "caller in no class":
            room.callers[CallId("c2")].waiting = False
        case "counts":
            roster.idle_mask = roster.logged_in_mask = 0
        case "times":
            ann.times[AgentState.IDLE] += 5
        case "timer":
            floor.engine._timers.cancel(ann.offer.timer)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "how",
    [
        "reserved for ever",
        "offer without agent",
        "caller out of line",
        "caller in no class",
        "counts",
        "times",
        "timer",
    ],
)
def test_what_cannot_happen_is_seen_and_healed_and_nobody_is_lost(how: str) -> None:
    floor = Floor({"q": Queue(members=members("ann"), wrapuptime=0)}, "ann")
    floor.call("c1")
    floor.call("c2")
    broken(floor, how)
    assert floor.engine.invariants() != []
    out = floor.engine.heal(floor.now)
    [healed] = floor.of(Healed, out)
    assert healed.problems
    assert floor.engine.invariants() == []
    assert floor.engine.heal(floor.now) == []
    waiting = floor.engine.queue_view(floor.engine.snapshot(floor.now).queues[0].queue, floor.now).waiting
    assert [caller.call for caller in waiting] == ["c1", "c2"]
    assert floor.state("ann") is AgentState.RINGING, "the caller is rung for anew, or still"
    [ringing] = [caller for caller in waiting if caller.ringing]
    assert ringing.call == "c1"


def test_a_talk_and_a_wait_of_no_call_end() -> None:
    floor = Floor({"q": Queue(members=members("ann"))}, "ann")
    floor.answer(floor.one(Offer, floor.call("c1")))
    floor.call("c2")
    talking, waiting = frozenset({CallId("c1")}), frozenset({CallId("c2")})
    assert floor.engine.heal(floor.now, waiting=waiting, talking=talking) == []
    out = floor.engine.heal(floor.now, waiting=waiting, talking=frozenset())
    assert floor.one(Healed, out).problems == ("agent ann talks on call c1, which is over",)
    assert floor.state("ann") is AgentState.WRAP_UP
    out = floor.engine.heal(floor.now, waiting=frozenset(), talking=frozenset())
    assert floor.one(Healed, out).problems == ("call c2 waits, and is over",)
    assert floor.engine.snapshot(floor.now).queues[0].waiting == ()
