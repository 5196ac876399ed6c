"""Proves, with random flows and random inputs: a step never raises, is bounded, asks for at most one ending and for
nothing after it, keeps state plain and within its limits, is a function of its arguments; from every flow that the
checker passes, each queue, target and hang-up can be reached by some keys; and a silent caller's way comes to an end
unless the checker warned of a circle.

Does not prove: what the actions of a flow should be; that is `test_flow_steps.py`.
"""

import json
from collections import deque
from dataclasses import asdict
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.config.flow import (
    Branch,
    Collect,
    Dial,
    Enqueue,
    Flow,
    Hangup,
    Menu,
    Node,
    Play,
    Record,
    Say,
    Set,
    Transfer,
)
from softswitch.config.language_node import Language
from softswitch.config.lookups import LookUp, Lookup
from softswitch.config.subflows import Call, Return
from softswitch.ivr import actions
from softswitch.ivr.actions import (
    Begin,
    FlowContext,
    FlowState,
    Input,
    Key,
    LookedUp,
    PromptsEnded,
    Returned,
    TimerFired,
)
from softswitch.ivr.check import check_flows
from softswitch.ivr.draw import draw_dot, draw_tree
from softswitch.ivr.draw_svg import draw_svg
from softswitch.ivr.fault import KnownNames
from softswitch.ivr.step import MAX_NODES, begin, step

NAMES = [f"n{index}" for index in range(8)]
ENDINGS = (actions.Enqueue, actions.Hangup)
ANSWERS: tuple[Literal["found", "none", "timeout", "error"], ...] = ("found", "none", "timeout", "error")
KNOWN = KnownNames(
    prompts={"welcome", "menu", "invalid"},
    queues={"q"},
    calendars={"office"},
    boxes={"box"},
    endpoints={"1001"},
    lookups={"l": Lookup(url="https://x/{x}", results={"y": "y as number"})},
)
CONTEXT = FlowContext(
    ani="123",
    dnis="456",
    open={"office": True},
    holiday={},
    local_time=(9, 5),
    local_date=(2026, 1, 2),
    queues={"q"},
    lookups={"l": {"x"}},
    results={"l": {"y"}},
)

node_name = st.sampled_from(NAMES)
optional_name = st.one_of(st.just(""), node_name)
variable = st.sampled_from(["x", "y", "ani"])
key = st.sampled_from("0123456789*#ABCD")
expression = st.sampled_from(
    [
        "1",
        "x",
        "y + 1",
        "x & y",
        "number(x) * 3",
        "default(x, 'en')",
        "ani",
        "1 +",
        "if(x == '1', 2, 7)",
        "none(1)",
    ]
)

nodes: st.SearchStrategy[Node] = st.one_of(
    st.builds(
        Play,
        prompt=st.sampled_from(["welcome", ("welcome", "menu")]),
        next=node_name,
        interruptible=st.booleans(),
    ),
    st.builds(
        Say,
        what=st.sampled_from(["number", "digits", "position", "time", "date", "duration"]),
        value=st.sampled_from(["", "21", "junk", "12:30", "2026-01-01"]),
        variable=st.one_of(st.just(""), variable),
        next=node_name,
    ),
    st.builds(
        Menu,
        prompt=st.sampled_from(["menu", ()]),
        keys=st.dictionaries(key, node_name, max_size=4),
        variable=st.one_of(st.just(""), variable),
        retries=st.integers(0, 3),
        on_timeout=optional_name,
        on_failure=optional_name,
    ),
    st.builds(
        Collect,
        prompt=st.sampled_from(["menu", ()]),
        variable=st.sampled_from(["x", "y"]),
        min_digits=st.integers(0, 3),
        max_digits=st.integers(1, 6),
        terminator=st.sampled_from(["", "#", "5"]),
        length=st.lists(st.integers(1, 6), max_size=2).map(tuple),
        allowed=st.lists(st.sampled_from(["1", "12"]), max_size=2).map(tuple),
        retries=st.integers(0, 3),
        next=node_name,
        on_timeout=optional_name,
        on_failure=optional_name,
    ),
    st.builds(
        Branch,
        on=st.sampled_from(["hours", "holiday", "ani", "dnis", "variable", "language", "condition"]),
        calendar=st.just("office"),
        variable=variable,
        cases=st.dictionaries(
            st.sampled_from(["open", "yes", "123", "_1.", "prefix:4", "en", "", "x == '1'", "y > 2", "1 +"]),
            node_name,
            max_size=3,
        ),
        default=node_name,
    ),
    st.builds(
        Set,
        priority=st.one_of(st.none(), st.integers(-5, 5), expression),
        skills=st.dictionaries(st.sampled_from(["s", "t"]), st.one_of(st.integers(1, 5), expression)),
        variables=st.dictionaries(st.sampled_from(["x", "y"]), st.text(max_size=5)),
        compute=st.dictionaries(st.sampled_from(["x", "y"]), expression, max_size=2),
        language=st.sampled_from([None, "es", "ro"]),
        next=node_name,
    ),
    st.builds(Enqueue, queue=st.sampled_from(["q", "{x}", "{"]), on_unknown=optional_name),
    st.builds(
        Call,
        flow=st.sampled_from(["main", "other", "none"]),
        give=st.dictionaries(st.sampled_from(["x", "y"]), expression, max_size=2),
        take=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["x", "y"]), max_size=2),
        results=st.dictionaries(st.sampled_from(["ok", "no"]), node_name, max_size=2),
        next=optional_name,
    ),
    st.builds(Return, result=st.sampled_from(["", "ok", "no"])),
    st.builds(
        LookUp,
        lookup=st.sampled_from(["l", "none"]),
        give=st.dictionaries(st.sampled_from(["x", "y"]), expression, max_size=2),
        next=node_name,
        on_none=optional_name,
        on_timeout=optional_name,
        on_error=optional_name,
    ),
    st.builds(
        Language,
        variable=st.sampled_from(["", "x"]),
        prefixes=st.dictionaries(st.sampled_from(["1", "12", "9"]), st.sampled_from(["en", "es"])),
        keys=st.dictionaries(key, st.sampled_from(["en", "ro"]), max_size=3),
        next=node_name,
    ),
    st.builds(
        Dial,
        target=st.sampled_from(["extension:1001", "extension:{x}", "trunk:t/{x}", "junk"]),
        on_busy=optional_name,
        on_no_answer=optional_name,
        on_failed=optional_name,
        next=optional_name,
    ),
    st.builds(
        Transfer, target=st.sampled_from(["queue:q", "flow:main", "flow:other", "hangup:busy", "junk"])
    ),
    st.builds(Record, box=st.just("box"), next=optional_name, on_empty=optional_name),
    st.builds(Hangup, cause=st.sampled_from(["", "busy"])),
)
inputs: st.SearchStrategy[Input] = st.one_of(
    st.builds(Key, digit=st.one_of(key, st.text(max_size=2))),
    st.just(PromptsEnded()),
    st.builds(TimerFired, timer=st.integers(0, 12)),
    st.builds(Returned, result=st.sampled_from(["busy", "no-answer", "failed", "recorded", "empty", "?"])),
    st.builds(
        LookedUp,
        answer=st.sampled_from(["found", "none", "timeout", "error"]),
        values=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", 2, True, 2.5])),
    ),
    st.just(Begin()),
)
flow = st.builds(Flow, start=node_name, node=st.dictionaries(node_name, nodes, min_size=1, max_size=8))


@settings(max_examples=150, deadline=None)
@given(flow, flow, st.lists(inputs, max_size=25))
def test_any_flow_takes_any_input(main: Flow, other: Flow, heard: list[Input]) -> None:
    flows = {"main": main, "other": other}
    state = begin("main", main, "en")
    for each in [Begin(), *heard]:
        before = state
        state, asked = step(flows, before, each, CONTEXT)
        assert step(flows, before, each, CONTEXT) == (state, asked)
        assert len(asked) <= 2 * MAX_NODES + 2
        assert state.waiting in ("", "prompt", "key", "result")
        assert len(state.digits) <= 6 and len(state.typed_ahead) <= 32
        assert state.timer >= before.timer
        json.dumps(asdict(state))
        endings = [index for index, action in enumerate(asked) if isinstance(action, ENDINGS)]
        assert endings in ([], [len(asked) - 1])
        if endings:
            assert state.waiting == ""
        if state.waiting == "key" and not isinstance(each, Key) and asked:
            assert isinstance(asked[-1], actions.StartTimer) and asked[-1].timer == state.timer
        if state.waiting == "prompt" and asked:
            assert isinstance(asked[-1], actions.PlayPrompts) or isinstance(each, Key)


@settings(max_examples=150, deadline=None)
@given(flow, flow)
def test_any_flow_is_checked_and_drawn(main: Flow, other: Flow) -> None:
    for problem in check_flows({"main": main, "other": other}, KNOWN):
        assert problem.flow in ("main", "other") and problem.message
        assert problem.severity in ("error", "warning")
    assert draw_dot("main", main).count("shape=") == len(main.node) + 1
    drawing, tree = draw_svg("main", main), draw_tree("main", main)
    for name in main.node:
        assert f">{name}</text>" in drawing
        assert name in tree


def _explored(flows: dict[str, Flow], limit: int = 1000) -> tuple[set[tuple[str, str]], bool]:
    """Every place that some keys, silence and results lead to, and whether all of them were followed to the end."""
    start, _ = step(flows, begin("main", flows["main"], "en"), Begin(), CONTEXT)
    seen: set[str] = set()
    places: set[tuple[str, str]] = set()
    waiting = deque([start])
    while waiting and len(seen) < limit:
        state = waiting.popleft()
        mark = repr(
            (
                state.flow,
                state.node,
                state.waiting,
                state.digits,
                state.attempt,
                state.typed_ahead,
                state.variables,
            )
        )
        if mark in seen:
            continue
        seen.add(mark)
        places.add((state.flow, state.node))
        for each in _possible(state):
            waiting.append(step(flows, state, each, CONTEXT)[0])
    return places, not waiting


def _possible(state: FlowState) -> list[Input]:
    if state.waiting == "result":
        return [
            *(Returned(result=result) for result in ("busy", "no-answer", "failed", "recorded", "empty")),
            *(LookedUp(answer=answer) for answer in ANSWERS),
        ]
    if state.waiting == "prompt":
        return [PromptsEnded()]
    if state.waiting == "key":
        return [TimerFired(timer=state.timer), *(Key(digit=digit) for digit in "0123*")]
    return []


FORKS = st.builds(
    Menu,
    prompt=st.just("menu"),
    keys=st.dictionaries(st.sampled_from("012*"), node_name, min_size=1, max_size=4),
    retries=st.integers(0, 1),
    on_timeout=optional_name,
    on_failure=optional_name,
)
SIMPLE: st.SearchStrategy[Node] = st.one_of(
    FORKS,
    st.builds(Play, prompt=st.just("welcome"), next=node_name),
    st.builds(Set, next=node_name),
    st.builds(Record, box=st.just("box"), next=optional_name, on_empty=optional_name),
    st.builds(Enqueue, queue=st.just("q")),
    st.builds(Hangup),
)


@settings(max_examples=60, deadline=None)
@given(st.builds(Flow, start=st.just("n0"), node=st.fixed_dictionaries(dict.fromkeys(NAMES, SIMPLE))))
def test_what_the_checker_calls_reachable_is_reached(main: Flow) -> None:
    flows = {"main": main}
    problems = check_flows(flows, KNOWN)
    circles = any("circle" in problem.message for problem in problems)
    lost = {problem.node for problem in problems if problem.message.startswith("nothing leads here")}
    places, whole = _explored(flows)
    passing = {name for name, node in main.node.items() if isinstance(node, Set)}
    if not circles:
        assert whole
        reached = {node for _, node in places}
        assert reached & lost == set()
        assert set(main.node) - lost - passing <= reached


@settings(max_examples=120, deadline=None)
@given(flow)
def test_a_silent_caller_comes_to_an_end_unless_warned(main: Flow) -> None:
    flows = {"main": main}
    warned = any(
        "round for ever" in each.message or "circle" in each.message for each in check_flows(flows, KNOWN)
    )
    state, _ = step(flows, begin("main", main, "en"), Begin(), CONTEXT)
    for _ in range(200):
        if not state.waiting:
            return
        silence: dict[str, Input] = {
            "prompt": PromptsEnded(),
            "key": TimerFired(timer=state.timer),
            "result": Returned(result="empty"),
        }
        state, _ = step(flows, state, silence[state.waiting], CONTEXT)
        if state.waiting == "result":
            state, _ = step(flows, state, LookedUp(answer="none"), CONTEXT)
    assert warned
