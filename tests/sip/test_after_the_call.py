"""Proves what becomes of messages that come after a call, while its transactions linger: copies of a 2xx, other forks, a
late CANCEL, copies of requests; and that those transactions hold nothing of the call.

Does not prove what they do before it is over; `test_sessions.py` and `test_transactions.py` do.
"""

import gc
import weakref

from softswitch.sip.events import HungUp
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.request_forms import cancel_of
from softswitch.sip.session import Session
from softswitch.testing.stacks import StackPeer, StackWorld, description

BOB = "sip:bob@192.0.2.2"


def over(world: StackWorld) -> tuple[StackPeer, StackPeer]:
    """Alice has called Bob and hung up, not long ago."""
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call(BOB)
    world.run(1.0)
    call.session.hangup()
    world.run(0.1)
    ended = bob.calls[0].events[-1]
    assert isinstance(ended, HungUp)
    ended.accept()
    world.run(0.1)
    assert (call.session.state, bob.calls[0].session.state) == ("terminated", "terminated")
    return alice, bob


def sent(world: StackWorld, kind: type[Request] | type[Response], what: str) -> list[Request | Response]:
    messages = [parse_message(packet.data) for packet in world.network.packets]
    return [each for each in messages if isinstance(each, kind) and each.start_line.startswith(what)]


def first_invite(world: StackWorld) -> Request:
    invite = sent(world, Request, "INVITE ")[0]
    assert isinstance(invite, Request)
    return invite


def heard(world: StackWorld, sender: StackPeer, receiver: StackPeer, data: bytes) -> list[str]:
    """Start lines of what goes over the network by that."""
    before = len(world.network.packets)
    world.network.send(data, sender.place["udp"], receiver.place["udp"], world.now)
    world.run(0.1)
    return [packet.first_line for packet in world.network.packets[before + 1 :]]


def test_a_2xx_that_comes_again_gets_its_ack_again() -> None:
    world = StackWorld()
    alice, bob = over(world)
    ack = sent(world, Request, "ACK ")[0]
    answer = next(each for each in sent(world, Response, "SIP/2.0 200") if each.cseq.method == "INVITE")
    for _ in range(2):
        assert len(heard(world, bob, alice, answer.to_bytes())) == 1
    assert [each.to_bytes() for each in sent(world, Request, "ACK ")] == [ack.to_bytes()] * 3


def test_a_2xx_of_another_fork_is_acknowledged_and_hung_up_once() -> None:
    world = StackWorld()
    alice, bob = over(world)
    fork = make_response(
        first_invite(world), 200, to_tag="other", headers=(("Contact", "<sip:other@192.0.2.2:5060>"),)
    )
    first = heard(world, bob, alice, fork.to_bytes())
    assert [line.split()[:2] for line in first[:2]] == [
        ["ACK", "sip:other@192.0.2.2:5060"],
        ["BYE", "sip:other@192.0.2.2:5060"],
    ]
    assert [line.split()[0] for line in heard(world, bob, alice, fork.to_bytes())] == ["ACK"]
    bye = sent(world, Request, "BYE ")[-1]
    assert (bye.to_tag, bye.cseq.number) == ("other", 2)


def test_a_late_cancel_has_no_effect_and_is_answered() -> None:
    world = StackWorld()
    alice, bob = over(world)
    answer = next(each for each in sent(world, Response, "SIP/2.0 200") if each.cseq.method == "INVITE")
    cancel = cancel_of(first_invite(world))
    assert heard(world, alice, bob, cancel.to_bytes()) == ["SIP/2.0 200 OK"]
    assert sent(world, Response, "SIP/2.0 200")[-1].to_tag == answer.to_tag
    assert bob.calls[0].kinds() == ["Acked", "HungUp"]


def test_copies_of_its_requests_are_absorbed_or_answered_alike() -> None:
    world = StackWorld()
    alice, bob = over(world)
    answer = sent(world, Response, "SIP/2.0 200")[-1]
    bye = sent(world, Request, "BYE ")[0]
    assert heard(world, alice, bob, first_invite(world).to_bytes()) == []
    assert heard(world, alice, bob, bye.to_bytes()) == ["SIP/2.0 200 OK"]
    assert sent(world, Response, "SIP/2.0 200")[-1].to_bytes() == answer.to_bytes()
    assert len(bob.calls) == 1


def test_what_lingers_holds_nothing_of_the_call() -> None:
    world = StackWorld()
    gc.collect()
    gc.disable()
    try:
        alice, bob = over(world)
        assert (alice.stack.transactions, bob.stack.transactions) == (2, 2)
        session = weakref.ref(bob.calls[0].session)
        bob.calls.clear()
        assert session() is None, "freed by count, in the moment when nobody wants it any more"
    finally:
        gc.enable()
    requests = [each for each in gc.get_objects() if isinstance(each, Request) and each.method]
    sessions = [each for each in gc.get_objects() if isinstance(each, Session)]
    assert not [each for each in (*requests, *sessions) if each.call_id == "call-0-192.0.2.1"]
