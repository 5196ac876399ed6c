"""Proves that the load generator counts what happens: nothing lost on bare loopback, and every fault that it plants.

Does not prove what it costs; `python -m benchmarks.ua_load` prints that.
"""

import pytest

from benchmarks.media_load import MediaResult, Planted
from benchmarks.ua_load import LoadResult, Plan, UaLoad

pytestmark = pytest.mark.interop


def _against_itself(planted: Planted | None = None, *, rate: float = 0.0) -> LoadResult:
    plan = Plan(server=("127.0.0.20", 0), agent_port=0, calls=10 if not rate else 100, seconds=1.0, ramp=50, rate=rate,
                hold_s=0.3, media=not rate, planted=planted)  # fmt: skip
    load = UaLoad(plan)
    plan.server = load.agent_address
    return load.run()


def _media(result: LoadResult) -> MediaResult:
    assert result.media is not None
    return result.media


def test_without_faults_every_packet_arrives_as_it_left() -> None:
    result = _against_itself()
    media = _media(result)
    assert (result.connected, result.completed, result.failed) == (10, 10, 0)
    assert media.sent > 10 * 2 * 50 * 1.0
    assert (
        media.lost,
        media.corrupted,
        media.doubled,
        media.reordered,
        media.misrouted,
        media.deaf_legs,
    ) == (0,) * 6
    assert media.delay_ms["p50"] < 5


@pytest.mark.parametrize("fault", ["loss", "corruption", "doubling", "swapping"])
def test_each_planted_fault_is_seen(fault: str) -> None:
    media = _media(_against_itself(Planted(**{fault: 0.05})))
    counted = {
        "loss": media.lost,
        "corruption": media.corrupted,
        "doubling": media.doubled,
        "swapping": media.reordered,
    }
    assert counted[fault] > 15
    unseen = {
        "loss": media.corrupted,
        "corruption": media.doubled,
        "doubling": media.lost,
        "swapping": media.corrupted,
    }
    assert unseen[fault] == 0


def test_calls_a_second_all_complete() -> None:
    result = _against_itself(rate=40)
    assert (result.started, result.completed, result.failed) == (40, 40, 0)
    assert result.connect_ms["p50"] < 100
