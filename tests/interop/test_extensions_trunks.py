"""Proves calls between extensions and over trunks, with scripted phones, SIPp and baresip.

Extension to extension, an agent out through a trunk, hold and resume from both sides, a trunk that registers outward at a
SIPp registrar, a trunk that goes down and comes up again; and what callers without a route or a codec are told.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, agent, phone, queue, trunk
from tools.peers.g711 import unique_frames
from tools.peers.ports import free_port
from tools.peers.rtp_party import RtpParty, compare
from tools.peers.scenario import Scenario
from tools.peers.sip_party import NoAnswer
from tools.peers.sip_text import sdp
from tools.peers.sipp import Sipp
from tools.peers.softphone import Softphone
from tools.peers.speech import HEARD, correlation, sentence
from tools.peers.switch import StartSwitch, Switch, wait_for


def _config(**trunks: Any) -> dict[str, Any]:
    return {
        "trunk": {"carrier": trunk(), **trunks},
        "endpoint": {"1001": phone("one"), "1002": phone("two"), "1003": phone("three")},
        "agent": {"ana": agent("1001")},
        "queue": {"support": queue(["ana"])},
        "route": {
            "600": {"to": "queue:support"},
            "602": {"to": "extension:1002", "source": ["trunk:carrier"]},
            "1001": {"to": "extension:1001"},
            "1002": {"to": "extension:1002"},
            "1003": {"to": "extension:1003"},
            "_0X.": {"to": "trunk:carrier", "strip": 1, "prepend": "+34", "source": ["endpoint:*"]},
        },
    }


def _phone(switch: Switch, user: str, password: str, address: str) -> Softphone:
    return Softphone(user, address, switch.sip, password=password).register()


def _talk(one: Softphone, other: Softphone, seed: int) -> None:
    """Both speak; every packet is heard, bit by bit."""
    first, second = unique_frames(50, seed), unique_frames(50, seed + 1)
    since = time.monotonic()
    one.rtp.play(first)
    other.rtp.play(second)
    assert one.rtp.wait_played() and other.rtp.wait_played()
    one.rtp.wait_packets(4)
    assert compare(first, other.rtp.payloads(since=since)).bit_exact
    assert compare(second, one.rtp.payloads(since=since)).bit_exact


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("switch"), _config()) as running:
        yield running


def test_extension_to_extension(switch: Switch) -> None:
    with (
        _phone(switch, "1001", "one", "127.0.0.21") as ana,
        _phone(switch, "1002", "two", "127.0.0.22") as ben,
    ):
        ben.accept_always()
        ana.dial("1002")
        assert ben.call.request is not None
        assert ben.call.request.user("from") == "1001"
        _talk(ana, ben, 1)
        states = {line["name"]: line["state"] for line in switch.cli("lines")}
        assert (states["1001"], states["1002"], states["1003"]) == ("in use", "in use", "unreachable")
        ben.hangup()
        assert ana.call.ended.wait(3)
    row = switch.cdr(ana.call.call_id)
    assert (row["source"], row["destination"], row["ended_by"]) == (
        "endpoint:1001",
        "endpoint:1002",
        "callee",
    )
    legs = switch.wait_rows("SELECT * FROM legs WHERE call = ?", row["call"], count=2)
    assert {leg["direction"] for leg in legs} == {"in", "out"}
    assert all(leg["packets_in"] > 40 and leg["packets_lost"] == 0 for leg in legs)


@pytest.mark.parametrize(("status", "told"), [(486, 486), (603, 603), (480, 480), (404, 404), (500, 500)])
def test_a_refusal_is_passed_on(switch: Switch, status: int, told: int) -> None:
    with (
        _phone(switch, "1001", "one", "127.0.0.21") as ana,
        _phone(switch, "1002", "two", "127.0.0.22") as ben,
    ):
        call = ana.sip.call("1002", ana.media)
        ana.sip.authenticate(call, call.wait(401, 407))
        ben.ring().reject(status, "No")
        assert call.wait().status == told


def test_cancel_stops_the_ringing(switch: Switch) -> None:
    with (
        _phone(switch, "1001", "one", "127.0.0.21") as ana,
        _phone(switch, "1002", "two", "127.0.0.22") as ben,
    ):
        call = ana.sip.call("1002", ana.media)
        ana.sip.authenticate(call, call.wait(401, 407))
        ben.ring()
        call.wait(180)
        assert call.cancel().status == 200
        assert call.wait(487).status == 487
        assert ben.call.cancelled.wait(3)
    row = switch.cdr(call.call_id)
    assert (row["ended_by"], row["cause"], row["sip_status"]) == ("caller", "cancelled", 487)


@pytest.mark.parametrize("holder", ["caller", "called"])
@pytest.mark.parametrize("way", ["sendonly", "inactive"])
def test_hold_and_resume(switch: Switch, holder: str, way: str) -> None:
    with (
        _phone(switch, "1001", "one", "127.0.0.21") as ana,
        _phone(switch, "1002", "two", "127.0.0.22") as ben,
    ):
        ben.accept_always()
        ana.dial("1002")
        _talk(ana, ben, 1)
        holding, held = (ana, ben) if holder == "caller" else (ben, ana)
        answer = holding.call.reinvite(way)
        assert answer.status == 200
        assert answer.direction() == ("recvonly" if way == "sendonly" else "inactive")
        spoken = unique_frames(25, 9)
        since = time.monotonic()
        held.rtp.play(spoken).wait_played()
        time.sleep(0.1)
        assert compare(spoken, holding.rtp.payloads(since=since)).heard == 0, (
            "a phone that holds hears the other"
        )
        assert holding.call.reinvite("sendrecv").direction() == "sendrecv"
        _talk(ana, ben, 3)
        ana.hangup()
        assert ben.call.ended.wait(3)
    assert switch.cdr(ana.call.call_id)["hold_s"] > 0.4


def test_media_that_moves_is_followed(switch: Switch) -> None:
    """A re-INVITE with another address and port: the old place hears nothing more."""
    with (
        _phone(switch, "1001", "one", "127.0.0.21") as ana,
        _phone(switch, "1002", "two", "127.0.0.22") as ben,
        RtpParty("127.0.0.25") as elsewhere,
    ):
        ben.accept_always()
        ana.dial("1002")
        _talk(ana, ben, 1)
        answer = ana.call.reinvite("sendrecv", media=(elsewhere.address, elsewhere.port))
        elsewhere.peer = answer.media()
        ana.rtp.mute()
        assert elsewhere.wait_packets(5)
        before = len(ana.rtp.received)
        spoken = unique_frames(25, 8)
        ben.rtp.play(spoken).wait_played()
        elsewhere.wait_packets(2)
        assert compare(spoken, elsewhere.payloads()).bit_exact
        assert len(ana.rtp.received) == before
        ana.hangup()


def test_a_strangers_packets_are_not_heard(switch: Switch) -> None:
    """Neither sent to nor taken from an address that was not negotiated."""
    with (
        _phone(switch, "1001", "one", "127.0.0.21") as ana,
        _phone(switch, "1002", "two", "127.0.0.22") as ben,
    ):
        ben.accept_always()
        ana.dial("1002")
        _talk(ana, ben, 1)
        injected = unique_frames(50, 66)
        with RtpParty("127.0.0.9", peer=ana.rtp.peer) as stranger:
            stranger.play(injected).wait_played()
            _talk(ana, ben, 3)
            assert stranger.received == []
        assert compare(injected, ben.rtp.payloads()).heard == 0
        ana.hangup()


def test_an_agent_calls_out_through_the_trunk(start_switch: StartSwitch) -> None:
    port = free_port(TRUNK_ADDRESS)
    config = _config()
    config["trunk"]["carrier"] = trunk(port=port, caller_number="34910000000")
    switch = start_switch(config)
    with (
        Softphone("carrier", TRUNK_ADDRESS, switch.sip, port=port) as carrier,
        _phone(switch, "1001", "one", "127.0.0.21") as ana,
    ):
        carrier.accept_always()
        ana.dial("0911222333")
        invite = carrier.call.request
        assert invite is not None
        assert invite.uri.startswith("sip:+34911222333@")
        assert invite.user("from") == "34910000000"
        state = next(view for view in switch.cli("agent") if view["agent"] == "ana")["state"]
        assert state == "occupied"
        _talk(ana, carrier, 5)
        carrier.hangup()
        assert ana.call.ended.wait(3)
    row = switch.cdr(ana.call.call_id)
    assert row["destination"] == "trunk:carrier/+34911222333"


def test_a_trunk_registers_outward_at_sipp(start_switch: StartSwitch, tmp_path: Path) -> None:
    registrar = Sipp(Scenario("registrar", "provider").registrar(expires=60, password="outside"), tmp_path / "sipp",
                     address="127.0.0.31", calls=5)  # fmt: skip
    with registrar:
        provider = {
            "host": f"sip:127.0.0.31:{registrar.port}", "options_interval_s": 0,
            "auth": {"user": "acct", "secret": "outside"}, "register": {"expires_s": 60},
        }  # fmt: skip
        switch = start_switch(_config(provider=provider))

        def state() -> str:
            return str(
                next(view for view in switch.cli("trunk") if view["trunk"] == "provider")["registration"]
            )

        wait_for(lambda: state() == "registered", 8, "the outward registration")
        requests = registrar.result().requests("REGISTER")
    assert len(requests) >= 2
    assert 'username="acct"' in requests[1].get("authorization")
    assert "outside" not in switch.log()


def test_a_trunk_goes_down_and_comes_up(start_switch: StartSwitch) -> None:
    port = free_port(TRUNK_ADDRESS)
    config = _config()
    config["trunk"]["carrier"] = trunk(port=port, options_interval_s=0.5, options_failures=2)
    config["sip"] = {"t1_ms": 50}
    switch = start_switch(config)

    def state() -> str:
        return str(next(view for view in switch.cli("trunk") if view["trunk"] == "carrier")["state"])

    with _phone(switch, "1001", "one", "127.0.0.21") as ana:
        with Softphone("carrier", TRUNK_ADDRESS, switch.sip, port=port):
            wait_for(lambda: state() == "up", 6, "the trunk up")
        wait_for(lambda: state() == "down", 15, "the trunk down")
        call = ana.sip.call("0911222333", ana.media)
        ana.sip.authenticate(call, call.wait(401, 407))
        assert call.wait(timeout=4).status in (480, 503), (
            "a call over a trunk that is down is refused at once"
        )
        with Softphone("carrier", TRUNK_ADDRESS, switch.sip, port=port) as carrier:
            wait_for(lambda: state() == "up", 8, "the trunk up again")
            carrier.accept_always()
            ana.dial("0911222333")
            ana.hangup()


def test_a_trunk_takes_no_more_than_its_channels(start_switch: StartSwitch) -> None:
    config = _config()
    config["trunk"]["carrier"] = trunk(max_channels=1)
    switch = start_switch(config)
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as first,
        Softphone("34601", TRUNK_ADDRESS, switch.sip) as second,
        _phone(switch, "1002", "two", "127.0.0.22") as ben,
    ):
        ben.accept_always()
        first.dial("602")
        refused = second.sip.call("602", second.media).wait()
        assert refused.status in (480, 486, 503)
        first.hangup()


def test_an_unknown_number_and_no_common_codec(switch: Switch) -> None:
    with Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller, _phone(switch, "1002", "two", "127.0.0.22"):
        unknown = caller.sip.call("99999", caller.media)
        assert unknown.wait().status == 404
        offer = sdp(*caller.media, laws=(18,), events=False)
        foreign = caller.sip.call("602", caller.media, body=offer)
        assert foreign.wait().status == 488
    assert switch.cdr(unknown.call_id)["cause"] == "unknown number"
    assert switch.cdr(foreign.call_id)["cause"] == "no common codec"


def test_a_stranger_dials_nothing(switch: Switch) -> None:
    """An address that is no trunk's, with a number that only trunks may call, and one that goes out."""
    with (
        Softphone("34600", "127.0.0.99", switch.sip) as stranger,
        _phone(switch, "1002", "two", "127.0.0.22") as ben,
    ):
        for number in ("602", "0911222333", "1002"):
            assert stranger.sip.call(number, stranger.media).wait().status in (401, 403, 407)
        with pytest.raises(NoAnswer):
            ben.ring(timeout=0.5)


def test_baresip_to_baresip_with_hold(switch: Switch, tmp_path: Path) -> None:
    one = Baresip(
        "1001", tmp_path / "one", switch.sip, password="one", address="127.0.0.21", speech=sentence(21)
    )
    two = Baresip(
        "1002", tmp_path / "two", switch.sip, password="two", address="127.0.0.22", speech=sentence(22)
    )
    with one, two:
        one.dial("1002")
        one.wait_event("CALL_ESTABLISHED")
        two.wait_event("CALL_ESTABLISHED")
        time.sleep(5)
        one.hold()
        time.sleep(1)
        one.resume()
        time.sleep(1)
        two.hangup()
        one.wait_event("CALL_CLOSED")
    assert correlation(sentence(22), one.heard()).score > HEARD
    assert correlation(sentence(21), two.heard()).score > HEARD
