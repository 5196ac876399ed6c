"""Proves that values are compared, hashed and printed like frozen dataclasses, take only names, and have no other fields.

Does not prove that nobody changes one: mypy does.
"""

import pytest

from softswitch.facts import CallAnswered, StageEntered
from softswitch.ids import CallId

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
