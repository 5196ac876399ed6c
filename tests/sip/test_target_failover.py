"""Proves on bare stacks in virtual time that a call, a REGISTER and an OPTIONS go on at the next place of a name: at once
after 503 and a lost connection, after `target` seconds of silence, each time with a new branch and the same Call-ID; that
late answers of a place that was left are cancelled or hung up; that dead places are tried last, asked again, and used
again.

Does not prove DNS (`test_resolver.py`), nor failover between trunks (`tests/story/test_story_failover.py`).
"""

import pytest

from softswitch.sip.events import Answered, Refused
from softswitch.sip.message import Request, parse_message
from softswitch.sip.source import Source
from softswitch.sip.stack_settings import StackSettings
from softswitch.sip.timers import TimerValues
from softswitch.sip.uri import Uri
from softswitch.sip.walked_request import WalkedRequest
from softswitch.testing.network import Packet
from softswitch.testing.stacks import Call, StackPeer, StackWorld, description

FIRST, SECOND = "192.0.2.21", "192.0.2.22"
TARGET_S = 4.0


def world_of() -> tuple[StackWorld, StackPeer]:
    world = StackWorld(settings=StackSettings(timers=TimerValues(target=TARGET_S)))
    alice = world.peer("192.0.2.1")
    alice.names["carrier"] = (Source("udp", FIRST, 5060), Source("udp", SECOND, 5060))
    return world, alice


def answering(call: Call) -> None:
    call.session.ring()
    call.session.answer(description(5000))


def invites(world: StackWorld) -> list[tuple[str, Request]]:
    found = []
    for packet in world.network.packets:
        message = parse_message(packet.data)
        if isinstance(message, Request) and message.method == "INVITE":
            found.append((packet.receiver.address, message))
    return found


def heard(world: StackWorld, address: str, method: str) -> list[Packet]:
    start = method.encode() + b" "
    return [
        packet
        for packet in world.network.packets
        if packet.receiver.address == address and packet.data.startswith(start)
    ]


def at_rest(world: StackWorld, seconds: float = 70.0) -> bool:
    world.run(seconds)
    return all(not peer.stack.transactions and not peer.stack.sessions() for peer in world.peers)


def test_503_leads_on_at_once_with_a_new_branch_and_the_same_call() -> None:
    world, alice = world_of()
    first, second = world.peer(FIRST), world.peer(SECOND)
    first.on_call = lambda call: call.session.reject(503)
    second.on_call = answering
    call = alice.call("sip:1@carrier")
    world.run(1.0)
    assert call.kinds()[-1] == "Answered"
    (one, first_invite), (two, second_invite) = invites(world)
    assert (one, two) == (FIRST, SECOND)
    assert first_invite.vias[0].branch != second_invite.vias[0].branch
    assert first_invite.call_id == second_invite.call_id
    assert first_invite.cseq.number == second_invite.cseq.number
    call.session.hangup()
    assert at_rest(world)


def test_silence_leads_on_after_the_target_time() -> None:
    world, alice = world_of()
    second = world.peer(SECOND)
    second.on_call = answering
    call = alice.call("sip:1@carrier")
    world.run(TARGET_S - 0.1)
    assert not heard(world, SECOND, "INVITE")
    world.run(0.5)
    assert call.kinds()[-1] == "Answered"
    sent = len(heard(world, FIRST, "INVITE"))
    world.run(10.0)
    assert len(heard(world, FIRST, "INVITE")) == sent, "a place that was left is not bothered any more"
    call.session.hangup()
    assert at_rest(world)


def test_the_next_call_does_not_wait_for_the_dead_place() -> None:
    world, alice = world_of()
    world.peer(SECOND).on_call = answering
    alice.call("sip:1@carrier")
    world.run(TARGET_S + 1.0)
    before = len(heard(world, FIRST, "INVITE"))
    again = alice.call("sip:2@carrier")
    world.run(0.5)
    assert again.kinds()[-1] == "Answered"
    assert len(heard(world, FIRST, "INVITE")) == before


def test_a_dead_place_is_asked_and_used_again() -> None:
    world, alice = world_of()
    world.peer(SECOND).on_call = answering
    alice.call("sip:1@carrier")
    world.run(TARGET_S + 1.0)
    back = world.peer(FIRST)
    back.on_call = answering
    world.run(40.0)
    assert heard(world, FIRST, "OPTIONS"), "asked after its hold"
    assert len(alice.stack.dead_targets) == 0
    alice.call("sip:3@carrier")
    world.run(0.5)
    assert len(back.calls) == 1


def test_a_place_that_stays_dead_is_asked_less_and_less() -> None:
    world, alice = world_of()
    world.peer(SECOND).on_call = lambda call: call.session.reject(404)
    alice.call("sip:1@carrier")
    world.run(1800.0)
    branches = {parse_message(packet.data).vias[0].branch for packet in heard(world, FIRST, "OPTIONS")}
    assert 3 <= len(branches) <= 7
    assert at_rest(world, 4000.0)


@pytest.mark.parametrize("status", [404, 486, 500, 603])
def test_a_users_answer_is_the_answer(status: int) -> None:
    world, alice = world_of()
    world.peer(FIRST).on_call = lambda call: call.session.reject(status)
    second = world.peer(SECOND)
    call = alice.call("sip:1@carrier")
    world.run(1.0)
    assert isinstance(call.events[-1], Refused) and call.events[-1].status == status
    assert not second.calls


def test_503_after_ringing_is_the_answer() -> None:
    world, alice = world_of()
    first, second = world.peer(FIRST), world.peer(SECOND)
    first.on_call = lambda call: call.session.ring()
    call = alice.call("sip:1@carrier")
    world.run(1.0)
    first.calls[0].session.reject(503)
    world.run(1.0)
    assert isinstance(call.events[-1], Refused) and call.events[-1].status == 503
    assert not second.calls


def test_nobody_lives() -> None:
    world, alice = world_of()
    call = alice.call("sip:1@carrier")
    world.run(60.0)
    last = call.events[-1]
    assert isinstance(last, Refused) and (last.status, last.local) == (408, True)
    assert {address for address, _ in invites(world)} == {FIRST, SECOND}


def test_a_lost_connection_leads_on() -> None:
    world, alice = world_of()
    world.peer(SECOND).on_call = answering
    call = alice.call("sip:1@carrier")
    alice.perform(alice.stack.transport_failed(Source("udp", FIRST, 5060), world.now))
    world.run(1.0)
    assert isinstance(call.events[-1], Answered)


def delaying(world: StackWorld, address: str, seconds: float) -> None:
    """All that goes to `address` takes so long."""
    usual = world.network.script
    world.network.script = lambda packet: seconds if packet.receiver.address == address else usual(packet)


def test_a_place_that_was_left_and_rings_late_is_cancelled() -> None:
    world, alice = world_of()
    first, second = world.peer(FIRST), world.peer(SECOND)
    delaying(world, FIRST, TARGET_S + 1.0)
    first.on_call = lambda call: call.session.ring()
    second.on_call = answering
    call = alice.call("sip:1@carrier")
    world.run(20.0)
    assert call.kinds().count("Answered") == 1
    assert [type(event).__name__ for event in first.calls[0].events] == ["Cancelled"]
    assert call.session.state == "confirmed"
    call.session.hangup()
    assert at_rest(world)


def test_a_place_that_was_left_and_answers_late_is_hung_up() -> None:
    world, alice = world_of()
    first, second = world.peer(FIRST), world.peer(SECOND)
    delaying(world, FIRST, TARGET_S + 1.0)
    first.on_call = lambda call: call.session.answer(description(6000))
    second.on_call = answering
    call = alice.call("sip:1@carrier")
    world.run(30.0)
    assert call.kinds().count("Answered") == 1
    assert "HungUp" in [type(event).__name__ for event in first.calls[0].events]
    assert call.session.state == "confirmed"


def test_cancelled_while_the_first_place_is_silent() -> None:
    world, alice = world_of()
    second = world.peer(SECOND)
    call = alice.call("sip:1@carrier")
    world.run(1.0)
    call.session.hangup()
    assert at_rest(world, 4000.0)
    assert not second.calls


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "MESSAGE"])
def test_a_request_outside_dialogs_goes_on_too(method: str) -> None:
    world, alice = world_of()
    world.peer(SECOND)
    told: list[str] = []
    WalkedRequest(
        alice.stack,
        method,
        request_uri=Uri.parse("sip:carrier"),
        next_hop=Uri.parse("sip:carrier"),
        headers=lambda place: (
            ("From", "<sip:a@192.0.2.1>;tag=1"),
            ("To", "<sip:a@carrier>"),
            ("Call-ID", "outside"),
            ("CSeq", f"1 {method}"),
        ),
        on_response=lambda response, now: told.append(str(response.status)),
        on_failure=lambda cause, now: told.append(cause),
    )
    alice.perform(alice.stack.take())
    world.run(TARGET_S + 1.0)
    assert len(told) == 1 and told[0].isdigit()
    assert len(heard(world, SECOND, method)) == 1
    first = parse_message(heard(world, FIRST, method)[0].data)
    second = parse_message(heard(world, SECOND, method)[0].data)
    assert first.vias[0].branch != second.vias[0].branch
    world.run(60.0)
    assert len(told) == 1


def test_a_request_that_reaches_nobody_fails_once() -> None:
    world, alice = world_of()
    told: list[str] = []
    WalkedRequest(
        alice.stack,
        "OPTIONS",
        request_uri=Uri.parse("sip:carrier"),
        next_hop=Uri.parse("sip:nowhere"),
        headers=lambda place: (),
        on_response=lambda response, now: told.append("answered"),
        on_failure=lambda cause, now: told.append(cause),
    )
    alice.perform(alice.stack.take())
    world.run(1.0)
    assert told == ["unresolved"]
