"""Proves that metrics of audio count what facts say, under labels whose number is bounded; and how `calls show` and `cdr
show` put the legs side by side.

Does not prove who publishes these facts (tests/story/test_story_quality.py).
"""

import pytest

from softswitch.api.metrics import Metrics
from softswitch.bus import Bus
from softswitch.cli.audio import show_audio
from softswitch.facts import AudioImpaired, LegEnded
from softswitch.ids import CallId, LegId
from softswitch.testing.control import FakeControl

WHEN = {"wall": 1.0, "monotonic": 1.0}


def test_alarms_and_legs_are_counted() -> None:
    metrics, bus = Metrics(FakeControl()), Bus()
    metrics.attach(bus)
    for call in ("c1", "c2"):
        bus.publish(
            AudioImpaired(
                call=CallId(call), leg=LegId(call), kind="one-way", reason="silence", message="secret", **WHEN
            )
        )
        bus.publish(
            LegEnded(
                call=CallId(call), leg=LegId(call), direction="in", codec="PCMU", packets=9, loss=0.02, jitter_s=0.004,
                mos=3.9, rtt_s=None, **WHEN,
            )
        )  # fmt: skip
    text = metrics.text().decode()
    assert 'softswitch_audio_alarms_total{kind="one-way",reason="silence"} 2.0' in text
    assert 'softswitch_leg_mos_bucket{direction="in",le="4.0"} 2.0' in text
    assert 'softswitch_leg_mos_bucket{direction="in",le="3.6"} 0.0' in text
    assert 'softswitch_leg_loss_ratio_bucket{direction="in",le="0.03"} 2.0' in text
    assert 'softswitch_leg_jitter_seconds_count{direction="in"} 2.0' in text
    assert 'softswitch_leg_round_trip_seconds_count{direction="in"}' not in text
    assert "c1" not in text and "secret" not in text


def test_the_legs_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    legs = [
        {"party": "trunk:north", "late": 3, "mos": 4.1, "packets_lost": 7, "level_db": None, "rtt_ms": None},
        {
            "party": "endpoint:1001",
            "late": 0,
            "mos": None,
            "packets_lost": 0,
            "level_db": -21.26,
            "rtt_ms": None,
        },
        {"party": "endpoint:1002", "late": None},
    ]
    show_audio(legs)
    cells = [[cell.strip() for cell in line.split("│")] for line in capsys.readouterr().out.splitlines()]
    lines = {row[1]: row[2:4] for row in cells if len(row) > 3}
    assert "endpoint:1002" not in str(cells)
    assert lines == {**lines, "MOS (G.107)": ["4.10", "-"], "level": ["-", "-21.3 dBov"]}
    assert "round trip" not in lines, "nobody has one"
    show_audio([legs[2]])
    assert capsys.readouterr().out == ""
