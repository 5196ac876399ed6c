"""Proves whole calls between two of our stacks in virtual time: loss by script, CANCEL and its races, 2xx until ACK, BYE
from either side, INFO, OPTIONS, forks, and that a session that is over ignores everything.

Does not prove interworking with others; `tests/interop` does.
"""

import itertools

import pytest

from softswitch.sip.events import Answered, Cancelled, HungUp, InfoReceived, Progress, Refused
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.testing.network import Packet, losing, losing_first
from softswitch.testing.stacks import Call, StackPeer, StackWorld, description

BOB = "sip:bob@192.0.2.2"


def pair(world: StackWorld) -> tuple[StackPeer, StackPeer]:
    return world.peer("192.0.2.1"), world.peer("192.0.2.2")


def answering(call: Call) -> None:
    call.session.ring()
    call.session.answer(description(5000))


def ringing(call: Call) -> None:
    call.session.ring()


def talking(world: StackWorld) -> tuple[Call, Call]:
    alice, bob = pair(world)
    bob.on_call = answering
    call = alice.call(BOB)
    world.run(1.0)
    assert (call.session.state, bob.calls[0].session.state) == ("confirmed", "confirmed")
    return call, bob.calls[0]


def at_rest(world: StackWorld) -> bool:
    """Nothing is kept of calls that are over."""
    world.run(70.0)
    return all(
        (peer.stack.transactions, peer.stack.sessions(), len(peer.stack.timers)) == (0, [], 0)
        for peer in world.peers
    )


def requests(world: StackWorld, method: str) -> list[Packet]:
    return [packet for packet in world.network.packets if packet.data.startswith(method.encode() + b" ")]


def statuses(world: StackWorld, cseq_method: str) -> list[int]:
    found = []
    for packet in world.network.packets:
        message = parse_message(packet.data)
        if isinstance(message, Response) and message.cseq.method == cseq_method:
            found.append(message.status)
    return found


def test_a_call_from_ringing_to_bye_leaves_nothing_behind() -> None:
    world = StackWorld()
    call, other = talking(world)
    assert call.kinds() == ["Progress", "Answered"]
    assert other.kinds() == ["Acked"]
    assert isinstance(call.events[1], Answered) and call.events[1].sdp is not None
    assert call.events[1].sdp.media[0].port == 5000
    assert other.session.offer is not None and other.session.offer.media[0].port == 4000
    call.session.hangup()
    world.run(0.2)
    ended = other.events[-1]
    assert isinstance(ended, HungUp)
    ended.accept()
    assert (call.session.state, other.session.state) == ("terminated", "terminated")
    assert statuses(world, "BYE") == [200]
    assert len(world.network.packets) == 7
    assert at_rest(world)


def test_bye_from_the_callee_with_a_reason_is_answered_in_half_a_second_by_itself() -> None:
    world = StackWorld()
    call, other = talking(world)
    other.session.hangup(reason_header='Q.850;cause=16;text="Normal"')
    world.run(0.4)
    assert statuses(world, "BYE") == []
    world.run(0.2)
    assert statuses(world, "BYE") == [200]
    assert isinstance(call.events[-1], HungUp)
    assert call.events[-1].reason == 'Q.850;cause=16;text="Normal"'
    assert at_rest(world)


@pytest.mark.parametrize("lost", range(9))
def test_any_one_packet_may_get_lost(lost: int) -> None:
    world = StackWorld(losing(lost))
    alice, bob = pair(world)
    bob.on_call = answering
    call = alice.call(BOB)
    world.run(10.0)
    other = bob.calls[0]
    assert (call.session.state, other.session.state) == ("confirmed", "confirmed")
    call.session.hangup()
    world.run(10.0)
    assert (call.kinds()[-1], other.kinds()[-2:]) == ("Answered", ["Acked", "HungUp"])
    assert at_rest(world)


@pytest.mark.parametrize("seed", range(20))
def test_a_third_of_all_packets_may_get_lost(seed: int) -> None:
    def script(packet: Packet) -> float | None:
        noise = (packet.number * 2654435761 + seed * 40503) % 1000
        return None if noise < 333 else 0.005 + noise / 20000

    world = StackWorld(script)
    alice, bob = pair(world)
    bob.on_call = answering
    call = alice.call(BOB)
    world.run(31.0)
    assert call.session.state == "confirmed"
    assert len(bob.calls) == 1
    call.session.hangup()
    assert at_rest(world)
    assert bob.calls[0].kinds()[-1] == "HungUp"


def test_invite_that_nobody_answers_is_sent_seven_times_and_ends_in_408() -> None:
    world = StackWorld()
    alice = world.peer("192.0.2.1")
    call = alice.call(BOB)
    world.run(33.0)
    assert [packet.sent for packet in requests(world, "INVITE")] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert call.events == [Refused(status=408, reason="timeout", local=True)]
    assert at_rest(world)


def test_2xx_is_repeated_from_t1_to_t2_until_the_ack_arrives() -> None:
    world = StackWorld(losing_first("ACK", 3))
    alice, bob = pair(world)
    bob.on_call = answering
    alice.call(BOB)
    world.run(20.0)
    sent = [p.sent for p in world.network.packets if p.first_line == "SIP/2.0 200 OK"]
    assert [round(at - sent[0], 3) for at in sent] == [0, 0.5, 1.5, 3.5]
    acks = requests(world, "ACK")
    assert len(acks) == 4
    assert len({packet.data for packet in acks}) == 1
    assert bob.calls[0].kinds() == ["Acked"]


def test_2xx_whose_ack_never_comes_ends_in_bye() -> None:
    world = StackWorld(losing_first("ACK", 100))
    alice, bob = pair(world)
    bob.on_call = answering
    call = alice.call(BOB)
    world.run(33.0)
    assert bob.calls[0].kinds() == ["AckMissing"]
    assert call.kinds()[-1] == "HungUp"
    sent = [p.sent for p in world.network.packets if p.first_line == "SIP/2.0 200 OK" and b"INVITE" in p.data]
    gaps = [round(b - a, 3) for a, b in itertools.pairwise(sent)]
    assert gaps == [0.5, 1, 2, 4, 4, 4, 4, 4, 4, 4]
    assert at_rest(world)


def test_no_bye_goes_out_before_the_ack_is_in() -> None:
    world = StackWorld(losing_first("ACK", 1))
    alice, bob = pair(world)

    def answer_and_go(call: Call) -> None:
        call.session.answer(description())
        call.session.hangup()

    bob.on_call = answer_and_go
    call = alice.call(BOB)
    world.run(0.4)
    assert requests(world, "BYE") == []
    world.run(5.0)
    assert len(requests(world, "BYE")) >= 1
    assert call.kinds() == ["Answered", "HungUp"]
    assert bob.calls[0].events == []
    assert at_rest(world)


def test_cancel_waits_for_a_provisional_then_gets_200_and_487_with_one_to_tag() -> None:
    world = StackWorld(losing_first("SIP/2.0 100", 1))
    alice, bob = pair(world)
    call = alice.call(BOB)
    world.run(0.1)
    call.session.hangup()
    world.run(0.2)
    assert requests(world, "CANCEL") == []
    world.run(2.0)
    assert len(requests(world, "CANCEL")) == 1
    assert bob.calls[0].events == [Cancelled(reason="")]
    assert statuses(world, "CANCEL") == [200]
    assert statuses(world, "INVITE")[-1] == 487
    answers = [parse_message(p.data) for p in world.network.packets if p.first_line.startswith("SIP/2.0 ")]
    tags = {m.to_tag for m in answers if isinstance(m, Response) and m.status in (200, 487)}
    assert len(tags) == 1
    assert call.events == []
    assert call.session.state == "terminated"
    assert at_rest(world)


def test_a_2xx_that_crosses_our_cancel_is_acknowledged_and_hung_up() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = ringing
    call = alice.call(BOB)
    world.run(1.0)
    call.session.hangup(reason_header="SIP;cause=200")
    bob.calls[0].session.answer(description())
    world.run(5.0)
    assert statuses(world, "CANCEL") == [200]
    assert len(requests(world, "ACK")) == 1
    assert len(requests(world, "BYE")) >= 1
    assert b"Reason: SIP;cause=200\r\n" in requests(world, "CANCEL")[0].data
    assert bob.calls[0].kinds() == ["Acked", "HungUp"]
    assert call.kinds() == ["Progress"]
    assert at_rest(world)


def test_cancel_after_our_2xx_changes_nothing() -> None:
    world = StackWorld(losing_first("SIP/2.0 200", 1))
    alice, bob = pair(world)
    bob.on_call = answering
    call = alice.call(BOB)
    world.run(0.1)
    call.session.hangup()
    world.run(0.1)
    assert statuses(world, "CANCEL") == [200]
    assert "Cancelled" not in bob.calls[0].kinds()
    assert at_rest(world)
    assert bob.calls[0].kinds() == ["Acked", "HungUp"]


def test_a_callee_that_never_ends_a_cancelled_invite_is_given_up_after_64_t1() -> None:
    world = StackWorld(
        lambda packet: None if b"487" in packet.data[:12] and b"\r\nCSeq: 1 INVITE" in packet.data else 0.005
    )
    alice, bob = pair(world)
    bob.on_call = ringing
    call = alice.call(BOB)
    world.run(1.0)
    call.session.hangup()
    world.run(31.0)
    assert call.session.state == "cancelling"
    world.run(2.0)
    assert call.session.state == "terminated"
    assert at_rest(world)


def test_a_refusal_arrives_with_its_contacts_and_retry_after() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = lambda call: call.session.reject(
        302, headers=(("Retry-After", "7 (busy)"),), contacts=("sip:a@example.com", "sip:b@example.com")
    )
    call = alice.call(BOB)
    world.run(1.0)
    assert call.events == [
        Refused(
            status=302,
            reason="Moved Temporarily",
            contacts=("sip:a@example.com", "sip:b@example.com"),
            retry_after_s=7,
        )
    ]
    assert at_rest(world)


def test_hanging_up_an_unanswered_call_refuses_it() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = lambda call: call.session.hangup(486)
    call = alice.call(BOB)
    world.run(1.0)
    assert call.kinds() == ["Refused"]
    assert statuses(world, "INVITE") == [100, 486]
    assert at_rest(world)


def test_a_callee_who_is_silent_for_three_minutes_after_ringing_is_given_up() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = lambda call: None
    call = alice.call(BOB)
    world.run(179.0)
    assert call.events == []
    world.run(2.0)
    assert call.events == [Refused(status=408, reason="timeout", local=True)]
    assert bob.calls[0].kinds() == ["Cancelled"]
    assert at_rest(world)


def test_ringing_is_repeated_each_minute() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = ringing
    call = alice.call(BOB)
    world.run(200.0)
    assert [type(event) for event in call.events] == [Progress] * 4
    call.session.hangup()
    assert at_rest(world)


def test_early_media_comes_with_183() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = lambda call: call.session.ring(183, description(7000))
    call = alice.call(BOB)
    world.run(1.0)
    progress = call.events[0]
    assert isinstance(progress, Progress) and progress.sdp is not None
    assert (progress.status, progress.sdp.media[0].port) == (183, 7000)


def test_dtmf_by_info_arrives_as_a_digit_and_other_bodies_as_they_are() -> None:
    world = StackWorld()
    call, other = talking(world)
    call.session.send_info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n")
    call.session.send_info("application/dtmf", b"11")
    call.session.send_info("text/plain", b"5")
    world.run(1.0)
    digits = [event.digit for event in other.events if isinstance(event, InfoReceived)]
    assert digits == ["5", "#", ""]
    assert statuses(world, "INFO") == [200, 200, 200]


def test_in_dialog_options_is_answered_and_an_unknown_method_is_405() -> None:
    world = StackWorld()
    call, _other = talking(world)
    dialog = call.session.dialog
    assert dialog is not None
    for method in ("OPTIONS", "PUBLISH"):
        made = dialog.request(method, via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{method}")
        alice, bob = world.peers
        world.network.send(made.to_bytes(), alice.place["udp"], bob.place["udp"], world.now)
    world.run(0.1)
    assert statuses(world, "OPTIONS") == [200]
    assert statuses(world, "PUBLISH") == [405]


def test_a_lower_cseq_is_refused_with_500_and_a_gap_is_not() -> None:
    world = StackWorld()
    call, _other = talking(world)
    dialog = call.session.dialog
    assert dialog is not None
    alice, bob = world.peers
    for number in (50, 40, 51):
        made = dialog.request("INFO", via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{number}", number=number)
        world.network.send(made.to_bytes(), alice.place["udp"], bob.place["udp"], world.now)
        world.run(0.1)
    assert statuses(world, "INFO") == [200, 500, 200]


def test_another_remote_tag_is_another_dialog() -> None:
    world = StackWorld()
    call, other = talking(world)
    dialog = call.session.dialog
    assert dialog is not None
    made = dialog.request("BYE", via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")
    made.headers.set("From", "<sip:mallory@192.0.2.1>;tag=else")
    alice, bob = world.peers
    world.network.send(made.to_bytes(), alice.place["udp"], bob.place["udp"], world.now)
    world.run(0.1)
    assert statuses(world, "BYE") == [481]
    assert other.session.state == "confirmed"


def test_a_second_2xx_from_another_fork_is_acknowledged_and_hung_up() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = answering
    call = alice.call(BOB)
    world.run(0.1)
    invite = parse_message(requests(world, "INVITE")[0].data)
    assert isinstance(invite, Request)
    fork = make_response(
        invite,
        200,
        to_tag="other",
        headers=(("Contact", "<sip:bob@192.0.2.2:5060>"),),
        body=description(6000).serialize(),
        content_type="application/sdp",
    )
    for _ in range(2):
        world.network.send(fork.to_bytes(), bob.place["udp"], alice.place["udp"], world.now)
        world.run(0.1)
    assert call.kinds() == ["Progress", "Answered"]
    assert call.session.state == "confirmed"
    to_fork = [p.first_line.split()[0] for p in world.network.packets if b";tag=other" in p.data]
    assert [line for line in to_fork if line in ("ACK", "BYE")] == ["ACK", "BYE", "ACK"]


def test_an_offer_that_cannot_be_read_is_refused_and_so_is_a_body_of_another_kind() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    for number, (kind, body, status) in enumerate(
        (("application/sdp", b"nonsense", 400), ("text/plain", b"hello", 415), ("", b"", 0))
    ):
        sample = alice.call(BOB).session
        world.run(0.1)
        invite = parse_message(requests(world, "INVITE")[-1].data)
        assert isinstance(invite, Request)
        sample.hangup()
        invite.headers.set("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb{number}")
        invite.headers.set("Call-ID", f"body-{number}")
        invite.headers.remove("Content-Type")
        if kind:
            invite.headers.set("Content-Type", kind)
        invite.body = body
        before = len(bob.calls)
        world.network.send(invite.to_bytes(), alice.place["udp"], bob.place["udp"], world.now)
        world.run(0.1)
        seen = [
            m.status
            for m in (parse_message(p.data) for p in world.network.packets)
            if isinstance(m, Response) and m.call_id == f"body-{number}" and m.status >= 300
        ]
        assert seen[:1] == ([status] if status else [])
        assert len(bob.calls) == before + (0 if status else 1)


def test_everything_asked_of_a_session_that_is_over_is_ignored() -> None:
    world = StackWorld()
    call, other = talking(world)
    call.session.hangup()
    world.run(40.0)
    before = len(world.network.packets)
    for session in (call.session, other.session):
        session.ring()
        session.answer(description())
        session.reject(486)
        session.hangup()
        session.reinvite(lambda: description())
        session.accept_reoffer(description())
        session.refuse_reoffer(488)
        session.send_info("text/plain", b"x")
    world.run(40.0)
    assert len(world.network.packets) == before
    assert (call.kinds()[-1], other.kinds()[-1]) == ("Answered", "HungUp")


def test_a_call_to_a_name_waits_for_its_address_and_can_be_hung_up_meanwhile() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = answering
    alice.names["bob.example.com"] = bob.place["udp"]
    call = alice.call("sip:bob@bob.example.com")
    world.run(1.0)
    assert call.session.state == "confirmed"
    nowhere = alice.call("sip:bob@nowhere.example.com")
    world.run(1.0)
    assert nowhere.kinds() == ["Refused"]
    secure = alice.call("sips:bob@192.0.2.2")
    world.run(1.0)
    assert secure.kinds() == ["Refused"]
