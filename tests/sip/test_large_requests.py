"""Proves RFC 3261 section 18.1.1: a request over 1,300 bytes goes over TCP with the Via of it, a smaller one does not; who
takes no TCP gets it as a datagram, half a second later at most, and is not asked again for a while; CANCEL goes its way.

Over a network in memory; that a closed TCP port counts as refused is `test_transport_streams.py`.
"""

from softswitch.sip.message import Request, parse_message
from softswitch.testing.stacks import Call, StackPeer, StackWorld, description

LONG = (("X-Long", "x" * 1300),)


def pair(world: StackWorld) -> tuple[StackPeer, StackPeer]:
    return world.peer("192.0.2.1"), world.peer("192.0.2.2")


def answering(call: Call) -> None:
    call.session.answer(description(5000))


def ringing(call: Call) -> None:
    call.session.ring()


def invites(world: StackWorld) -> list[tuple[str, str]]:
    """Transport it was sent over, and that of its Via."""
    found = []
    for packet in world.network.packets:
        message = parse_message(packet.data)
        if isinstance(message, Request) and message.method in ("INVITE", "CANCEL"):
            found.append((packet.receiver.transport, message.top_via.transport.lower()))
    return found


def test_a_long_invite_goes_over_tcp_and_a_short_one_does_not() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = answering
    short, long = alice.call("sip:bob@192.0.2.2"), alice.call("sip:bob@192.0.2.2", headers=LONG)
    world.run(1.0)
    assert [call.session.state for call in (short, long)] == ["confirmed", "confirmed"]
    assert invites(world) == [("udp", "udp"), ("tcp", "tcp")]


def test_who_takes_no_tcp_gets_a_datagram_and_is_not_asked_again() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = answering
    world.network.detach(bob.place["tcp"])
    alice.not_connected.add(bob.place["tcp"])
    first = alice.call("sip:bob@192.0.2.2", headers=LONG)
    world.run(0.7)
    second = alice.call("sip:bob@192.0.2.2", headers=LONG)
    world.run(1.0)
    assert [call.session.state for call in (first, second)] == ["confirmed", "confirmed"]
    assert invites(world) == [("tcp", "tcp"), ("udp", "udp"), ("udp", "udp")]


def test_cancel_goes_the_way_of_its_invite() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = ringing
    call = alice.call("sip:bob@192.0.2.2", headers=LONG)
    world.run(0.5)
    call.session.hangup()
    world.run(1.0)
    assert invites(world) == [("tcp", "tcp"), ("tcp", "tcp")]
    assert call.session.state == "terminated"
