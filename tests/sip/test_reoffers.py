"""Proves new offers inside a session: re-INVITE and UPDATE in both directions, glare, the second offer, late offers, and
that a failed one changes nothing (RFC 3261 section 14, RFC 3311).

Does not prove what is in the descriptions.
"""

import pytest

from softswitch.sip.events import Acked, HungUp, ReofferAnswered, Reoffered, ReofferRefused
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.sdp import SessionDescription
from softswitch.testing.network import Packet, losing_first
from softswitch.testing.stacks import Call, StackWorld, description


def talking(world: StackWorld) -> tuple[Call, Call]:
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call("sip:bob@192.0.2.2")
    world.run(1.0)
    assert call.session.state == bob.calls[0].session.state == "confirmed"
    return call, bob.calls[0]


def inject(world: StackWorld, request: Request, *, to_bob: bool = True) -> list[Response]:
    """Send a request made by hand and give back what is answered to it."""
    sender, receiver = world.peers if to_bob else world.peers[::-1]
    before = len(world.network.packets)
    world.network.send(request.to_bytes(), sender.place["udp"], receiver.place["udp"], world.now)
    world.run(0.1)
    answers = (parse_message(packet.data) for packet in world.network.packets[before + 1 :])
    branch = request.top_via.branch
    return [one for one in answers if isinstance(one, Response) and one.top_via.branch == branch]


def by_hand(call: Call, method: str, branch: str, body: bytes = b"") -> Request:
    dialog = call.session.dialog
    assert dialog is not None
    headers = [("Contact", "<sip:alice@192.0.2.1:5060>")]
    if body:
        headers.append(("Content-Type", "application/sdp"))
    return dialog.request(
        method, via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{branch}", headers=headers, body=body
    )


@pytest.mark.parametrize("caller_offers", [True, False])
def test_an_offer_is_answered_and_the_call_goes_on(caller_offers: bool) -> None:
    world = StackWorld()
    call, other = talking(world) if caller_offers else talking(world)[::-1]
    call.session.reinvite(lambda: description(4002))
    world.run(0.1)
    offered = other.events[-1]
    assert isinstance(offered, Reoffered) and offered.sdp is not None
    assert offered.sdp.media[0].port == 4002
    other.session.accept_reoffer(description(5002))
    world.run(0.1)
    answered = call.events[-1]
    assert isinstance(answered, ReofferAnswered) and answered.sdp is not None
    assert answered.sdp.media[0].port == 5002
    call.session.hangup()
    world.run(80.0)
    assert isinstance(other.events[-1], HungUp)
    assert [peer.stack.transactions for peer in world.peers] == [0, 0]
    assert [len(peer.stack.timers) for peer in world.peers] == [0, 0]


def test_a_refused_offer_leaves_the_call_as_it_was() -> None:
    world = StackWorld()
    call, other = talking(world)
    call.session.reinvite(lambda: description(4002))
    world.run(0.1)
    other.session.refuse_reoffer(488)
    world.run(0.1)
    assert call.events[-1] == ReofferRefused(status=488, reason="Not Acceptable Here")
    assert call.session.state == other.session.state == "confirmed"


def test_both_offer_at_once_get_491_and_the_randomised_retry_settles_it() -> None:
    world = StackWorld()
    call, other = talking(world)
    call.session.reinvite(lambda: description(4002))
    other.session.reinvite(lambda: description(5002))
    for _ in range(80):
        world.run(0.1)
        for one, port in ((call, 4002), (other, 5002)):
            if one.events and isinstance(one.events[-1], Reoffered):
                one.session.accept_reoffer(description(port))
    answers = [parse_message(packet.data) for packet in world.network.packets]
    assert sum(isinstance(one, Response) and one.status == 491 for one in answers) >= 2
    for one in (call, other):
        assert "ReofferRefused" not in one.kinds()
        assert one.kinds().count("ReofferAnswered") == 1
    invites = [p for p in world.network.packets if p.data.startswith(b"INVITE")]
    begun = invites[1].sent
    owners = [p.sent - begun for p in invites[3:] if p.sender == world.peers[0].place["udp"]]
    others = [p.sent - begun for p in invites[3:] if p.sender == world.peers[1].place["udp"]]
    assert 0.0 <= others[0] <= 2.1
    assert others[0] < owners[0] <= 4.1


def test_offers_made_while_one_is_open_wait_and_only_the_last_one_counts() -> None:
    world = StackWorld()
    call, other = talking(world)
    for port in (4002, 4004, 4006):
        call.session.reinvite(lambda port=port: description(port))
    world.run(0.1)
    other.session.accept_reoffer(description(5002))
    world.run(0.1)
    offered = [event for event in other.events if isinstance(event, Reoffered)]
    assert [event.sdp.media[0].port for event in offered if event.sdp] == [4002, 4006]


def test_a_second_offer_before_the_first_is_answered_gets_500_with_retry_after() -> None:
    world = StackWorld()
    call, _other = talking(world)
    first = inject(world, by_hand(call, "INVITE", "one", description().serialize()))
    assert [response.status for response in first] == [100]
    second = inject(world, by_hand(call, "INVITE", "two", description().serialize()))
    assert [response.status for response in second] == [500]
    assert 0 <= int(second[0].headers.get("Retry-After") or "-1") <= 10


def test_an_invite_without_offer_gets_ours_and_the_answer_comes_in_the_ack() -> None:
    world = StackWorld()
    call, other = talking(world)
    asked = by_hand(call, "INVITE", "late")
    inject(world, asked)
    assert other.events[-1] == Reoffered(sdp=None)
    other.session.accept_reoffer(description(5002))
    world.run(0.1)
    clash = inject(world, by_hand(call, "INVITE", "clash", description().serialize()))
    assert [response.status for response in clash] == [491]
    dialog = call.session.dialog
    assert dialog is not None
    ack = dialog.request(
        "ACK",
        via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKack",
        number=asked.cseq.number,
        headers=(("Content-Type", "application/sdp"),),
        body=description(4008).serialize(),
    )
    inject(world, ack)
    acked = other.events[-1]
    assert isinstance(acked, Acked) and acked.sdp is not None
    assert acked.sdp.media[0].port == 4008


def test_update_with_an_offer_is_answered_at_once_and_without_one_by_us_alone() -> None:
    world = StackWorld()
    call, other = talking(world)
    told = len(other.events)
    assert [r.status for r in inject(world, by_hand(call, "UPDATE", "empty"))] == [200]
    assert len(other.events) == told
    assert inject(world, by_hand(call, "UPDATE", "offer", description(4010).serialize())) == []
    before = len(world.network.packets)
    other.session.accept_reoffer(description(5010))
    world.run(0.1)
    answers = [parse_message(packet.data) for packet in world.network.packets[before:]]
    assert [(one.status, bool(one.body)) for one in answers if isinstance(one, Response)] == [(200, True)]


def test_a_cancelled_reinvite_is_over_and_the_late_answer_of_the_owner_does_nothing() -> None:
    world = StackWorld()
    call, other = talking(world)
    asked = by_hand(call, "INVITE", "cancelled", description().serialize())
    inject(world, asked)
    cancel = by_hand(call, "INVITE", "cancelled")
    cancel.method = "CANCEL"
    cancel.headers.set("CSeq", f"{asked.cseq.number} CANCEL")
    answers = inject(world, cancel)
    assert sorted(response.status for response in answers) == [200, 487]
    other.session.accept_reoffer(description(5002))
    world.run(0.1)
    assert other.session.state == "confirmed"


def test_bye_ends_an_offer_that_is_still_open_with_487() -> None:
    world = StackWorld()
    call, other = talking(world)
    inject(world, by_hand(call, "INVITE", "open", description().serialize()))
    before = len(world.network.packets)
    other.session.hangup()
    world.run(0.6)
    lines = world.network.lines(before)
    assert any(line.startswith("SIP/2.0 487") for line in lines)
    assert any(line.startswith("BYE ") for line in lines)


def test_481_to_a_reinvite_ends_the_session() -> None:
    world = StackWorld()
    call, other = talking(world)
    world.peers[1].stack.forget_session(other.session.call_id, other.session.local_tag)
    call.session.reinvite(lambda: description(4002))
    world.run(1.0)
    assert call.kinds()[-2:] == ["ReofferRefused", "HungUp"]
    assert call.session.state == "terminated"


def test_a_reinvite_that_nobody_answers_ends_the_session() -> None:
    world = StackWorld()
    call, _other = talking(world)

    def deaf(packet: Packet) -> float | None:
        return None

    world.network.script = deaf
    call.session.reinvite(lambda: description(4002))
    world.run(40.0)
    assert call.kinds()[-2:] == ["ReofferRefused", "HungUp"]


def test_the_ack_of_our_reinvite_is_repeated_when_its_2xx_is() -> None:
    world = StackWorld()
    call, other = talking(world)
    world.network.script = losing_first("ACK", 2)
    call.session.reinvite(lambda: description(4002))
    world.run(0.1)
    other.session.accept_reoffer(description(5002))
    world.run(10.0)
    acks = [p for p in world.network.packets if p.data.startswith(b"ACK") and p.sent > 1.0]
    assert len(acks) == 3
    assert call.kinds().count("ReofferAnswered") == 1
    call.session.hangup()
    world.run(80.0)
    assert [len(peer.stack.timers) for peer in world.peers] == [0, 0]


def test_a_moved_contact_moves_the_target_of_what_follows() -> None:
    world = StackWorld()
    call, other = talking(world)
    asked = by_hand(call, "INVITE", "moved", description().serialize())
    asked.headers.set("Contact", "<sip:alice@192.0.2.77:5070>")
    inject(world, asked)
    other.session.accept_reoffer(description(5002))
    other.session.send_info("text/plain", b"x")
    world.run(0.1)
    info = next(p for p in world.network.packets if p.data.startswith(b"INFO"))
    assert info.first_line == "INFO sip:alice@192.0.2.77:5070 SIP/2.0"
    assert (info.receiver.address, info.receiver.port) == ("192.0.2.77", 5070)


def _waiting_offer(world: StackWorld) -> tuple[Call, Call, list[int]]:
    """Alice's offer has met one of Bob's and waits for its second try; what she is asked to describe is counted."""
    call, other = talking(world)
    asked: list[int] = []

    def describe() -> SessionDescription:
        asked.append(len(asked))
        return description(4002 + 2 * len(asked))

    call.session.reinvite(describe)
    other.session.reinvite(lambda: description(5002))
    world.run(0.05)
    assert asked == [0]
    return call, other, asked


def test_an_offer_that_waited_is_made_anew_once_the_peer_has_changed_the_session() -> None:
    """What was described before the peer's offer is older than the answer to it, and so is its version."""
    world = StackWorld()
    call, other, asked = _waiting_offer(world)
    for _ in range(100):
        world.run(0.1)
        for one, port in ((call, 4100), (other, 5100)):
            if one.events and isinstance(one.events[-1], Reoffered):
                one.session.accept_reoffer(description(port))
    offered = [event.sdp for event in other.events if isinstance(event, Reoffered)]
    assert [sdp.media[0].port for sdp in offered if sdp] == [4006]
    assert asked == [0, 1]


def test_an_offer_that_met_another_is_tried_again_as_it_was() -> None:
    world = StackWorld()
    call, other = talking(world)
    asked: list[int] = []

    def describe() -> SessionDescription:
        asked.append(len(asked))
        return description(4002)

    call.session.reinvite(describe)
    world.run(0.002)
    [invite] = [each for each in world.network.packets if each.data.startswith(b"INVITE")][1:]
    refusal = make_response(parse_message(invite.data), 491)  # type: ignore[arg-type]
    world.network.send(refusal.to_bytes(), invite.receiver, invite.sender, world.now)
    world.run(0.1)
    other.session.refuse_reoffer(500)
    world.run(5.0)
    assert isinstance(other.events[-1], Reoffered) and asked == [0]
