"""Proves: what expressions read as and come to, binding and short ways included; that nothing (a variable never set, a
text that is no number, a division by zero) passes through operators and is replaced by `default`; that faults are told in
words before a call; that no text whatever makes reading or computing fail otherwise, run long or grow without bound; and
what templates make of them.

Does not prove: what flows do with them; that is `test_flow_expressions.py`.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.ivr.actions import FlowContext, FlowState
from softswitch.ivr.evaluate import evaluate
from softswitch.ivr.expression import ExpressionError, names_in, parse
from softswitch.ivr.expression_check import judge
from softswitch.ivr.fault import KnownNames
from softswitch.ivr.functions import FORMS, FUNCTIONS
from softswitch.ivr.given import GIVEN_TYPES
from softswitch.ivr.template import Template
from softswitch.ivr.value import MAX_NUMBER, MAX_TEXT, Type, Value, converted, text_of

STATE = FlowState(
    flow="f",
    node="n",
    language="es",
    priority=3,
    variables={"points": 120, "rate": 2.5, "tier": "gold", "vip": True, "digits_typed": "0042"},
)
CONTEXT = FlowContext(
    ani="+34600111222",
    dnis="900",
    open={"office": True},
    holiday={"office": False},
    local_time=(9, 5),
    weekday=4,
    local_date=(2026, 5, 1),
    caller_name="Ana",
    source="trunk:north",
    headers={"x-customer": "77"},
)
KNOWN = KnownNames(calendars={"office"}, headers={"x-customer"})
TYPES = {
    **GIVEN_TYPES,
    "points": Type.NUMBER,
    "rate": Type.NUMBER,
    "tier": Type.TEXT,
    "vip": Type.YES_NO,
    "digits_typed": Type.TEXT,
}


def value(text: str) -> Value | None:
    return evaluate(parse(text), STATE, CONTEXT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-2 * -3", 6),
        ("7 / 2", 3.5),
        ("6 / 2", 3),
        ("7 % 4", 3),
        ("10 - 2 - 3", 5),
        ("points >= 100 and tier == 'gold'", True),
        ("not vip or points > 200", False),
        ("not (vip and points > 200)", True),
        ("tier in ['silver', 'gold']", True),
        ("points in [1, 2]", False),
        ("tier & '-' & points & '-' & vip", "gold-120-yes"),
        ("if(vip, 10, 0) + priority", 13),
        ("default(never_set, 'x')", "x"),
        ("has(never_set)", False),
        ("has(tier)", True),
        ("number(digits_typed) + 1", 43),
        ("length(ani)", 12),
        ("part(ani, 4, 3)", "600"),
        ("last(ani, 3)", "222"),
        ("digits(ani)", "34600111222"),
        ("matches(ani, '_+346X!')", True),
        ("begins(ani, '+34') and ends(ani, '2')", True),
        ("upper(tier) & lower('AB')", "GOLDab"),
        ("round(2.5) + round(0 - 2.5)", 0),
        ("floor(rate) + max(1, 5, 3) + min(2, 4) + abs(0 - 1)", 10),
        ("replace(tier, 'g', 'c')", "cold"),
        ("open('office') and not holiday('office')", True),
        ("number(header('X-Customer'))", 77),
        ("now_time & now_day & now_date", "09:05fri2026-05-01"),
        ("source == 'trunk:north' and caller_name == 'Ana' and language == 'es'", True),
        ("true and not false", True),
        ('"it\'s"', "it's"),
    ],
)
def test_what_expressions_come_to(text: str, expected: Value) -> None:
    found = value(text)
    assert found == expected and type(found) is type(expected)
    judged = judge(parse(text), TYPES, KNOWN)
    assert not judged.wrong
    assert judged.unknown in ([], ["never_set"])


@pytest.mark.parametrize(
    "text",
    [
        "never_set",
        "never_set + 1",
        "never_set == 1",
        "not never_set",
        "number('12a')",
        "1 / 0",
        "1 % 0",
        "tier + 1",
        "tier < 5",
        "points == '120'",
        "vip and never_set",
        "never_set or false",
        "if(never_set, 1, 2)",
        "open('nowhere')",
        "999999999999999 * 999999999999999",
        "matches(ani, '_[')",
        "no_such(1)",
        "if(true)",
        "min(1)",
    ],
)
def test_what_cannot_be_computed_is_nothing(text: str) -> None:
    assert value(text) is None
    assert value(f"default({text}, 'other')") == "other"


def test_one_side_decides_alone_where_it_can() -> None:
    assert value("true or never_set") is True
    assert value("never_set or true") is True
    assert value("false and never_set") is False
    assert value("never_set and false") is False
    assert value("tier in [never_set, 'gold']") is True
    assert value("tier in [never_set, 'x']") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a number, a text in quotes, a variable or a function at 1; nothing more"),
        ("1 +", "at 4"),
        ("(1", "expected ')'"),
        ("points = 1", "equal is =="),
        ("'open", "is not closed"),
        ("1 2", "expected an operator, or the end at 3; there is '2'"),
        ("a < b < c", "comparisons do not chain"),
        ("x in []", "is empty"),
        ("x in 3", "expected '['"),
        ("f(1 2)", "expected ','"),
        ("and 1", "there is 'and'"),
        ("a.b", "'.' at 2"),
        ("__import__('os').system('x')", "'.' at 17"),
        ("((((" * 10 + "1" + "))))" * 10, "nested deeper"),
        ("1" + "+1" * 300, "longer than 500"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as error:
        parse(text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tier + 1", "'+' takes a number, and this is a text; number(…) makes one of it"),
        ("points == tier", "'==' compares a number with a text"),
        ("vip < true", "does not order yes and no"),
        ("not points", "'not' takes a yes-no, and this is a number"),
        ("points and vip", "'and' takes a yes-no"),
        ("length(points)", "length() takes a text, and this is a number; text(…) makes one of it"),
        ("lenght(tier)", "there is no function 'lenght'; did you mean 'length'?"),
        ("part(tier)", "part takes 3 values, and 1 stand there"),
        ("if(points, 1, 2)", "if() takes a yes-no"),
        ("open('ofice')", "there is no calendar 'ofice'; did you mean 'office'?"),
        ("open(tier)", "open() takes the name of a calendar in quotes"),
        ("header('X-Other')", "not among those of routing.flow_headers"),
        ("matches(ani, '_X.5')", "may only stand at the end"),
        ("points in ['a']", "'in' compares a number with a text"),
    ],
)
def test_faults_are_told_before_a_call(text: str, said: str) -> None:
    assert any(said in wrong for wrong in judge(parse(text), TYPES, KNOWN).wrong)


def test_types_and_names() -> None:
    assert judge(parse("if(vip, 'a', 1)"), TYPES, KNOWN).type is Type.ANY
    assert judge(parse("default(points, 0) > 5"), TYPES, KNOWN).type is Type.YES_NO
    assert judge(parse("point & 'x'"), TYPES, KNOWN).unknown == ["point"]
    assert names_in(parse("a + f(b) in [c]")) == {"a", "b", "c"}


def test_texts_with_expressions() -> None:
    def filled(text: str) -> str:
        return Template.parse(text).fill(STATE, CONTEXT)

    assert filled("{tier}: {points * 2} {{{vip}}} {never_set}.") == "gold: 240 {yes} ."
    assert filled("plain") == "plain"
    for text in ("{", "}", "{1 +}", "{a{b}}"):
        with pytest.raises(ExpressionError):
            Template.parse(text)


def test_values_from_elsewhere() -> None:
    assert converted("12", Type.NUMBER) == 12 and converted("1e9", Type.NUMBER) is None
    assert converted(12, Type.TEXT) == "12" and converted(float("nan"), Type.NUMBER) is None
    assert converted("Yes", Type.YES_NO) is True and converted("maybe", Type.YES_NO) is None
    assert converted(1, Type.YES_NO) is True and converted(True, Type.NUMBER) is None
    assert converted(["a"], Type.TEXT) is None and converted(10**30, Type.NUMBER) is None
    assert text_of(2.50) == "2.5" and text_of(False) == "no" and text_of(None) == ""


WORDS = [
    *FUNCTIONS,
    *FORMS,
    *("and", "or", "not", "in", "true", "(", ")", "[", "]", ",", "+", "-", "*", "/", "%", "&", "==", "<"),
    *("points", "tier", "vip", "never_set", "ani", "'x'", "'_X.'", "3", "0", "2.5", "999999999999999"),
]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)))
def test_any_text_is_read_or_refused_and_computed_without_failure(text: str) -> None:
    try:
        expression = parse(text)
    except ExpressionError as error:
        assert str(error)
        return
    found = evaluate(expression, STATE, CONTEXT)
    assert found == evaluate(expression, STATE, CONTEXT)
    judged = judge(expression, TYPES, KNOWN)
    if isinstance(found, str):
        assert len(found) <= MAX_TEXT
    elif found is not None:
        assert -MAX_NUMBER <= found <= MAX_NUMBER
    if found is not None and not judged.wrong and judged.type is not Type.ANY:
        kinds = {Type.TEXT: str, Type.YES_NO: bool, Type.NUMBER: (int, float)}
        assert isinstance(found, kinds[judged.type])


def test_texts_do_not_grow_without_bound() -> None:
    text = "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"
    for _ in range(4):
        text = f"replace({text}, 'x', 'xxxxxxxxxxxxxxxx')"
    assert len(str(value(text))) == MAX_TEXT
