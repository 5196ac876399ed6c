"""Proves rules of docs/conformance.md that have their test nowhere else: Record-Route, 2xx over streams, unusable answers
(RFC 3261 sections 12 and 13).
"""

from test_early_dialogs import calling, sdp
from test_reliable_provisional import ByHand, messages

from softswitch.sip.events import Refused
from softswitch.sip.message import Request, Response
from softswitch.testing.network import losing_first
from softswitch.testing.stacks import DESCRIPTION, StackWorld, description


def test_record_route_comes_back_as_it_came() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = lambda call: call.session.answer(description(7000))
    way = ["<sip:192.0.2.9;lr;x=1>;p=2, <sip:192.0.2.9:5060;lr;transport=udp;ftag=a>", "<sip:192.0.2.9;lr;q>"]
    extra = "".join(f"Record-Route: {each}\r\n" for each in way)
    answer = hand.send(hand.request("INVITE", 1, "", extra, DESCRIPTION), bob)[-1]
    assert answer.headers.get_all("Record-Route") == way
    hand.send(hand.request("ACK", 1, answer.to_tag), bob)
    bob.calls[0].session.hangup()
    world.run(0.1)
    bye = next(one for one in hand.got if isinstance(one, Request))
    assert ", ".join(bye.headers.get_all("Route")) == ", ".join(way)


def test_a_2xx_is_repeated_over_a_stream_too() -> None:
    """The transaction below repeats nothing over TCP: the core does."""
    world = StackWorld(losing_first("ACK", 3))
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call("sip:bob@192.0.2.2;transport=tcp", transport="tcp")
    world.run(10.0)
    assert len(messages(world, "INVITE", 200)) == len(messages(world, "ACK")) == 4
    assert call.session.state == bob.calls[0].session.state == "confirmed"


def test_an_answer_that_cannot_be_read_is_acknowledged_and_hung_up() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    hand.send(hand.respond(invite, 200, "one", "", b"v=1\r\nnonsense\r\n"), alice)
    asked = [one.method for one in hand.got if isinstance(one, Request)]
    assert asked == ["INVITE", "ACK", "BYE"]
    assert isinstance(call.events[-1], Refused)
    hand.send(hand.respond(invite, 200, "one", "", sdp(6000)), alice)
    acks = [one for one in hand.got if isinstance(one, Request) and one.method == "ACK"]
    assert len(acks) == 2, "also for the repetition"
    assert not [one for one in hand.got if isinstance(one, Response)]
