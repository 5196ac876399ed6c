"""Proves: what each kind of node asks for and where it leads; keys typed ahead and during prompts; timeouts, retries and
invalid input; stale timers and inputs that come too late; the bound on circles; entering again after a crash or a reload.

Does not prove: that the call layer does what is asked for.
"""

from collections.abc import Mapping

import pytest

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
from softswitch.ivr import actions
from softswitch.ivr.actions import (
    Action,
    Begin,
    FlowContext,
    FlowState,
    Input,
    Key,
    PlayPrompts,
    PromptsEnded,
    RecordMessage,
    Returned,
    StartTimer,
    StopPrompts,
    TimerFired,
)
from softswitch.ivr.step import MAX_NODES, begin, step

CONTEXT = FlowContext(
    ani="+34911222333",
    dnis="900100200",
    open={"office": True, "night": False},
    holiday={"office": False, "fiesta": True},
    local_time=(14, 30),
    local_date=(2026, 5, 1),
)
BYE = actions.Hangup(cause="")


class Caller:
    """A caller in a flow whose first node is `a`."""

    def __init__(self, nodes: Mapping[str, Node], context: FlowContext = CONTEXT, **flows: Flow) -> None:
        self.flows = {"main": Flow(start="a", node=nodes), **flows}
        self.context = context
        self.state: FlowState = begin("main", self.flows["main"], "en")
        self.asked: list[Action] = self.hear(Begin())

    def hear(self, *inputs: Input) -> list[Action]:
        """The actions of the last input."""
        asked: list[Action] = []
        for each in inputs:
            self.state, done = step(self.flows, self.state, each, self.context)
            asked = list(done)
        return asked

    def keys(self, digits: str) -> list[Action]:
        return self.hear(*(Key(digit=digit) for digit in digits))

    def late(self) -> list[Action]:
        """The timer that runs now fires."""
        return self.hear(TimerFired(timer=self.state.timer))


def played(*prompts: str, language: str = "en") -> PlayPrompts:
    return PlayPrompts(prompts=prompts, language=language)


def ends(**nodes: Node) -> dict[str, Node]:
    """With a queue `q`, a hang-up `bye` and one `bad`."""
    return {**nodes, "q": Enqueue(queue="sales"), "bye": Hangup(), "bad": Hangup(cause="declined")}


def test_play_goes_on_at_the_end() -> None:
    caller = Caller(ends(a=Play(prompt=("welcome", "menu"), next="q")))
    assert caller.asked == [played("welcome", "menu")]
    assert caller.state.waiting == "prompt"
    assert caller.hear(PromptsEnded()) == [actions.Enqueue(queue="sales", priority=0, skills={})]
    assert caller.state.waiting == ""


def test_a_key_cuts_a_play_and_is_kept_for_the_menu() -> None:
    caller = Caller(ends(a=Play(prompt="welcome", next="m"), m=Menu(prompt="menu", keys={"1": "q"})))
    assert caller.keys("1") == [StopPrompts(), actions.Enqueue(queue="sales", priority=0, skills={})]


def test_keys_during_a_play_that_cannot_be_cut_are_kept() -> None:
    nodes = ends(
        a=Play(prompt="notice", next="c", interruptible=False),
        c=Collect(variable="number", max_digits=3, next="m"),
        m=Menu(prompt="menu", keys={"9": "bye"}),
    )
    caller = Caller(nodes)
    assert caller.keys("1239") == []
    assert caller.state.typed_ahead == "1239"
    assert caller.hear(PromptsEnded()) == [BYE]
    assert caller.state.variables == {"number": "123"}


def test_typed_ahead_is_bounded() -> None:
    caller = Caller(ends(a=Play(prompt="notice", next="bye", interruptible=False)))
    caller.keys("1" * 100)
    assert len(caller.state.typed_ahead) == 32


def test_plays_are_skipped_while_keys_wait() -> None:
    nodes = ends(
        a=Play(prompt="one", next="b"),
        b=Play(prompt="two", next="m"),
        m=Menu(prompt="menu", keys={"5": "bye"}),
    )
    assert Caller(nodes).keys("5") == [StopPrompts(), BYE]


@pytest.mark.parametrize(
    ("say", "prompts"),
    [
        (Say(what="number", value="21", next="bye"), ("n-21",)),
        (Say(what="digits", variable="dnis", next="bye"), tuple(f"n-{digit}" for digit in "900100200")),
        (
            Say(what="digits", variable="ani", next="bye"),
            ("plus", *(f"n-{digit}" for digit in "34911222333")),
        ),
        (Say(what="position", value="2", next="bye"), ("position-is", "ordinal-2", "position-in-queue")),
        (Say(what="time", next="bye"), ("n-2", "n-30", "pm")),
        (Say(what="duration", value="180", next="bye"), ("n-3", "minutes")),
        (Say(what="date", next="bye"), ("weekday-4", "day-1", "month-5", "n-2", "thousand", "and", "n-26")),
    ],
)
def test_say(say: Say, prompts: tuple[str, ...]) -> None:
    caller = Caller(ends(a=say))
    assert caller.asked == [played(*prompts)]
    assert caller.hear(PromptsEnded()) == [BYE]


@pytest.mark.parametrize(
    "say", [Say(what="number", variable="unset", next="bye"), Say(what="time", value="x", next="bye")]
)
def test_a_value_that_cannot_be_said_is_left_out(say: Say) -> None:
    assert Caller(ends(a=say)).asked == [BYE]


def test_a_date_of_now_needs_the_date() -> None:
    context = FlowContext(ani="", dnis="", open={}, holiday={}, local_time=(0, 0))
    assert Caller(ends(a=Say(what="date", next="bye")), context).asked == [BYE]


MENU = Menu(prompt="menu", keys={"1": "q", "*": "a"}, variable="choice", retries=1, timeout_s=4)


def test_menu_takes_a_key_after_its_prompts() -> None:
    caller = Caller(ends(a=MENU))
    assert caller.hear(PromptsEnded()) == [StartTimer(timer=1, seconds=4)]
    assert caller.state.waiting == "key"
    assert caller.keys("1") == [actions.Enqueue(queue="sales", priority=0, skills={})]
    assert caller.state.variables == {"choice": "1"}


def test_a_key_cuts_the_prompts_of_a_menu() -> None:
    caller = Caller(ends(a=MENU))
    assert caller.keys("1")[0] == StopPrompts()


def test_a_menu_that_leads_to_itself_begins_anew() -> None:
    caller = Caller(ends(a=MENU))
    caller.hear(PromptsEnded())
    caller.late()
    assert caller.state.attempt == 1
    assert caller.keys("*") == [StopPrompts(), played("menu")]
    assert caller.state.attempt == 0


def test_invalid_keys_are_answered_until_the_tries_are_used_up() -> None:
    caller = Caller(ends(a=MENU))
    assert caller.keys("7") == [StopPrompts(), played("invalid", "menu")]
    caller.hear(PromptsEnded())
    assert caller.keys("7") == [BYE]


def test_invalid_keys_lead_to_on_failure_and_silence_to_on_timeout() -> None:
    menu = Menu(prompt="menu", keys={"1": "q"}, retries=0, on_failure="bad", on_timeout="bye", on_invalid="")
    assert Caller(ends(a=menu)).keys("7") == [StopPrompts(), actions.Hangup(cause="declined")]
    caller = Caller(ends(a=menu))
    caller.hear(PromptsEnded())
    assert caller.late() == [BYE]


def test_silence_without_on_timeout_leads_to_on_failure() -> None:
    caller = Caller(ends(a=Menu(prompt="menu", keys={"1": "q"}, retries=1, on_failure="bad")))
    caller.hear(PromptsEnded())
    assert caller.late() == [played("menu")]
    caller.hear(PromptsEnded())
    assert caller.late() == [actions.Hangup(cause="declined")]


def test_keys_typed_ahead_are_forgotten_after_an_invalid_one() -> None:
    nodes = ends(
        a=Play(prompt="notice", next="m", interruptible=False), m=Menu(prompt="menu", keys={"1": "q"})
    )
    caller = Caller(nodes)
    caller.keys("71")
    assert caller.hear(PromptsEnded()) == [played("invalid", "menu")]
    assert caller.state.typed_ahead == ""


def test_stale_timers_and_late_inputs_are_ignored() -> None:
    caller = Caller(ends(a=Collect(prompt="ask", variable="x", max_digits=4, next="bye")))
    caller.hear(PromptsEnded())
    caller.keys("1")
    before = caller.state
    assert before.timer == 2
    for late in (
        TimerFired(timer=1),
        TimerFired(timer=99),
        PromptsEnded(),
        Returned(result="busy"),
        Key(digit="x"),
    ):
        assert caller.hear(late) == []
        assert caller.state == before


def test_an_ended_flow_ignores_everything() -> None:
    caller = Caller(ends(a=Hangup()))
    before = caller.state
    for late in (TimerFired(timer=0), PromptsEnded(), Key(digit="1"), Returned(result="empty")):
        assert caller.hear(late) == []
    assert caller.state == before


def test_collect_ends_at_the_most_digits() -> None:
    caller = Caller(ends(a=Collect(prompt="ask", variable="pin", max_digits=2, next="bye")))
    assert caller.keys("1") == [StopPrompts(), StartTimer(timer=1, seconds=3)]
    assert caller.keys("2") == [BYE]
    assert caller.state.variables == {"pin": "12"}


def test_collect_ends_at_the_terminator_and_at_a_pause() -> None:
    collect = Collect(variable="pin", next="bye", first_digit_timeout_s=9, inter_digit_timeout_s=2)
    caller = Caller(ends(a=collect))
    assert caller.asked == [StartTimer(timer=1, seconds=9)]
    assert caller.keys("12#") == [BYE]
    assert caller.state.variables == {"pin": "12"}
    caller = Caller(ends(a=collect))
    assert caller.keys("12") == [StartTimer(timer=3, seconds=2)]
    assert caller.late() == [BYE]
    assert caller.state.variables == {"pin": "12"}


def test_collect_may_be_empty_when_no_digit_is_needed() -> None:
    caller = Caller(ends(a=Collect(variable="pin", min_digits=0, next="bye")))
    assert caller.keys("#") == [BYE]
    assert caller.state.variables == {"pin": ""}


@pytest.mark.parametrize(
    ("keys", "valid"),
    [("1#", False), ("123#", False), ("12#", True), ("4234#", True), ("9999#", False), ("#", False)],
)
def test_collect_asks_again_for_what_is_invalid(keys: str, valid: bool) -> None:
    collect = Collect(
        prompt="ask",
        variable="x",
        length=(2, 4),
        allowed=("1", "42"),
        retries=1,
        next="bye",
        on_failure="bad",
    )
    caller = Caller(ends(a=collect))
    last = caller.keys(keys)
    if valid:
        assert last == [BYE]
        return
    assert last[-1] == played("invalid", "ask")
    assert caller.state.digits == ""
    assert caller.keys(keys)[-1] == actions.Hangup(cause="declined")


def test_collect_without_any_digit_leads_to_on_timeout() -> None:
    caller = Caller(ends(a=Collect(variable="x", retries=1, next="bye", on_timeout="bad")))
    assert caller.late() == [StartTimer(timer=2, seconds=5)]
    assert caller.late() == [actions.Hangup(cause="declined")]


def test_collect_goes_on_waiting_after_a_part_typed_ahead() -> None:
    nodes = ends(
        a=Play(prompt="notice", next="c", interruptible=False),
        c=Collect(prompt="ask", variable="x", max_digits=3, next="bye"),
    )
    caller = Caller(nodes)
    caller.keys("12")
    assert caller.hear(PromptsEnded()) == [StartTimer(timer=1, seconds=3)]
    assert caller.keys("3") == [BYE]
    assert caller.state.variables == {"x": "123"}


@pytest.mark.parametrize(
    ("branch", "node"),
    [
        (Branch(on="hours", calendar="office", cases={"open": "yes"}, default="no"), "yes"),
        (Branch(on="hours", calendar="night", cases={"closed": "yes"}, default="no"), "yes"),
        (
            Branch(on="hours", calendar="fiesta", cases={"holiday": "yes", "closed": "no"}, default="no"),
            "yes",
        ),
        (Branch(on="hours", calendar="fiesta", cases={"closed": "yes"}, default="no"), "yes"),
        (Branch(on="hours", calendar="unknown", cases={"open": "no"}, default="yes"), "yes"),
        (Branch(on="holiday", calendar="fiesta", cases={"yes": "yes"}, default="no"), "yes"),
        (Branch(on="holiday", calendar="office", cases={"no": "yes"}, default="no"), "yes"),
        (Branch(on="ani", cases={"+34911222333": "yes", "_+34.": "no"}, default="no"), "yes"),
        (Branch(on="ani", cases={"prefix:+34": "no", "_+349XXXXXXXX": "yes"}, default="no"), "yes"),
        (Branch(on="ani", cases={"prefix:+34": "yes", "_X.": "no"}, default="no"), "yes"),
        (Branch(on="ani", cases={"prefix:+40": "no"}, default="yes"), "yes"),
        (Branch(on="dnis", cases={"900100200": "yes"}, default="no"), "yes"),
        (Branch(on="variable", variable="unset", cases={"": "yes"}, default="no"), "yes"),
        (Branch(on="variable", variable="dnis", cases={"_900.": "yes"}, default="no"), "yes"),
        (Branch(on="language", cases={"en": "yes"}, default="no"), "yes"),
    ],
)
def test_branch(branch: Branch, node: str) -> None:
    caller = Caller({"a": branch, "yes": Hangup(), "no": Hangup(cause="declined")})
    assert caller.state.node == node


def test_set_adds_to_what_was_set_before() -> None:
    nodes = ends(
        a=Set(priority=5, skills={"sales": 2}, variables={"tier": "gold"}, next="b"),
        b=Set(skills={"spanish": 3}, language="es", next="p"),
        p=Play(prompt="welcome", next="q"),
    )
    caller = Caller(nodes)
    assert caller.asked == [played("welcome", language="es")]
    assert caller.state.variables == {"tier": "gold"}
    asked = caller.hear(PromptsEnded())
    assert asked == [actions.Enqueue(queue="sales", priority=5, skills={"sales": 2, "spanish": 3})]


def test_dial_that_does_not_give_back_ends_the_flow() -> None:
    caller = Caller(ends(a=Dial(target="trunk:carrier/+34911", ring_s=20)))
    assert caller.asked == [actions.Dial(target="trunk:carrier/+34911", give_back=False, ring_s=20)]
    assert caller.state.waiting == ""


@pytest.mark.parametrize(
    ("result", "node"),
    [("busy", "b"), ("no-answer", "n"), ("no answer", "n"), ("failed", "f"), ("unreachable", "f")],
)
def test_dial_leads_on_by_result(result: str, node: str) -> None:
    dial = Dial(target="extension:1001", on_busy="b", on_no_answer="n", on_failed="f")
    caller = Caller({"a": dial, "b": Hangup(), "n": Hangup(), "f": Hangup()})
    assert caller.asked == [actions.Dial(target="extension:1001", give_back=True, ring_s=30)]
    assert caller.state.waiting == "result"
    assert caller.keys("1") == []
    caller.hear(Returned(result=result))
    assert caller.state.node == node


def test_results_without_a_node_of_their_own_go_to_next() -> None:
    caller = Caller(ends(a=Dial(target="extension:1001", on_busy="bad", next="bye")))
    assert caller.hear(Returned(result="failed")) == [BYE]
    caller = Caller(ends(a=Dial(target="extension:1001", on_busy="bad")))
    assert caller.hear(Returned(result="failed")) == [BYE]


def test_an_extension_may_come_from_a_variable() -> None:
    nodes = ends(
        a=Collect(variable="ext", max_digits=4, next="d"),
        d=Dial(target="extension:{ext}", on_failed="bad", next="bye"),
    )
    caller = Caller(nodes)
    assert caller.keys("1001") == [actions.Dial(target="extension:1001", give_back=True, ring_s=30)]


@pytest.mark.parametrize(
    "target", ["trunk:carrier/{ext}", "extension:{unset}", "extension:{word}", "nonsense"]
)
def test_what_cannot_be_dialled_has_failed(target: str) -> None:
    nodes = ends(
        a=Set(variables={"ext": "0090012345", "word": "a@b"}, next="d"),
        d=Dial(target=target, on_busy="bye", on_failed="bad"),
    )
    caller = Caller(nodes)
    assert caller.asked == [actions.Hangup(cause="declined")]
    nodes["d"] = Dial(target=target)
    caller = Caller(nodes)
    assert caller.asked == [actions.Hangup(cause="congestion")]
    assert caller.state.problem


@pytest.mark.parametrize(
    ("target", "action"),
    [
        ("queue:support", actions.Enqueue(queue="support", priority=0, skills={})),
        ("hangup:busy", actions.Hangup(cause="busy")),
        ("extension:1001", actions.Dial(target="extension:1001", give_back=False, ring_s=30)),
        ("message:sales", actions.Dial(target="message:sales", give_back=False, ring_s=30)),
        ("play:closed", actions.Dial(target="play:closed", give_back=False, ring_s=30)),
        ("flow:nowhere", actions.Hangup(cause="congestion")),
        ("nonsense", actions.Hangup(cause="congestion")),
    ],
)
def test_transfer(target: str, action: Action) -> None:
    caller = Caller({"a": Transfer(target=target)})
    assert caller.asked == [action]
    assert caller.state.waiting == ""


def test_transfer_to_a_flow_goes_on_there() -> None:
    other = Flow(start="x", node={"x": Play(prompt="closed", next="y"), "y": Hangup()})
    caller = Caller(
        {"a": Set(variables={"k": "v"}, next="t"), "t": Transfer(target="flow:other")}, other=other
    )
    assert caller.asked == [played("closed")]
    assert (caller.state.flow, caller.state.node, caller.state.variables) == ("other", "x", {"k": "v"})
    assert caller.hear(PromptsEnded()) == [BYE]


def test_record_leads_on_by_what_was_said() -> None:
    caller = Caller(ends(a=Record(box="sales", next="bye", on_empty="bad")))
    assert caller.asked == [RecordMessage(box="sales")]
    assert caller.hear(Returned(result="recorded")) == [BYE]
    caller = Caller(ends(a=Record(box="sales", next="bye", on_empty="bad")))
    assert caller.hear(Returned(result="empty")) == [actions.Hangup(cause="declined")]
    caller = Caller(ends(a=Record(box="sales")))
    assert caller.hear(Returned(result="empty")) == [BYE]


def test_hangup_has_a_cause() -> None:
    assert Caller({"a": Hangup(cause="busy")}).asked == [actions.Hangup(cause="busy")]


def test_circles_without_a_wait_end_the_call() -> None:
    caller = Caller({"a": Set(next="b"), "b": Set(next="a")})
    assert caller.asked == [actions.Hangup(cause="congestion")]
    assert str(MAX_NODES) in caller.state.problem


def test_dangling_nodes_and_flows_end_the_call() -> None:
    assert Caller({}).asked == [actions.Hangup(cause="congestion")]
    caller = Caller({"a": Play(prompt="x", next="gone")})
    assert caller.hear(PromptsEnded()) == [actions.Hangup(cause="congestion")]
    assert "main.gone" in caller.state.problem


def test_begin_enters_the_node_again_after_a_crash() -> None:
    caller = Caller(ends(a=Set(priority=3, next="m"), m=Menu(prompt="menu", keys={"1": "q"}, retries=5)))
    caller.keys("7")
    assert caller.hear(Begin()) == [played("menu")]
    assert (caller.state.node, caller.state.attempt, caller.state.priority) == ("m", 0, 3)


@pytest.mark.parametrize("waiting", [PromptsEnded(), TimerFired(timer=1), Returned(result="busy")])
def test_a_node_that_a_reload_made_another_kind_is_entered_anew(waiting: Input) -> None:
    state = {PromptsEnded: "prompt", TimerFired: "key", Returned: "result"}[type(waiting)]
    flows = {"main": Flow(start="a", node={"a": Hangup(cause="busy")})}
    now = FlowState(flow="main", node="a", language="en", waiting=state, timer=1)
    _, asked = step(flows, now, waiting, CONTEXT)
    assert asked == (actions.Hangup(cause="busy"),)


def test_a_node_that_a_reload_removed_ends_the_call() -> None:
    now = FlowState(flow="main", node="a", language="en", waiting="prompt")
    after, asked = step({}, now, PromptsEnded(), CONTEXT)
    assert asked == (actions.Hangup(cause="congestion"),)
    assert after.waiting == "" and "main.a" in after.problem
