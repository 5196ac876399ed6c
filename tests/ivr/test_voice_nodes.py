"""Proves the words of callers and the keys of names, who is found in a directory, and that spoken answers, texts and
directories end for every input: a property over random keys, timers, transcripts and failures.

Does not prove whole calls: `tests/story/test_voice_story.py` does.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.config.flow import Flow, Hangup, Menu
from softswitch.config.voice_nodes import Directory, Hear, Speak
from softswitch.ivr.actions import (
    Begin,
    FlowContext,
    Input,
    Key,
    PlayPrompts,
    PromptsEnded,
    StartTimer,
    TimerFired,
)
from softswitch.ivr.check import check_flows
from softswitch.ivr.directory import found
from softswitch.ivr.fault import KnownNames
from softswitch.ivr.speak import fixed_text
from softswitch.ivr.step import begin, step
from softswitch.ivr.voice_actions import Heard, Listen, Person, SpeechBegan, StopListening
from softswitch.ivr.words import first_case, keys_of, name_keys, words

PEOPLE = tuple(
    Person(name=name, target=target, keys=name_keys(name))
    for name, target in (
        ("Ana Ruiz", "agent:ana"),
        ("Ștefan Popescu", "extension:1003"),
        ("María José Núñez", "extension:1004"),
        ("Ana Ruiz", "extension:1001"),
        ("Søren O'Brien", "extension:1005"),
    )
)
CONTEXT = FlowContext(
    ani="+34600000001",
    dnis="700",
    open={},
    holiday={},
    local_time=(12, 0),
    people=PEOPLE,
)
NODES = {
    "hear": Hear(
        prompt="menu",
        recogniser="local",
        cases={"yes": "say", "no thank you": "find"},
        keys={"1": "say"},
        next="hear_again",
        on_failure="find",
        retries=2,
    ),
    "hear_again": Hear(recogniser="local", next="say"),
    "say": Speak(text="You said {heard}.", next="find"),
    "find": Directory(retries=2, on_failure="over", next="over"),
    "over": Hangup(),
}
FLOWS = {"main": Flow(start="hear", node=NODES)}


def test_words_and_keys() -> None:
    assert words("¿Mi FACTURA, Ștefan? Größe!") == ("mi", "factura", "stefan", "grosse")
    assert keys_of("pqrs") == "7777" and keys_of("wxyz") == "9999" and name_keys("Ana Pop") == ("262", "767")
    assert name_keys("Søren Łukasz") == ("76736", "585279") and name_keys("李 小龙") == ()


def test_the_first_case_whose_words_are_heard_in_order() -> None:
    cases = {"my bill": "billing", "bill": "william", "sales": "sales"}
    assert first_case(cases, "It's about my last BILL.") == "billing"
    assert first_case(cases, "Bill, my friend") == "william"
    assert first_case(cases, "salesman") == "" and first_case(cases, "") == ""
    assert first_case({"factura": "x"}, "la fáctura") == "x"


def names(letters: str, **more: str) -> list[str]:
    return [person.target for person in found(Directory(**more), PEOPLE, letters)]  # type: ignore[arg-type]


def test_who_is_found() -> None:
    assert names("784") == ["agent:ana", "extension:1001"] and names("262") == ["agent:ana", "extension:1001"]
    assert names("262784") == ["agent:ana", "extension:1001"], "first and last name in one"
    assert names("784", by="first") == [] and names("68639", by="last") == ["extension:1004"]
    assert names("783", of="agents") == [] and names("783") == ["extension:1003"]
    assert names("627", by="first") == ["extension:1004"] and names("") == []


def test_a_check_tells_what_is_not_there() -> None:
    found = [str(problem) for problem in check_flows(FLOWS, KnownNames(prompts={"menu"}))]
    assert any("no recogniser 'local'" in text for text in found)
    assert any("no prompt 'directory-ask'" in text for text in found)


def test_fixed_texts() -> None:
    assert fixed_text(" Hello  \n you {{there}} ") == "Hello you {there}"
    assert fixed_text("Hello {ani}") == "" and fixed_text("broken {") == ""


INPUTS = st.lists(
    st.one_of(
        st.sampled_from("0123456789*#").map(lambda digit: ("key", digit)),
        st.sampled_from(
            ["prompts", "timer", "stale", "speech", "nothing", "yes", "no thank you", "what", "fault"]
        ).map(lambda what: (what, "")),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(INPUTS)
def test_whatever_happens_it_goes_on_or_ends(happened: list[tuple[str, str]]) -> None:
    state, actions = step(FLOWS, begin("main", FLOWS["main"], "en"), Begin(), CONTEXT)
    heard_by = sum(isinstance(action, Listen) for action in actions)
    stopped = 0
    for what, digit in happened:
        if not state.waiting:
            break
        spoken = {"yes": "Yes!", "no thank you": "no, thank you", "what": "what?", "nothing": ""}
        inputs: dict[str, Input] = {
            "key": Key(digit=digit or "1"),
            "prompts": PromptsEnded(),
            "timer": TimerFired(timer=state.timer),
            "stale": TimerFired(timer=state.timer - 1),
            "speech": SpeechBegan(),
            "fault": Heard(text="", problem="gone"),
            **{name: Heard(text=text) for name, text in spoken.items()},
        }
        before = state
        state, actions = step(FLOWS, state, inputs[what], CONTEXT)
        heard_by += sum(isinstance(action, Listen) for action in actions)
        stopped += sum(isinstance(action, StopListening) for action in actions)
        if before.waiting == state.waiting == "key" and before.timer != state.timer:
            assert any(isinstance(action, StartTimer) for action in actions)
        if state.node not in ("hear", "hear_again"):
            assert stopped >= heard_by, "nobody listens behind the node"
    assert not state.problem and len(state.digits) <= 13


def test_a_stale_timer_means_nothing() -> None:
    flows = {"main": Flow(start="hear", node={**NODES, "menu": Menu(prompt="menu", keys={"1": "over"})})}
    state, actions = step(flows, begin("main", flows["main"], "en"), Begin(), CONTEXT)
    assert [type(action) for action in actions] == [Listen, PlayPrompts]
    state, _ = step(flows, state, PromptsEnded(), CONTEXT)
    again, actions = step(flows, state, TimerFired(timer=state.timer - 1), CONTEXT)
    assert again == state and actions == ()
