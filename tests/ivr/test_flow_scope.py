"""Proves: variables that no node sets, that no way sets, and of the wrong type are found where they are read; types are
followed through sets, lookups and sub-flows; flows that call themselves, go too deep, never return, or go round through a
sub-flow are found; a sound flow has no fault; tables of lookups are checked.

Does not prove: what flows do; that is `test_flow_expressions.py`.
"""

import tomllib

import pytest
from pydantic import TypeAdapter

from softswitch.config.schema import Config
from softswitch.ivr.check import check_flows
from softswitch.ivr.check_lookups import check_lookups
from softswitch.ivr.fault import KnownNames

LOOKUP = """
[lookup.crm]
url = "https://crm.example/c/{number}"
results = { tier = "customer.tier", points = "points as number" }
"""
PROMPTS = frozenset({"welcome", "invalid", "press-for-language"})


def config(text: str) -> Config:
    return TypeAdapter(Config).validate_python(tomllib.loads(text))


def found(text: str) -> list[tuple[str, str, str, str]]:
    """(severity, flow.node, key, message)."""
    read = config(LOOKUP + "[queue.q]\n" + text)
    return [
        (each.severity, f"{each.flow}.{each.node}", each.key, each.message)
        for each in check_flows(read.flow, KnownNames.of(read, PROMPTS))
    ]


def flow(name: str, **nodes: str) -> str:
    text = f"[flow.{name}]\nstart = {next(iter(nodes))!r}\n"
    return text + "".join(f"[flow.{name}.node.{node}]\n{keys}\n" for node, keys in nodes.items())


END = "do = 'hangup'"
SUB = flow(
    "sub",
    a="do = 'lookup'\nlookup = 'crm'\nnext = 'b'\non_error = 'c'",
    b="do = 'return'\nresult = 'known'",
    c="do = 'return'",
)


def test_a_sound_flow_with_sub_flow_and_lookup() -> None:
    main = flow(
        "main",
        a="do = 'call'\nflow = 'sub'\ngive = { number = 'ani' }\ntake = { points = 'points' }\n"
        "results = { known = 'b' }\nnext = 'e'",
        b="do = 'branch'\non = 'condition'\ncases = { 'points > 5' = 'c' }\ndefault = 'e'",
        c="do = 'set'\ncompute = { twice = 'points * 2' }\npriority = 'floor(twice)'\nnext = 'e'",
        e="do = 'enqueue'\nqueue = 'q'",
    )
    assert found(main + SUB) == []


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (
            "do = 'set'\ncompute = { x = 'nothing + 1' }",
            ("error", "compute.x", "no node sets the variable 'nothing'"),
        ),
        ("do = 'set'\ncompute = { x = 'anj' }", ("error", "compute.x", "did you mean 'ani'?")),
        ("do = 'set'\npriority = '1 +'", ("error", "priority", "the expression '1 +' cannot be read")),
        ("do = 'set'\npriority = 'ani'", ("error", "priority", "'ani' is a text; expected a number")),
        ("do = 'set'\nskills = { es = \"'x'\" }", ("error", "skills.es", "is a text; expected a number")),
        (
            "do = 'set'\ncompute = { x = '1', y = 'x & 2', z = 'y + 1' }",
            ("error", "compute.z", "'+' takes a number"),
        ),
        (
            "do = 'branch'\non = 'condition'\ncases = { 'ani' = 'end' }\ndefault = 'end'",
            ("error", "cases.ani", "expected a yes-no"),
        ),
        (
            "do = 'branch'\non = 'variable'\nvariable = 'nix'\ncases = { a = 'end' }\ndefault = 'end'",
            ("warning", "variable", "no node sets the variable 'nix'"),
        ),
        (
            "do = 'say'\nwhat = 'number'\nvalue = '{nix}'",
            ("warning", "value", "no node sets the variable 'nix'"),
        ),
        ("do = 'say'\nwhat = 'number'\nvalue = '{1'", ("error", "value", "has no counterpart")),
        (
            "do = 'lookup'\nlookup = 'crn'\non_error = 'end'",
            ("error", "lookup", "there is no lookup 'crn'; did you mean 'crm'?"),
        ),
        (
            "do = 'lookup'\nlookup = 'crm'\ngive = { nr = 'ani' }\non_error = 'end'",
            ("error", "give.nr", "has no parameter 'nr'"),
        ),
        ("do = 'lookup'\nlookup = 'crm'", ("warning", "on_error", "as if something were found")),
        ("do = 'language'", ("error", "", "settles nothing")),
        ("do = 'language'\nprefixes = { abc = 'es' }", ("error", "prefixes.abc", "no beginning of a number")),
        (
            "do = 'language'\nkeys = { 1 = 'es' }\nprompt = 'nix'",
            ("error", "prompt", "there is no prompt 'nix'"),
        ),
        ("do = 'call'\nflow = 'nix'", ("error", "flow", "there is no flow 'nix'")),
        (
            "do = 'call'\nflow = 'sub'\ntake = { x = 'pionts' }",
            ("error", "take.x", "flow 'sub' never sets 'pionts'; did you mean 'points'?"),
        ),
    ],
)
def test_planted_faults(node: str, expected: tuple[str, str, str]) -> None:
    faults = found(flow("main", a=f"{node}\nnext = 'end'" if "default" not in node else node, end=END) + SUB)
    assert [(severity, key) for severity, place, key, message in faults if place == "main.a"] == [
        expected[:2]
    ], faults
    assert expected[2] in faults[0][3]


def test_a_variable_that_only_another_way_sets() -> None:
    faults = found(
        flow(
            "main",
            a="do = 'menu'\nprompt = 'welcome'\nkeys = { 1 = 'b', 2 = 'c' }",
            b="do = 'set'\nvariables = { x = '1' }\nnext = 'end'",
            c="do = 'set'\ncompute = { y = 'x & 1' }\nnext = 'end'",
            end=END,
        )
    )
    assert faults == [("warning", "main.c", "compute.y", "no way here sets the variable 'x'")]


def test_a_variable_of_two_types_is_not_judged() -> None:
    text = flow(
        "main",
        a="do = 'menu'\nprompt = 'welcome'\nkeys = { 1 = 'b', 2 = 'c' }",
        b="do = 'set'\nvariables = { x = '1' }\nnext = 'd'",
        c="do = 'set'\ncompute = { x = '1' }\nnext = 'd'",
        d="do = 'set'\npriority = 'x'\nnext = 'end'",
        end=END,
    )
    assert found(text) == []


def test_sub_flows_do_not_see_the_variables_of_their_caller() -> None:
    faults = found(
        flow(
            "main",
            a="do = 'set'\nvariables = { x = '1' }\nnext = 'b'",
            b="do = 'call'\nflow = 'sub'\nnext = 'end'",
            end=END,
        )
        + flow("sub", a="do = 'set'\ncompute = { y = 'x & 1' }\nnext = 'b'", b="do = 'return'")
    )
    assert faults == [("warning", "sub.a", "compute.y", "no way here sets the variable 'x'")]


def test_flows_that_call_themselves_or_go_too_deep() -> None:
    circle = found(
        flow("one", a="do = 'call'\nflow = 'two'\nnext = 'b'", b="do = 'return'")
        + flow("two", a="do = 'call'\nflow = 'one'\nnext = 'b'", b="do = 'return'")
    )
    assert [each[3] for each in circle if each[0] == "error"] == ["the flow calls itself: one → two → one"]
    deep = "".join(flow(f"f{i}", a=f"do = 'call'\nflow = 'f{i + 1}'", b="do = 'return'") for i in range(9))
    assert any("more than 8 flows" in each[3] for each in found(deep + flow("f9", a="do = 'return'")))


def test_a_sub_flow_that_never_returns() -> None:
    faults = found(flow("main", a="do = 'call'\nflow = 'sub'\nnext = 'end'", end=END) + flow("sub", a=END))
    assert (
        "warning",
        "main.a",
        "flow",
        "flow 'sub' never returns; use `transfer`, or give it a `return`",
    ) in faults


def test_circles_through_sub_flows() -> None:
    main = flow("main", a="do = 'call'\nflow = 'sub'\nnext = 'a'", b="do = 'hangup'")
    at_once = found(main + flow("sub", a="do = 'set'\nnext = 'b'", b="do = 'return'"))
    assert any(each[0] == "error" and "goes in a circle without a wait: a → a" in each[3] for each in at_once)
    waiting = found(main + flow("sub", a="do = 'play'\nprompt = 'welcome'\nnext = 'b'", b="do = 'return'"))
    assert any("a caller who does nothing goes round for ever" in each[3] for each in waiting)
    twice = flow(
        "main", a="do = 'call'\nflow = 'sub'\nnext = 'b'", b="do = 'call'\nflow = 'sub'\nnext = 'c'", c=END
    )
    assert found(twice + flow("sub", a="do = 'set'\nnext = 'b'", b="do = 'return'")) == []


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ("", "url", "has either `url`, or `database` and `sql`"),
        ("url = 'https://x/'\ndatabase = 'sqlite:///x'", "url", "has either"),
        ("url = 'ftp://x/'", "url", "is no address"),
        ("url = 'https://{host}/'", "url", "the host cannot come from a call"),
        ("url = 'https://me:pw@x/'", "url", "holds a password"),
        ("url = 'https://x/'\nsql = 'select 1'", "sql", "means nothing"),
        ("url = 'https://x/'\nresults = { a = 'b as c' }", "results.a", "is no result"),
        ("url = 'https://x/'\nauth = 'bearer'", "auth", "needs a secret"),
        ("url = 'https://x/'\nsecret = 's'", "auth", "sent nowhere"),
        ("url = 'http://x/'\nsecret = 's'\nauth = 'bearer'", "url", "in clear"),
        ("database = 'postgres://x'\nsql = 'select 1'", "database", "expected sqlite:///PATH"),
        ("database = 'sqlite:///x'\nsql = 'delete from x'", "sql", "expected one SELECT"),
        ("database = 'sqlite:///x'", "sql", "expected one SELECT"),
    ],
)
def test_tables_of_lookups(table: str, key: str, said: str) -> None:
    (fault,) = [fault for _, fault in check_lookups(config(f"[lookup.l]\n{table}\n").lookup)]
    assert fault.key == key and said in fault.message
