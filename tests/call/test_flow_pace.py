"""Proves that a flow which goes on by itself too often within a second has to rest, and one that does not, never.

Does not prove that a call is held so: `tests/story/test_voice_trouble_story.py` does.
"""

from softswitch.call.flow_pace import MOST, REST_S, WITHIN_S, FlowPace


def test_a_flow_that_goes_round_rests() -> None:
    pace, now, taken = FlowPace(), 100.0, 0
    while now < 160.0:
        now += pace.rest(now)
        taken += 1
    assert taken <= (MOST + 1) * 60 / REST_S + MOST


def test_a_flow_with_waits_never_rests() -> None:
    pace = FlowPace()
    step = WITHIN_S / (MOST - 1)
    assert not any(pace.rest(100.0 + step * number) for number in range(10 * MOST))
