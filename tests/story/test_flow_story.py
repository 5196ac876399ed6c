"""Proves whole calls on virtual time: a sub-flow, a lookup with its answer, late or failing, an expression into queue,
priority and skills; headers, language by number; a caller who hangs up while it is looked up; that a call keeps the version
of a flow with which it began through a reload and a roll back, while new calls get the other; that a roll back outlives a
restart and ends when the file is changed; and that what was masked is in no row.

Does not prove: the asking itself (`tests/ivr/test_lookups.py`).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from story_floor import MAIN, SALES, Centre, centre, told

from softswitch.api.errors import NotPossible, UnknownThing
from softswitch.api.flow_control import VersionWish
from softswitch.config.flow import Branch, Collect, Enqueue, Flow, Hangup, Menu, Set
from softswitch.config.flow import Play as PlayNode
from softswitch.config.language_node import Language
from softswitch.config.lookups import LookUp, Lookup
from softswitch.config.routes import Routing
from softswitch.config.secret import Secret
from softswitch.config.subflows import Call, Return
from softswitch.ivr.actions import LookedUp
from softswitch.rtp.commands import Play
from softswitch.sip.events import Answered


class Answers:
    """Takes the place of what asks web services; `after_s` of virtual time."""

    def __init__(self, answer: LookedUp, after_s: float = 0.5) -> None:
        self.answer, self.after_s = answer, after_s
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ended = 0

    async def ask(
        self, name: str, lookup: Lookup, parameters: Mapping[str, str], secret: Secret | None
    ) -> LookedUp:
        self.asked.append((name, dict(parameters)))
        try:
            await asyncio.sleep(self.after_s)
        finally:
            self.ended += 1
        return self.answer

    async def close(self) -> None: ...


FLOWS = {
    "main": Flow(
        start="language",
        node={
            "language": Language(prefixes={"+34": "es"}, next="who"),
            "who": Call(
                flow="identify",
                give={"number": "ani"},
                take={"tier": "tier", "points": "points"},
                results={"known": "judge"},
                next="plain",
            ),
            "judge": Branch(
                on="condition",
                cases={"tier == 'gold' and header('X-Customer') == '77'": "gold"},
                default="plain",
            ),
            "gold": Set(priority="points + 1", skills={"vip": "if(language == 'es', 2, 0)"}, next="queue"),
            "queue": Enqueue(queue="{tier}"),
            "plain": Enqueue(queue="sales"),
        },
    ),
    "identify": Flow(
        start="ask",
        node={
            "ask": LookUp(lookup="crm", next="yes", on_none="no", on_timeout="no", on_error="no"),
            "yes": Return(result="known"),
            "no": Return(result="unknown"),
        },
    ),
}
CRM = Lookup(url="https://crm.example/{number}", results={"tier": "tier", "points": "points as number"})


def looking_up(**more: Any) -> Any:
    return centre(
        flow=FLOWS,
        lookup={"crm": CRM},
        queue={"gold": replace(SALES, skills={})},
        routing=Routing(flow_headers=("X-Customer",)),
        **more,
    )


def answering(c: Centre, answer: LookedUp, after_s: float = 0.5) -> Answers:
    answers = Answers(answer, after_s)
    c.switch.parts.services.lookups = answers
    return answers


GOLD = LookedUp(answer="found", values={"tier": "gold", "points": 4})


@told(looking_up())
async def test_a_lookup_in_a_sub_flow_leads_into_a_queue(c: Centre) -> None:
    answers = answering(c, GOLD)
    caller = c.caller("700", headers=(("X-Customer", "77"),))
    await caller.until(Answered)
    await asyncio.sleep(2)
    assert answers.asked == [("crm", {"number": "+34600000001"})]
    (waiting,) = c.switch.control.queue("gold").callers
    assert waiting.priority == 5
    call = c.live()
    assert call.language == "es" and call.figures.labels["tier"] == "gold"
    caller.hang_up()
    row = await c.cdr()
    assert row["queue"] == "gold"
    assert '"lookup",{"lookup":"crm","answer":"found"}' in row["trail"]


@pytest.mark.parametrize("answer", ["none", "timeout", "error"])
def test_a_lookup_without_answer_leads_on(answer: Any, tmp_path: Any) -> None:
    @told(looking_up())
    async def story(c: Centre) -> None:
        answering(c, LookedUp(answer=answer, problem="why"))
        caller = c.caller("700")
        await asyncio.sleep(2)
        assert c.waiting("sales") == 1
        caller.hang_up()

    story(tmp_path)


@told(looking_up())
async def test_a_caller_who_hangs_up_is_asked_for_no_more(c: Centre) -> None:
    answers = answering(c, GOLD, after_s=60.0)
    caller = c.caller("700")
    await caller.until(Answered)
    await asyncio.sleep(1)
    caller.hang_up()
    await asyncio.sleep(1)
    assert answers.ended == 1
    row = await c.cdr()
    assert (row["cause"], row["ended_by"]) == ("normal", "caller")


def _announcing(prompt: str) -> Flow:
    """Waits for a key, then says what tells its version."""
    return Flow(
        start="wait",
        node={
            "wait": Menu(prompt="menu", keys={"1": "say"}, timeout_s=300),
            "say": PlayNode(prompt=prompt, next="end"),
            "end": Hangup(),
        },
    )


def _said(c: Centre) -> list[str]:
    told = [prompt for play in c.switch.media.told(Play) for prompt in play.prompts]
    return [path.rpartition("/")[2].removesuffix(".wav") for path in told]


def _versions(c: Centre) -> dict[int, tuple[bool, int, int]]:
    """Version to whether new calls get it, how many calls keep it, how many are in it."""
    (view,) = [view for view in c.switch.control.flows.flows() if view.flow == "main"]
    return {each.version: (each.live, each.calls, each.in_flow) for each in view.versions}


async def _waiting_in_menu(c: Centre, user: str) -> None:
    await c.caller("700", user=user).until(Answered)
    await asyncio.sleep(1)


@told(centre(flow={"main": _announcing("welcome")}))
async def test_a_call_keeps_the_version_with_which_it_began(c: Centre) -> None:
    control = c.switch.control.flows
    await _waiting_in_menu(c, "+34600000001")
    c.switch.reload(centre(flow={"main": _announcing("closed")}))
    await _waiting_in_menu(c, "+34600000002")
    assert _versions(c) == {1: (False, 1, 1), 2: (True, 1, 1)}
    view = await control.use("main", VersionWish())
    assert view.live == 1 and view.rolled_back
    await _waiting_in_menu(c, "+34600000003")
    assert _versions(c) == {1: (True, 2, 2), 2: (False, 1, 1)}
    for user, prompt in ((1, "welcome"), (2, "closed"), (3, "welcome")):
        (live,) = [each for each in c.switch.parts.manager.calls.values() if each.ani.endswith(str(user))]
        c.switch.media.press(live.caller.id, "1")
        await asyncio.sleep(0.5)
        assert _said(c)[-1] == prompt
    await asyncio.sleep(5)
    await control.use("main", VersionWish(version=0))
    assert _versions(c)[2][0] and not c.switch.parts.manager.calls


@told(centre(flow={"main": _announcing("welcome")}))
async def test_a_roll_back_outlives_a_restart_and_ends_with_a_change(c: Centre) -> None:
    c.switch.reload(centre(flow={"main": _announcing("closed")}))
    await c.switch.control.flows.use("main", VersionWish(version=1))
    c.switch.reload(centre(flow={"main": _announcing("closed")}))
    assert _versions(c) == {1: (True, 0, 0), 2: (False, 0, 0)}
    assert c.switch.parts.services.config.flow["main"] == _announcing("welcome")
    c.switch.parts.loaded = replace(
        c.switch.parts.loaded,
        config=replace(c.switch.parts.loaded.config, flow={"main": _announcing("closed")}),
    )
    await c.restart()
    assert _versions(c) == {1: (True, 0, 0), 2: (False, 0, 0)}
    c.switch.reload(centre(flow={"main": _announcing("busy")}))
    assert _versions(c) == {1: (False, 0, 0), 2: (False, 0, 0), 3: (True, 0, 0)}


@told()
async def test_a_version_that_would_not_work_now_is_refused(c: Centre) -> None:
    elsewhere = replace(MAIN, node={**MAIN.node, "bye": PlayNode(prompt="goodbye", next="over")})
    config = centre(flow={"main": elsewhere}, message={"sales": None})
    config = replace(config, flow={"main": replace(elsewhere, node={**elsewhere.node, "box": Hangup()})})
    c.switch.reload(config)
    with pytest.raises(NotPossible, match="there is no message box 'sales'"):
        await c.switch.control.flows.use("main", VersionWish(version=1))
    assert _versions(c) == {1: (False, 0, 0), 2: (True, 0, 0)}
    for flow, version in (("main", 9), ("nix", 1)):
        with pytest.raises(UnknownThing):
            await c.switch.control.flows.use(flow, VersionWish(version=version))


PIN = Flow(
    start="ask",
    node={
        "ask": Collect(variable="pin", max_digits=4, masked=True, next="sub"),
        "sub": Call(flow="check", give={"typed": "pin"}, take={"kept": "copy"}, next="ring"),
        "ring": Enqueue(queue="sales"),
    },
)
CHECK = Flow(
    start="copy",
    node={"copy": Set(compute={"copy": "typed & '-x'"}, next="back"), "back": Return()},
)


@told(centre(flow={"main": PIN, "check": CHECK}))
async def test_what_was_masked_is_in_no_row(c: Centre) -> None:
    caller = c.caller("700")
    await caller.until(Answered)
    c.press("8642")
    await asyncio.sleep(2)
    assert c.waiting() == 1
    await c.settled()
    for table in ("calls", "journal", "snapshots"):
        assert "8642" not in repr(c.switch.rows(table))
    caller.hang_up()
