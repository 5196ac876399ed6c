"""Proves that calls survive answers as rough peers write them: a Contact that leads nowhere, a refusal with headers that
cannot be read.

Does not prove what is done with messages that are no SIP at all (`test_stack_fuzz.py`).
"""

import pytest

from softswitch.sip.events import Answered, Refused
from softswitch.sip.message import Request, make_response, parse_message
from softswitch.testing.stacks import Call, StackPeer, StackWorld, description

BOB = "sip:bob@192.0.2.2"


def called() -> tuple[StackWorld, StackPeer, StackPeer, Call, Request]:
    """Alice has called; Bob's own stack says nothing yet, so that the test can answer in its place."""
    world = StackWorld()
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    call = alice.call(BOB)
    world.run(0.1)
    invite = parse_message(world.network.packets[0].data)
    assert isinstance(invite, Request)
    return world, alice, bob, call, invite


@pytest.mark.parametrize(
    "contact",
    ["tel:+34911", "sip:bob@pbx.invalid", "sip:bob@0.0.0.0", "sip:bob@224.0.0.1", "sip:bob@h;transport=sctp"],
)
def test_a_callee_whose_contact_leads_nowhere_is_reached_where_the_invite_went(contact: str) -> None:
    world, alice, bob, call, invite = called()
    response = make_response(
        invite,
        200,
        to_tag="b",
        headers=(("Contact", f"<{contact}>"),),
        body=description(5000).serialize(),
        content_type="application/sdp",
    )
    world.network.send(response.to_bytes(), bob.place["udp"], alice.place["udp"], world.now)
    world.run(0.1)
    assert isinstance(call.events[-1], Answered)
    call.session.hangup()
    world.run(0.1)
    sent = [packet for packet in world.network.packets if packet.first_line.startswith(("ACK", "BYE"))]
    assert [packet.first_line for packet in sent] == [f"ACK {contact} SIP/2.0", f"BYE {contact} SIP/2.0"]
    assert {packet.receiver for packet in sent} == {bob.place["udp"]}


def test_a_refusal_counts_however_its_headers_are_written() -> None:
    world, alice, bob, call, invite = called()
    refusal = make_response(
        invite, 302, to_tag="b", headers=(("Contact", "<sip:[broken"), ("Expires", "soon"))
    )
    for _ in range(2):
        world.network.send(refusal.to_bytes(), bob.place["udp"], alice.place["udp"], world.now)
        world.run(0.1)
    assert call.events == [Refused(status=302, reason="Moved Temporarily")]
    assert sum(packet.first_line.startswith("ACK") for packet in world.network.packets) == 2
