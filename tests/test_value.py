"""Proves that values are compared, hashed and printed like frozen dataclasses, take only names, stay as they
were made, and have no other fields.

Does not prove that what goes to JSON comes back: tests/rtp/test_rtp_wire.py does.
"""

from dataclasses import asdict, field, fields, replace

import pytest

from softswitch.facts import CallAnswered, StageEntered
from softswitch.ids import CallId
from softswitch.value import value

CALL = CallId("C1")


def test_equal_values_are_one_in_a_set() -> None:
    one, same = (StageEntered(call=CALL, stage="wait", wall=1.0, monotonic=2.0) for _ in range(2))
    other = StageEntered(call=CALL, stage="talk", wall=1.0, monotonic=2.0)
    assert one == same != other and len({one, same, other}) == 2
    assert repr(one) == "StageEntered(wall=1.0, monotonic=2.0, call='C1', stage='wait')"


def test_values_of_two_kinds_are_never_equal() -> None:
    assert CallAnswered(call=CALL, wall=1.0, monotonic=2.0) != StageEntered(
        call=CALL, stage="", wall=1.0, monotonic=2.0
    )


def test_a_value_has_its_fields_and_no_others() -> None:
    answered = CallAnswered(call=CALL, wall=1.0, monotonic=2.0)
    assert not hasattr(answered, "__dict__")
    with pytest.raises(TypeError):
        CallAnswered(CALL, 1.0, 2.0)  # type: ignore[misc, arg-type]


def test_a_value_stays_as_it_was_made() -> None:
    answered = CallAnswered(call=CALL, wall=1.0, monotonic=2.0)
    with pytest.raises(AttributeError):
        answered.wall = 3.0  # type: ignore[misc]
    assert replace(answered, wall=3.0) == CallAnswered(call=CALL, wall=3.0, monotonic=2.0)


def test_fields_are_those_of_what_it_builds_on_and_its_own() -> None:
    assert [each.name for each in fields(StageEntered)] == ["wall", "monotonic", "call", "stage"]
    assert asdict(StageEntered(call=CALL, stage="wait", wall=1.0, monotonic=2.0))["stage"] == "wait"


def test_each_has_a_list_of_its_own_where_the_default_is_made_anew() -> None:
    @value
    class Noted:
        notes: list[str] = field(default_factory=list)

    one, other = Noted(), Noted()
    one.notes.append("x")
    assert other.notes == [] and Noted.__qualname__.endswith("Noted")


def test_what_must_not_be_shown_is_no_field_of_a_value() -> None:
    with pytest.raises(TypeError, match="dataclass"):

        @value
        class Keyed:
            key: str = field(default="", repr=False)
