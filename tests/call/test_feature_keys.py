"""Proves that feature keys are told from each other and from ordinary keys, that a number follows where one is taken, and
how it is given up.

Does not prove what comes of them; for that see `tests/story/test_transfer_story.py`.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.call.keys import LONGEST_NUMBER, Begun, FeatureKeys, GivenUp, Pressed
from softswitch.call.rights import EVERYBODY, may_supervise

CODES = {"record": "*1", "mask": "*2", "transfer": "*3", "consult": "*4", "back": "*5", "three_way": "*6"}


def pressed(keys: FeatureKeys, text: str) -> list[object]:
    return [what for what in map(keys.press, text) if what is not None]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("*1", [Pressed("record")]),
        ("12*1", [Pressed("record")]),
        ("**1", [Pressed("record")]),
        ("*31002#", [Begun("transfer"), Pressed("transfer", "1002")]),
        ("*4#", [Begun("consult"), GivenUp()]),
        ("*312*", [Begun("transfer"), GivenUp()]),
        (
            "*31#*41#",
            [Begun("transfer"), Pressed("transfer", "1"), Begun("consult"), Pressed("consult", "1")],
        ),
        ("1#2#345", []),
    ],
)
def test_what_keys_mean(text: str, what: list[object]) -> None:
    assert pressed(FeatureKeys(CODES), text) == what


def test_an_empty_code_is_off() -> None:
    assert pressed(FeatureKeys({**CODES, "record": ""}), "*1") == []


def test_a_number_without_end_is_given_up() -> None:
    keys = FeatureKeys(CODES)
    assert pressed(keys, "*3" + "1" * (LONGEST_NUMBER + 1)) == [Begun("transfer"), GivenUp()]
    assert not keys.collecting


def test_a_number_given_up_by_time_leaves_nothing() -> None:
    keys = FeatureKeys(CODES)
    pressed(keys, "*312")
    keys.give_up()
    assert pressed(keys, "34#") == []


@given(st.text(alphabet="0123456789*#ABCD", max_size=200))
def test_whatever_is_pressed_a_number_is_digits_and_bounded(text: str) -> None:
    for what in pressed(FeatureKeys(CODES), text):
        if isinstance(what, Pressed) and what.number:
            assert len(what.number) <= LONGEST_NUMBER and not set(what.number) & set("*#")


def test_rights_are_queues_or_everybody() -> None:
    assert may_supervise({EVERYBODY}, ())
    assert may_supervise({"sales"}, ("support", "sales"))
    assert not may_supervise({"sales"}, ("support",)) and not may_supervise(frozenset(), ("support",))
