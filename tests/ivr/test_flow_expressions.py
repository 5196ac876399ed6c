"""Proves: sub-flows with variables of their own that return a result and are bounded in depth; expressions in conditions,
`set`, said values, queues, priorities and skills; what was collected masked stays masked under every name that it gets;
lookups with an answer, nothing, a time-out and an error; languages by variable, number and key; and that a state goes
through the journal and back.

Does not prove: expressions themselves (`test_expressions.py`) and the asking (`test_lookups.py`).
"""

import json
import tomllib
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from softswitch.config.schema import Config
from softswitch.ivr import actions
from softswitch.ivr.actions import (
    Action,
    Begin,
    FlowContext,
    FlowState,
    Input,
    Key,
    LookedUp,
    LookUp,
    PlayPrompts,
    PromptsEnded,
    StartTimer,
    StopPrompts,
    TimerFired,
)
from softswitch.ivr.step import begin, step
from softswitch.ivr.subflow import MAX_DEPTH

CONTEXT = FlowContext(
    ani="+34600111222",
    dnis="900",
    open={"office": True},
    holiday={},
    local_time=(9, 5),
    queues={"gold", "basic"},
    lookups={"crm": {"number"}},
    results={"crm": {"tier", "points"}},
    headers={"x-customer": "77"},
)


class Caller:
    """A caller in the flow `main` of a configuration."""

    def __init__(self, text: str, context: FlowContext = CONTEXT) -> None:
        self.flows = TypeAdapter(Config).validate_python(tomllib.loads(text)).flow
        self.context = context
        self.state = begin("main", self.flows["main"], "en")
        self.asked: tuple[Action, ...] = ()
        self.happens(Begin())

    def happens(self, *inputs: Input) -> "Caller":
        for each in inputs:
            self.state, self.asked = step(self.flows, self.state, each, self.context)
        return self

    def keys(self, digits: str) -> "Caller":
        return self.happens(*(Key(digit=digit) for digit in digits))


def nodes(**flows: str) -> str:
    """`main="a: do = 'hangup'"`: each node in a paragraph of its own; the first one is the start."""
    text = ""
    for flow, body in flows.items():
        parts = [part.strip() for part in body.strip().split("\n\n")]
        text += f"[flow.{flow}]\nstart = {parts[0].split(':')[0]!r}\n"
        for part in parts:
            name, _, keys = part.partition(":")
            text += f"[flow.{flow}.node.{name}]\n{keys}\n"
    return text


IDENTIFY = """ask:
do = "collect"
variable = "pin"
max_digits = 4
masked = true
next = "judge"

judge:
do = "branch"
on = "condition"
cases = { "pin == '1234' and number == '+34600111222'" = "good" }
default = "bad"

good:
do = "set"
compute = { id = "'C' & last(number, 3)", secret = "pin & '!'" }
next = "yes"

yes:
do = "return"
result = "known"

bad:
do = "return"
result = "unknown"
"""
MAIN = """who:
do = "call"
flow = "identify"
give = { number = "ani" }
take = { customer = "id", code = "secret" }
results = { known = "known" }
next = "other"

known:
do = "set"
priority = "length(customer) * 2"
skills = { vip = "if(customer == 'C222', 7, 0)", never = "0" }
next = "queue"

queue:
do = "enqueue"
queue = "{if(priority > 5, 'gold', 'basic')}"

other:
do = "hangup"
cause = "declined"
"""


def test_a_sub_flow_returns_its_result_and_what_is_taken() -> None:
    caller = Caller(nodes(main=MAIN, identify=IDENTIFY))
    assert (caller.state.flow, caller.state.node) == ("identify", "ask")
    assert caller.state.variables == {"number": "+34600111222"}
    assert [frame.flow for frame in caller.state.stack] == ["main"]
    caller.keys("1234")
    assert caller.asked == (actions.Enqueue(queue="gold", priority=8, skills={"vip": 5}),)
    assert caller.state.flow == "main" and caller.state.stack == ()
    assert caller.state.variables == {"customer": "C222", "code": "1234!"}


def test_another_result_leads_to_next_and_nothing_is_taken() -> None:
    caller = Caller(nodes(main=MAIN, identify=IDENTIFY)).keys("9999")
    assert caller.asked == (actions.Hangup(cause="declined"),)
    assert caller.state.variables == {} and caller.state.result == "unknown"


def test_what_was_masked_stays_masked_under_other_names() -> None:
    caller = Caller(nodes(main=MAIN, identify=IDENTIFY)).keys("1234")
    assert caller.state.masked == ("code",)
    assert "1234" not in json.dumps(caller.state.plain()) and caller.state.shown == {"customer": "C222"}
    giving = nodes(
        main="""a:
do = "collect"
variable = "card"
max_digits = 2
masked = true
next = "b"

b:
do = "call"
flow = "sub"
give = { again = "card", clear = "ani" }
""",
        sub="""a:
do = "collect"
variable = "x"
max_digits = 1
next = "b"

b:
do = "return"
""",
    )
    caller = Caller(giving).keys("42")
    assert caller.state.flow == "sub" and caller.state.masked == ("again",)
    plain = caller.state.plain()
    assert plain["variables"] == {"clear": "+34600111222"} and plain["stack"][0]["variables"] == {}
    assert "42" not in json.dumps(plain)


def test_a_state_goes_through_the_journal_and_back() -> None:
    caller = Caller(nodes(main=MAIN, identify=IDENTIFY))
    state = replace(caller.state, variables={"n": 2, "f": 2.5, "y": True, "t": "x"}, part=1, result="r")
    assert FlowState.from_plain(json.loads(json.dumps(state.plain()))) == state


def test_flows_within_each_other_are_bounded() -> None:
    flows = {f"f{index}": f"a:\ndo = 'call'\nflow = 'f{index + 1}'" for index in range(MAX_DEPTH + 2)}
    deep = nodes(main="a:\ndo = 'call'\nflow = 'f0'", **flows, **{f"f{MAX_DEPTH + 2}": "a:\ndo = 'return'"})
    caller = Caller(deep)
    assert caller.asked == (actions.Hangup(cause="congestion"),)
    assert f"more than {MAX_DEPTH} flows" in caller.state.problem
    endless = Caller(nodes(main="a:\ndo = 'call'\nflow = 'main'"))
    assert "flows within each other" in endless.state.problem


def test_return_where_nobody_called_ends_the_call_and_transfer_leaves_for_good() -> None:
    assert Caller(nodes(main="a:\ndo = 'return'")).asked == (actions.Hangup(cause=""),)
    left = Caller(
        nodes(
            main="a:\ndo = 'call'\nflow = 'sub'",
            sub="a:\ndo = 'transfer'\ntarget = 'flow:third'",
            third="a:\ndo = 'return'",
        )
    )
    assert left.asked == (actions.Hangup(cause=""),) and left.state.flow == "third"


def test_values_are_said_as_they_are_computed() -> None:
    caller = Caller(
        nodes(
            main="""a:
do = "set"
compute = { due = "2 * 10 + 1", gone = "never + 1", due2 = "due + 1" }
next = "b"

b:
do = "say"
what = "number"
value = "{due2}"
next = "c"

c:
do = "say"
what = "number"
value = "{gone}"
next = "d"

d:
do = "hangup"
"""
        )
    )
    assert caller.asked == (PlayPrompts(prompts=("n-22",), language="en"),)
    assert caller.state.variables == {"due": 21, "due2": 22}
    assert caller.happens(PromptsEnded()).asked == (actions.Hangup(cause=""),)


def test_headers_and_calendars_in_conditions() -> None:
    text = nodes(
        main="""a:
do = "branch"
on = "condition"
default = "no"
[flow.main.node.a.cases]
"header('X-Other') == '1'" = "no"
"open('office') and number(header('X-Customer')) > 70" = "yes"
"true" = "no"

yes:
do = "enqueue"
queue = "gold"

no:
do = "hangup"
"""
    )
    assert Caller(text).asked == (actions.Enqueue(queue="gold", priority=0, skills={}),)
    assert Caller(text, replace(CONTEXT, headers={})).asked == (actions.Hangup(cause=""),)


def test_a_queue_that_is_none_leads_on() -> None:
    text = "a:\ndo = 'enqueue'\nqueue = '{dnis}'\n"
    with_way = nodes(main=text + "on_unknown = 'b'\n\nb:\ndo = 'enqueue'\nqueue = 'basic'")
    assert Caller(with_way).asked == (actions.Enqueue(queue="basic", priority=0, skills={}),)
    without = Caller(nodes(main=text))
    assert without.asked == (actions.Hangup(cause="congestion"),)
    assert without.state.problem == "no queue '900', which main.a has computed"


LOOKUP = nodes(
    main="""a:
do = "set"
variables = { tier = "old", kept = "k" }
next = "b"

b:
do = "lookup"
lookup = "crm"
give = { number = "digits(ani)" }
next = "found"
on_none = "none"
on_timeout = "late"
on_error = "failed"

found:
do = "hangup"

none:
do = "hangup"
cause = "unknown"

late:
do = "hangup"
cause = "busy"

failed:
do = "hangup"
cause = "declined"
"""
)


@pytest.mark.parametrize(
    ("answer", "values", "cause"),
    [
        ("found", {"tier": "gold", "points": 7}, ""),
        ("none", {}, "unknown"),
        ("timeout", {}, "busy"),
        ("error", {}, "declined"),
    ],
)
def test_lookups_lead_on_by_what_came(answer: str, values: dict[str, object], cause: str) -> None:
    caller = Caller(LOOKUP)
    assert caller.asked == (LookUp(lookup="crm", parameters={"number": "34600111222"}),)
    assert caller.keys("12").asked == () and caller.state.typed_ahead == "12"
    assert caller.happens(PromptsEnded(), TimerFired(timer=0)).asked == ()
    caller.happens(LookedUp(answer=answer, values=values))  # type: ignore[arg-type]
    assert caller.asked == (actions.Hangup(cause=cause),)
    assert caller.state.variables == {"kept": "k", **values}


LANGUAGE = nodes(
    main="""a:
do = "language"
variable = "wanted"
prefixes = { "+34" = "es", "+346" = "ro" }
keys = { "1" = "en", "2" = "es" }
next = "b"

b:
do = "play"
prompt = "welcome"
next = "c"

c:
do = "hangup"
"""
)


def test_the_language_by_number_and_by_variable() -> None:
    assert Caller(LANGUAGE).asked == (PlayPrompts(prompts=("welcome",), language="ro"),)
    wanting = LANGUAGE.replace("start = 'a'", "start = 's'") + (
        '[flow.main.node.s]\ndo = "set"\nvariables = { wanted = "es" }\nnext = "a"\n'
    )
    assert Caller(wanting).asked == (PlayPrompts(prompts=("welcome",), language="es"),)
    assert Caller(wanting.replace('wanted = "es"', 'wanted = "xx"')).state.language == "ro"


def test_the_language_by_key_is_told_in_each_language() -> None:
    stranger = replace(CONTEXT, ani="+40700")
    caller = Caller(LANGUAGE, stranger)
    assert caller.asked == (PlayPrompts(prompts=("press-for-language", "n-1"), language="en"),)
    assert caller.happens(PromptsEnded()).asked == (
        PlayPrompts(prompts=("press-for-language", "n-2"), language="es"),
    )
    assert caller.state.language == "en"
    assert caller.happens(PromptsEnded()).asked == (StartTimer(timer=1, seconds=5.0),)
    welcome = PlayPrompts(prompts=("welcome",), language="es")
    assert caller.keys("2").asked == (welcome,)
    early = Caller(LANGUAGE, stranger)
    assert early.keys("2").asked == (StopPrompts(), welcome)
    silent = Caller(LANGUAGE, stranger).happens(PromptsEnded(), PromptsEnded(), TimerFired(timer=1))
    assert silent.asked == (PlayPrompts(prompts=("welcome",), language="en"),)
    other = Caller(LANGUAGE, stranger).keys("7")
    assert other.asked[-1] == PlayPrompts(prompts=("welcome",), language="en")
