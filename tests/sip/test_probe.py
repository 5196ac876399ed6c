"""Proves probing by OPTIONS: unknown, up and down, how many failures it takes, which answers are life, late answers, pace.

Does not prove the sending.
"""

import pytest

from softswitch.sip.probe import ANSWER_WITHIN_S, Probe, ProbeRequest
from softswitch.sip.uri import Uri

URI = Uri.parse("sip:sbc.carrier.example")


def sent(probe: Probe, now: float) -> ProbeRequest:
    request = probe.tick(now)
    assert request is not None
    return request


def test_up_at_the_first_answer_and_probed_at_the_interval() -> None:
    probe = Probe(URI, 30, 2)
    assert probe.is_up and probe.state == "unknown" and probe.next_deadline() == 0
    request = sent(probe, 0)
    assert request.uri == URI and probe.tick(1) is None
    probe.response(request.number, 200, 2)
    assert (probe.state, probe.reason, probe.next_deadline()) == ("up", "", 32)
    assert probe.tick(31) is None and sent(probe, 32).number == 2


@pytest.mark.parametrize("status", [200, 301, 401, 404, 405, 481, 486, 500, 501, 603])
def test_any_answer_is_life(status: int) -> None:
    probe = Probe(URI, 30, 1)
    probe.response(sent(probe, 0).number, status, 0)
    assert probe.state == "up"


@pytest.mark.parametrize("status", [408, 502, 503, 504])
def test_but_not_these(status: int) -> None:
    probe = Probe(URI, 30, 1)
    probe.response(sent(probe, 0).number, status, 0)
    assert not probe.is_up and probe.reason.startswith(str(status))


def test_down_after_failures_in_a_row_found_out_quickly_then_at_the_interval() -> None:
    probe = Probe(URI, 30, 3)
    now, times = 0.0, []
    while probe.is_up:
        times.append(now)
        probe.failed(sent(probe, now).number, "cannot be reached", now)
        deadline = probe.next_deadline()
        assert deadline is not None
        now = deadline
    assert times == [0, ANSWER_WITHIN_S, 2 * ANSWER_WITHIN_S] and now == times[-1] + 30
    probe.response(sent(probe, now).number, 200, now)
    assert probe.state == "up"


def test_one_answer_between_failures_starts_over() -> None:
    probe = Probe(URI, 30, 2)
    probe.failed(sent(probe, 0).number, "x", 0)
    probe.response(sent(probe, 5).number, 200, 5)
    probe.failed(sent(probe, 35).number, "x", 35)
    assert probe.is_up


def test_silence_is_noticed_and_a_late_answer_counts_for_nothing() -> None:
    probe = Probe(URI, 30, 1)
    request = sent(probe, 0)
    assert probe.tick(ANSWER_WITHIN_S) is None
    assert (probe.state, probe.reason) == ("down", "no answer")
    probe.response(request.number, 200, 6)
    probe.failed(request.number, "timeout", 32)
    assert (probe.state, probe.reason) == ("down", "no answer")
    following = sent(probe, ANSWER_WITHIN_S + 30)
    probe.response(request.number, 200, 36)
    assert not probe.is_up
    probe.response(following.number, 200, 36)
    assert probe.is_up


def test_interval_zero_never_probes() -> None:
    probe = Probe(URI, 0, 2)
    assert probe.is_up and probe.next_deadline() is None and probe.tick(1e9) is None


def test_repr_shows_the_state() -> None:
    assert repr(Probe(URI, 30, 2)) == "<Probe sip:sbc.carrier.example unknown>"
