"""Proves reliable provisionals (RFC 3262) between two of our stacks and against messages made by hand, in virtual time.

| line of the RFC | test |
| --- | --- |
| 3: with Require every 101-199, with Supported those with a description | test_a_description_..., test_without_a_... |
| 3: repeated from T1 on, doubled; after 64*T1 the INVITE gets 5xx | test_a_provisional_that_nobody_acknowledges... |
| 3: RAck must match, else 481 | test_a_prack_that_matches_nothing |
| 3: no 2xx before the PRACK of a description | test_the_answer_waits_for_the_prack |
| 3: in order, one after the other | test_several_go_out_in_order |
| 4: PRACK for each in order; repeated ones not told; gaps dropped | test_the_caller_acknowledges_in_order |
| 4: PRACK for those of a re-INVITE; the 2xx need not repeat the answer | test_a_reliable_provisional_of_a_reinvite... |
| 5: an offer in PRACK is answered in its 200; an answer in PRACK | test_an_offer_in_prack..., test_a_late_offer... |
| 8.2.2.3 of RFC 3261: 420 names what is unsupported | test_an_option_that_nobody_has |

Does not prove interworking with others; `tests/interop/test_dialogs_sipp.py` does.
"""

import itertools

import pytest

from softswitch.sip.events import Acked, AckMissing, Answered, Cancelled, Progress, ReofferAnswered, Reoffered
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.source import Source
from softswitch.testing.network import Packet, losing_first
from softswitch.testing.stacks import DESCRIPTION, Call, StackPeer, StackWorld, description

BOB = "sip:bob@192.0.2.2"
REQUIRED = (("Require", "100rel"),)


def pair(world: StackWorld) -> tuple[StackPeer, StackPeer]:
    return world.peer("192.0.2.1"), world.peer("192.0.2.2")


def messages(world: StackWorld, method: str, status: int = 0) -> list[Request | Response]:
    """Requests of a method, or responses to it, in order, repeated ones too."""
    parsed = (parse_message(packet.data) for packet in world.network.packets)
    if status == 0:
        return [one for one in parsed if isinstance(one, Request) and one.method == method]
    return [
        one
        for one in parsed
        if isinstance(one, Response) and (one.cseq.method, one.status) == (method, status)
    ]


def sent_at(world: StackWorld, start: bytes) -> list[float]:
    return [packet.sent for packet in world.network.packets if packet.data.startswith(start)]


def at_rest(world: StackWorld) -> bool:
    world.run(80.0)
    return all(
        (peer.stack.transactions, peer.stack.sessions(), len(peer.stack.timers)) == (0, [], 0)
        for peer in world.peers
    )


def hung_up(world: StackWorld, call: Call) -> bool:
    call.session.hangup()
    return at_rest(world)


def test_a_description_before_the_answer_is_acknowledged_and_not_sent_again() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = lambda call: call.session.ring(183, description(7000))
    call = alice.call(BOB)
    world.run(3.0)
    [early] = messages(world, "INVITE", 183)
    assert early.headers.get("Require") == "100rel"
    [prack] = messages(world, "PRACK")
    assert prack.headers.get("RAck") == f"{early.headers.get('RSeq')} 1 INVITE"
    assert len(messages(world, "PRACK", 200)) == 1
    bob.calls[0].session.answer(description(7000))
    world.run(1.0)
    [answer] = messages(world, "INVITE", 200)
    assert answer.body == b"", "what was answered for certain is not answered again"
    answered = call.events[-1]
    assert isinstance(answered, Answered) and answered.sdp == description(7000)
    assert hung_up(world, call)
    assert {bye.cseq.number for bye in messages(world, "BYE")} == {3}, (
        "PRACK has taken a number of the dialog"
    )


def test_without_a_description_nothing_is_reliable_unless_it_is_required() -> None:
    world = StackWorld()
    alice, bob = pair(world)
    bob.on_call = lambda call: call.session.ring(180)
    alice.call(BOB)
    world.run(1.0)
    assert "RSeq" not in messages(world, "INVITE", 180)[0].headers
    alice.call(BOB, headers=REQUIRED)
    world.run(1.0)
    assert "RSeq" in messages(world, "INVITE", 180)[1].headers
    assert len(messages(world, "PRACK")) == 1


def test_the_answer_waits_for_the_prack() -> None:
    world = StackWorld(losing_first("PRACK", 2))
    alice, bob = pair(world)

    def early_and_answer(call: Call) -> None:
        call.session.ring(183, description(7000))
        call.session.answer(description(7000))

    bob.on_call = early_and_answer
    call = alice.call(BOB)
    world.run(0.4)
    assert bob.calls[0].session.state == "awaiting PRACK"
    assert messages(world, "INVITE", 200) == []
    world.run(5.0)
    assert (call.session.state, bob.calls[0].session.state) == ("confirmed", "confirmed")
    assert sent_at(world, b"SIP/2.0 200 OK")[0] > 1.4, "the 200 of the third PRACK"
    assert hung_up(world, call)


def test_a_caller_may_cancel_while_the_answer_waits() -> None:
    world = StackWorld(losing_first("PRACK", 100))
    alice, bob = pair(world)

    def early_and_answer(call: Call) -> None:
        call.session.ring(183, description(7000))
        call.session.answer(description(7000))

    bob.on_call = early_and_answer
    call = alice.call(BOB)
    world.run(1.0)
    call.session.hangup()
    world.run(1.0)
    assert isinstance(bob.calls[0].events[-1], Cancelled)
    assert len(messages(world, "INVITE", 487)) >= 1
    assert messages(world, "INVITE", 200) == []
    assert at_rest(world)


def test_a_provisional_that_nobody_acknowledges_is_repeated_and_ends_in_504() -> None:
    world = StackWorld(losing_first("PRACK", 100))
    alice, bob = pair(world)
    bob.on_call = lambda call: call.session.ring(183, description(7000))
    call = alice.call(BOB)
    world.run(40.0)
    times = [round(at - 0.005, 2) for at in sent_at(world, b"SIP/2.0 183")]
    assert [round(b - a, 1) for a, b in itertools.pairwise(times)] == [
        0.5,
        1.0,
        2.0,
        4.0,
        8.0,
        16.0,
    ]
    assert [type(event) for event in call.events][:1] == [Progress]
    assert len([event for event in call.events if isinstance(event, Progress)]) == 1
    assert isinstance(bob.calls[0].events[-1], AckMissing)
    assert len(messages(world, "INVITE", 504)) == 1
    assert at_rest(world)


def test_several_go_out_in_order() -> None:
    world = StackWorld()
    alice, bob = pair(world)

    def three(call: Call) -> None:
        for status in (180, 181, 182):
            call.session.ring(status)

    bob.on_call = three
    call = alice.call(BOB, headers=REQUIRED)
    world.run(2.0)
    assert [event.status for event in call.events if isinstance(event, Progress)] == [180, 181, 182]
    first, second, third = (
        int(messages(world, "INVITE", status)[0].headers.get("RSeq") or 0) for status in (180, 181, 182)
    )
    assert (second, third) == (first + 1, first + 2)
    order = [
        packet.data.split(b" ")[1 if packet.data.startswith(b"SIP") else 0]
        for packet in world.network.packets
    ]
    assert order == [
        b"INVITE",
        b"100",
        b"180",
        b"PRACK",
        b"200",
        b"181",
        b"PRACK",
        b"200",
        b"182",
        b"PRACK",
        b"200",
    ], "a PRACK has its 200 before anything else comes"
    assert hung_up(world, call)


@pytest.mark.parametrize("seed", range(12))
def test_a_third_of_all_packets_may_get_lost(seed: int) -> None:
    def script(packet: Packet) -> float | None:
        noise = (packet.number * 2654435761 + seed * 40503) % 1000
        return None if noise < 333 else 0.005 + noise / 20000

    world = StackWorld(script)
    alice, bob = pair(world)

    def all_at_once(call: Call) -> None:
        call.session.ring(180)
        call.session.ring(183, description(7000))
        call.session.answer(description(7000))

    bob.on_call = all_at_once
    call = alice.call(BOB, headers=REQUIRED)
    world.run(31.0)
    assert call.session.state == "confirmed"
    assert [event.status for event in call.events if isinstance(event, Progress)] == [180, 183]
    call.session.hangup()
    world.run(32.0)
    assert at_rest(world)


# --- against messages made by hand ------------------------------------------------------------------------------------


class ByHand:
    """A peer at 192.0.2.9 whose messages a test writes."""

    def __init__(self, world: StackWorld) -> None:
        self.world = world
        self.place = Source("udp", "192.0.2.9", 5060)
        self.got: list[Request | Response] = []
        world.network.attach(self.place, lambda data, sender, now: self.got.append(parse_message(data)))

    def send(self, data: bytes, to: StackPeer) -> list[Request | Response]:
        """What comes back at once."""
        before = len(self.got)
        self.world.network.send(data, self.place, to.place["udp"], self.world.now)
        self.world.run(0.1)
        return self.got[before:]

    def request(
        self, method: str, number: int, tag: str = "", extra: str = "", body: bytes = b"", branch: str = ""
    ) -> bytes:
        to = f"<{BOB}>" + (f";tag={tag}" if tag else "")
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {BOB} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{method}{number}{branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:hand@192.0.2.9>;tag=hand\r\nTo: {to}\r\nCall-ID: hand\r\n"
            f"CSeq: {number} {method}\r\nContact: <sip:hand@192.0.2.9>\r\n{extra}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def respond(self, invite: Request, status: int, tag: str, extra: str = "", body: bytes = b"") -> bytes:
        headers = invite.headers
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"SIP/2.0 {status} By hand\r\nVia: {headers.get('Via')}\r\nFrom: {headers.get('From')}\r\n"
            f"To: {headers.get('To')};tag={tag}\r\nCall-ID: {headers.get('Call-ID')}\r\nCSeq: {headers.get('CSeq')}\r\n"
            f"Contact: <sip:{tag}@192.0.2.9>\r\n{extra}{kind}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def statuses(answers: list[Request | Response]) -> list[int]:
    return [one.status for one in answers if isinstance(one, Response)]


def called(hand: ByHand, bob: StackPeer, body: bytes = DESCRIPTION) -> tuple[str, str]:
    """An INVITE that requires 100rel is rung with a description; the To-tag and RSeq."""
    answers = hand.send(hand.request("INVITE", 1, extra="Require: 100rel\r\n", body=body), bob)
    early = answers[-1]
    assert isinstance(early, Response) and early.status == 183
    return early.to_tag, early.headers.get("RSeq") or ""


def early(call: Call) -> None:
    call.session.ring(183, description(7000))


def test_a_prack_that_matches_nothing() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = early
    tag, rseq = called(hand, bob)
    wrong = hand.request("PRACK", 2, tag, extra=f"RAck: {int(rseq) + 1} 1 INVITE\r\n")
    assert statuses(hand.send(wrong, bob)) == [481]
    other = hand.request("PRACK", 3, tag, extra=f"RAck: {rseq} 2 INVITE\r\n")
    assert statuses(hand.send(other, bob)) == [481]
    assert statuses(hand.send(hand.request("PRACK", 4, tag), bob)) == [481]
    right = hand.request("PRACK", 5, tag, extra=f"RAck: {rseq}  1   INVITE\r\n")
    assert statuses(hand.send(right, bob)) == [200]
    again = hand.request("PRACK", 6, tag, extra=f"RAck: {rseq} 1 INVITE\r\n")
    assert statuses(hand.send(again, bob)) == [481], "acknowledged already"


def test_an_offer_in_prack_is_answered_in_its_200() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = early
    tag, rseq = called(hand, bob)
    offer = DESCRIPTION.replace(b"4000", b"4400")
    hand.send(hand.request("PRACK", 2, tag, f"RAck: {rseq} 1 INVITE\r\n", offer), bob)
    offered = bob.calls[0].events[-1]
    assert isinstance(offered, Reoffered) and offered.sdp is not None
    assert offered.sdp.media[0].port == 4400
    bob.calls[0].session.accept_reoffer(description(7700))
    world.run(0.1)
    answer = hand.got[-1]
    assert isinstance(answer, Response) and (answer.status, answer.cseq.method) == (200, "PRACK")
    assert b"m=audio 7700" in answer.body


def test_a_late_offer_in_a_provisional_is_answered_in_prack() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = early
    tag, rseq = called(hand, bob, body=b"")
    session = bob.calls[0].session
    assert session.offers_early
    hand.send(hand.request("PRACK", 2, tag, f"RAck: {rseq} 1 INVITE\r\n", DESCRIPTION), bob)
    acked = bob.calls[0].events[-1]
    assert isinstance(acked, Acked) and acked.sdp is not None
    session.answer(description(7000))
    world.run(0.1)
    answer = hand.got[-1]
    assert isinstance(answer, Response) and (answer.status, answer.body) == (200, b"")


def test_an_option_that_nobody_has() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    [answer] = hand.send(hand.request("INVITE", 1, extra="Require: 100rel, tones, timer\r\n"), bob)
    assert isinstance(answer, Response)
    assert (answer.status, answer.headers.get("Unsupported")) == (420, "tones")
    assert bob.calls == []


def test_the_caller_acknowledges_in_order() -> None:
    """The first RSeq may be any; the same again is not told, one behind a gap neither told nor acknowledged."""
    world = StackWorld()
    alice, hand = world.peer("192.0.2.1"), ByHand(world)
    call = alice.call("sip:hand@192.0.2.9")
    world.run(0.1)
    invite = hand.got[0]
    assert isinstance(invite, Request)
    assert "100rel" in invite.headers.get_list("Supported")

    def reliable(status: int, rseq: int, tag: str = "one") -> None:
        hand.send(hand.respond(invite, status, tag, f"Require: 100rel\r\nRSeq: {rseq}\r\n"), alice)

    def racks() -> list[str]:
        found = {
            one.top_via.branch: f"{one.headers.get('RAck')} at {one.to_tag}"
            for one in hand.got
            if isinstance(one, Request) and one.method == "PRACK"
        }
        return list(found.values())

    reliable(180, 41)
    reliable(180, 41)
    reliable(183, 43)
    assert racks() == ["41 1 INVITE at one"]
    reliable(181, 42)
    reliable(183, 43)
    assert racks() == ["41 1 INVITE at one", "42 1 INVITE at one", "43 1 INVITE at one"]
    reliable(180, 7, "two")
    assert racks()[-1] == "7 1 INVITE at two", "each early dialog counts for itself"
    hand.send(hand.respond(invite, 182, "one", "Require: 100rel\r\nRSeq: 0\r\n"), alice)
    assert len(racks()) == 4, "no RSeq at all"
    told = [event.status for event in call.events if isinstance(event, Progress)]
    assert told == [180, 181, 183, 180, 182]
    targets = {
        str(one.uri): one.to_tag for one in hand.got if isinstance(one, Request) and one.method == "PRACK"
    }
    assert targets == {"sip:one@192.0.2.9": "one", "sip:two@192.0.2.9": "two"}


def test_a_reliable_provisional_of_a_reinvite_is_acknowledged_and_may_hold_the_answer() -> None:
    world = StackWorld()
    alice, hand = world.peer("192.0.2.1"), ByHand(world)
    call = alice.call("sip:hand@192.0.2.9")
    world.run(0.1)
    first = hand.got[0]
    assert isinstance(first, Request)
    hand.send(hand.respond(first, 200, "one", body=DESCRIPTION), alice)
    call.session.reinvite(lambda: description(4002))
    world.run(0.1)
    again = hand.got[-1]
    assert isinstance(again, Request) and "100rel" in again.headers.get_list("Supported")
    moved = DESCRIPTION.replace(b"4000", b"4400")
    reliable = (("Contact", "<sip:one@192.0.2.9>"), ("Require", "100rel"), ("RSeq", "7"))
    early = make_response(again, 183, headers=reliable, body=moved, content_type="application/sdp")
    for _ in range(2):
        hand.send(early.to_bytes(), alice)
    pracks = [one for one in hand.got if isinstance(one, Request) and one.method == "PRACK"]
    assert {one.headers.get("RAck") for one in pracks} == {f"7 {again.cseq}"}
    assert len({one.top_via.branch for one in pracks}) == 1, "one for both copies"
    hand.send(make_response(again, 200, headers=reliable[:1]).to_bytes(), alice)
    answered = call.events[-1]
    assert isinstance(answered, ReofferAnswered) and answered.sdp is not None
    assert answered.sdp.media[0].port == 4400
    acks = [one.cseq.number for one in hand.got if isinstance(one, Request) and one.method == "ACK"]
    assert acks[-1] == again.cseq.number
