"""Proves: each planted fault of a flow is found at its node and key with the severity it deserves, a sound flow has none;
drawings are well-formed XML with every node and edge, boxes apart from each other; and flows in TOML are read with errors
that name the key.

Does not prove: that a drawing is beautiful.
"""

import re
import tomllib
from itertools import combinations
from xml.etree import ElementTree

import pytest
from pydantic import TypeAdapter, ValidationError

from softswitch.config.flow import Enqueue, Flow, Menu, Node
from softswitch.config.schema import Config
from softswitch.ivr.check import check_flows
from softswitch.ivr.draw import draw_dot, draw_tree
from softswitch.ivr.draw_svg import draw_svg
from softswitch.ivr.edges import edges
from softswitch.ivr.fault import KnownNames
from softswitch.ivr.prompts import PromptLibrary

SOUND = """
[flow.main]
start = "hours"
[flow.main.node.hours]
do = "branch"
on = "hours"
calendar = "office"
cases = { closed = "closed", holiday = "closed" }
default = "greet"
[flow.main.node.greet]
do = "play"
prompt = "welcome"
next = "menu"
[flow.main.node.menu]
do = "menu"
prompt = ["menu"]
keys = { 1 = "sales", 2 = "ring", 3 = "leave", "*" = "menu", "#" = "number" }
on_timeout = "leave"
on_failure = "bye"
[flow.main.node.sales]
do = "set"
skills = { sales = 3 }
priority = 5
next = "queue"
[flow.main.node.queue]
do = "enqueue"
queue = "sales"
[flow.main.node.number]
do = "collect"
prompt = "enter-extension"
variable = "ext"
length = [4]
max_digits = 4
next = "ring-it"
on_failure = "bye"
[flow.main.node.ring-it]
do = "dial"
target = "extension:{ext}"
next = "leave"
[flow.main.node.ring]
do = "dial"
target = "extension:1001"
on_busy = "leave"
next = "other"
[flow.main.node.other]
do = "transfer"
target = "flow:night"
[flow.main.node.leave]
do = "record"
box = "sales"
next = "bye"
[flow.main.node.closed]
do = "play"
prompt = "closed"
next = "leave"
[flow.main.node.bye]
do = "hangup"

[flow.night]
start = "say"
[flow.night.node.say]
do = "say"
what = "time"
next = "end"
[flow.night.node.end]
do = "hangup"
cause = "busy"
"""
KNOWN = KnownNames(
    prompts=PromptLibrary.of("", "en").names(),
    queues={"sales"},
    calendars={"office"},
    boxes={"sales"},
    endpoints={"1001"},
    trunks={"carrier"},
)


def read(text: str) -> dict[str, Flow]:
    return dict(TypeAdapter(Config).validate_python(tomllib.loads(text)).flow)


def node(text: str) -> dict[str, Flow]:
    """A flow whose first node is `text`, with nodes `bye` and `other` to lead to."""
    return read(
        f"[flow.f]\nstart = 'a'\n[flow.f.node.a]\n{text}\n[flow.f.node.bye]\ndo = 'hangup'\n"
        "[flow.f.node.other]\ndo = 'hangup'\n"
    )


def found(flows: dict[str, Flow]) -> list[tuple[str, str, str]]:
    return [
        (each.severity, f"{each.node}.{each.key}".strip("."), each.message)
        for each in check_flows(flows, KNOWN)
    ]


def test_a_sound_flow_has_no_problem() -> None:
    assert [str(problem) for problem in check_flows(read(SOUND), KNOWN)] == []


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("do='play'\nprompt='welcom'\nnext='bye'", "a.prompt", "did you mean 'welcome'"),
        ("do='play'\nprompt=''\nnext='bye'", "a.prompt", "nothing to play"),
        ("do='play'\nprompt='welcome'\nnext='by'", "a.next", "did you mean 'bye'"),
        ("do='menu'\nprompt='menu'\nkeys={1='gone'}", "a.keys.1", "no node 'gone'"),
        ("do='menu'\nprompt='menu'\nkeys={}", "a.keys", "at least one key"),
        ("do='menu'\nprompt='menu'\nkeys={1='bye'}\non_invalid='what'", "a.on_invalid", "no prompt"),
        ("do='menu'\nprompt='menu'\nkeys={1='bye'}\non_timeout='gone'", "a.on_timeout", "no node"),
        ("do='collect'\nvariable='x'\nmin_digits=5\nmax_digits=4\nnext='bye'", "a.min_digits", "no input"),
        ("do='collect'\nvariable='x'\nlength=[20]\nnext='bye'", "a.length", "20"),
        ("do='collect'\nvariable='x'\nallowed=['+3']\nnext='bye'", "a.allowed", "begin"),
        (
            "do='branch'\non='hours'\ncalendar='offic'\ncases={open='bye'}\ndefault='bye'",
            "a.calendar",
            "'office'",
        ),
        (
            "do='branch'\non='hours'\ncalendar='office'\ncases={opened='bye'}\ndefault='bye'",
            "a.cases.opened",
            "open",
        ),
        (
            "do='branch'\non='holiday'\ncalendar='office'\ncases={maybe='bye'}\ndefault='bye'",
            "a.cases.maybe",
            "yes",
        ),
        ("do='branch'\non='ani'\ncases={'_9[1'='bye'}\ndefault='bye'", "a.cases._9[1", "bracket"),
        ("do='branch'\non='ani'\ncases={'prefix:'='bye'}\ndefault='bye'", "a.cases.prefix:", "prefix"),
        ("do='say'\nwhat='number'\nvalue='1000000'\nnext='bye'", "a.value", "999999"),
        ("do='say'\nwhat='number'\nnext='bye'", "a.value", "give `value`"),
        ("do='say'\nwhat='digits'\nvalue='abc'\nnext='bye'", "a.value", "nothing to say"),
        ("do='say'\nwhat='digits'\nvalue='1'\nvariable='ani'\nnext='bye'", "a.variable", "keep one"),
        ("do='enqueue'\nqueue='sale'", "a.queue", "did you mean 'sales'"),
        ("do='record'\nbox='salse'", "a.box", "did you mean 'sales'"),
        ("do='dial'\ntarget='extension:1002'", "a.target", "no endpoint"),
        ("do='dial'\ntarget='trunk:carier/+34'", "a.target", "'carrier'"),
        ("do='dial'\ntarget='trunk:carrier/{ani}'", "a.target", "must not choose"),
        ("do='dial'\ntarget='queue:sales'", "a.target", "use `transfer`"),
        ("do='dial'\ntarget='1001'", "a.target", "no target"),
        ("do='transfer'\ntarget='flow:g'", "a.target", "no flow 'g'"),
        ("do='transfer'\ntarget='queue:none'", "a.target", "no queue"),
        ("do='transfer'\ntarget='message:none'", "a.target", "no message box"),
        ("do='transfer'\ntarget='play:none'", "a.target", "no prompt"),
        ("do='set'\nnext='a'", "a", "circle without a wait: a → a"),
        ("do='play'\nprompt='welcome'\nnext='a'", "a", "no way leads to an end"),
    ],
)
def test_planted_errors(text: str, place: str, words: str) -> None:
    errors = [(at, message) for severity, at, message in found(node(text)) if severity == "error"]
    assert any(at == place and words in message for at, message in errors), errors


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("do='play'\nprompt='welcome'\nnext='bye'", "other", "nothing leads here from 'a'"),
        ("do='play'\nprompt='welcome'\nnext='a'", "a", "round for ever: a → a"),
        ("do='menu'\nprompt='menu'\nkeys={1='bye'}\non_timeout='a'", "a", "round for ever"),
        ("do='menu'\nprompt='menu'\nkeys={1='bye'}\non_failure='a'", "a", "round for ever"),
        ("do='dial'\ntarget='extension:1001'\non_busy='a'", "a", "round for ever"),
        ("do='say'\nwhat='digits'\nvariable='nobody'\nnext='bye'", "a.variable", "no node sets"),
        ("do='dial'\ntarget='extension:{nobody}'", "a.target", "no node sets"),
        (
            "do='branch'\non='variable'\nvariable='nobody'\ncases={1='bye'}\ndefault='bye'",
            "a.variable",
            "no node sets",
        ),
        ("do='branch'\non='ani'\ndefault='bye'", "a.cases", "takes the default"),
    ],
)
def test_planted_warnings(text: str, place: str, words: str) -> None:
    warnings = [(at, message) for severity, at, message in found(node(text)) if severity == "warning"]
    assert any(at == place and words in message for at, message in warnings), warnings


def test_a_menu_that_keys_lead_back_to_is_no_circle() -> None:
    flows = node("do='menu'\nprompt='menu'\nkeys={1='a', 2='bye', 3='other'}")
    assert found(flows) == []


def test_circles_across_flows_are_found() -> None:
    one = "[flow.{0}]\nstart='t'\n[flow.{0}.node.t]\ndo='transfer'\ntarget='flow:{1}'\n"
    (error,) = found(read(one.format("x", "y") + one.format("y", "x")))
    assert error[0] == "error" and "t → y.t → t" in error[2]


def test_a_wrong_start_is_found() -> None:
    (error,) = [
        each
        for each in found(read("[flow.f]\nstart='b'\n[flow.f.node.bb]\ndo='hangup'\n"))
        if each[0] == "error"
    ]
    assert error[1] == "start"


def test_problems_read_as_a_place_and_a_message() -> None:
    (first, *_) = check_flows(node("do='enqueue'\nqueue='sale'"), KNOWN)
    assert str(first) == "error: flow.f.node.a.queue: there is no queue 'sale'; did you mean 'sales'?"


def test_known_names_come_from_the_configuration() -> None:
    config = TypeAdapter(Config).validate_python({"queue": {"sales": {}}, "message": {"box": {}}})
    known = KnownNames.of(config, frozenset({"welcome"}))
    assert "sales" in known.queues and "box" in known.boxes and "welcome" in known.prompts


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("do='plya'", ("flow", "f", "node", "a"), "'plya'"),
        ("prompt='x'", ("flow", "f", "node", "a"), "'do'"),
        (
            "do='menu'\nprompt='x'\nkeys={12='a'}",
            ("flow", "f", "node", "a", "menu", "keys", "12", "[key]"),
            "pattern",
        ),
        ("do='play'\nprompt='x'", ("flow", "f", "node", "a", "play", "next"), "required"),
        (
            "do='menu'\nprompt='x'\nkeys={}\nretries=-1",
            ("flow", "f", "node", "a", "menu", "retries"),
            "equal to 0",
        ),
        ("do='dial'\ntarget='x'\nring_s='long'", ("flow", "f", "node", "a", "dial", "ring_s"), "number"),
        (
            "do='collect'\nvariable='Ext'\nnext='a'",
            ("flow", "f", "node", "a", "collect", "variable"),
            "pattern",
        ),
    ],
)
def test_wrong_keys_are_told_by_place(text: str, place: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        node(text)
    assert any(error["loc"] == place and words in error["msg"] for error in caught.value.errors())


def test_the_svg_is_well_formed_and_whole() -> None:
    flow = read(SOUND)["main"]
    root = ElementTree.fromstring(draw_svg("a <b> & c", flow))
    space = {"s": "http://www.w3.org/2000/svg"}
    assert root.findtext("s:title", namespaces=space) == "a <b> & c"
    names = [text.text for text in root.iterfind(".//s:text[@class='name']", space)]
    assert sorted(filter(None, names)) == sorted(flow.node)
    pairs = {(name, edge.node) for name, node in flow.node.items() for edge in edges(node)}
    assert len(root.findall("s:path", space)) == len(pairs)
    boxes = [
        [float(rect.get(key, "0")) for key in ("x", "y", "width", "height")]
        for rect in root.iterfind("s:g/s:rect", space)
    ]
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(boxes, 2):
        assert x1 + w1 < x2 or x2 + w2 < x1 or y1 + h1 < y2 or y2 + h2 < y1
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    assert all(x >= 0 and x + w <= width and y >= 0 and y + h <= height for x, y, w, h in boxes)


def test_markup_in_names_is_harmless() -> None:
    flows = node("do='play'\nprompt='x\"</text><script>'\nnext='bye'")
    root = ElementTree.fromstring(draw_svg('<"', flows["f"]))
    assert not root.findall(".//{http://www.w3.org/2000/svg}script")
    assert '\\"</text>' in draw_dot("f", flows["f"])


def test_the_dot_has_every_node_and_edge() -> None:
    flow = read(SOUND)["main"]
    text = draw_dot("main", flow)
    assert text.startswith('digraph "main" {') and text.rstrip().endswith("}")
    assert text.count(" -> ") == sum(len(edges(node)) for node in flow.node.values())
    assert text.count("shape=") == len(flow.node) + 1


def test_the_tree_shows_each_node_once() -> None:
    flow = read(SOUND)["main"]
    lines = draw_tree("main", flow).splitlines()
    assert lines[:3] == ["main", "└─ hours: branch hours office", "   ├─ closed → closed: play closed"]
    for name in flow.node:
        assert sum(f" {name}: {flow.node[name].do}" in line for line in lines) == 1
    assert any(line.endswith("* → menu ↑") for line in lines)


def test_a_long_chain_is_drawn() -> None:
    text = "[flow.f]\nstart='n0'\n" + "".join(
        f"[flow.f.node.n{index}]\ndo='set'\nnext='n{index + 1}'\n" for index in range(1500)
    )
    flow = read(text + "[flow.f.node.n1500]\ndo='hangup'\n")["f"]
    assert draw_tree("f", flow).count("\n") == 1502
    ElementTree.fromstring(draw_svg("f", flow))


def test_the_label_of_an_edge_stands_above_the_node_it_leads_to() -> None:
    keys = {str(key): f"n{key}" for key in range(1, 7)}
    nodes: dict[str, Node] = {name: Enqueue(queue="sales") for name in keys.values()}
    picture = draw_svg("f", Flow(start="menu", node={"menu": Menu(prompt="menu", keys=keys), **nodes}))
    labels = {key: float(x) for x, key in re.findall(r'class="label" x="([\d.]+)" y="[\d.]+">(\d)<', picture)}
    boxes = {
        name: float(x) for x, name in re.findall(r'class="name" x="([\d.]+)" y="[\d.]+">(\w+)<', picture)
    }
    for key, x in labels.items():
        assert min(keys.values(), key=lambda name: abs(boxes[name] - x)) == keys[key]
    assert labels.keys() == keys.keys()
