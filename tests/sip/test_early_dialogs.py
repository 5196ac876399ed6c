"""Proves what forks and what UPDATE do before the answer (RFC 3261 sections 12.1, 13.2.2.4; RFC 3311; RFC 6228).

| line | test |
| --- | --- |
| 3261 12.1.2: a dialog for each To-tag, with a route set and target of its own | test_each_fork_is_a_dialog |
| 3261 13.2.2.4: each further 2xx is acknowledged and hung up | test_the_first_to_answer_wins |
| policy: the fork that said something new last is the one that is heard | test_which_early_media_counts |
| 6228: 199 ends an early dialog and nothing else | test_199 |
| 3311 5.1, 5.2: UPDATE before the answer: target refresh; 491, 500 with Retry-After, or a new offer | test_update_... |
| 3261 14.2: an offer while ours waits for its answer in the ACK gets 491 | test_an_offer_while_a_late_one_is_open |

Does not prove the media that follows (`tests/story`).
"""

from test_reliable_provisional import ByHand, messages, statuses

from softswitch.sip.events import Answered, Progress, Reoffered
from softswitch.sip.message import Request, Response
from softswitch.testing.stacks import DESCRIPTION, Call, StackPeer, StackWorld, description

HAND = "sip:hand@192.0.2.9"
RELIABLE = "Require: 100rel\r\nRSeq: 5\r\n"


def sdp(port: int) -> bytes:
    return DESCRIPTION.replace(b"4000", str(port).encode())


def calling(world: StackWorld) -> tuple[StackPeer, ByHand, Call, Request]:
    alice, hand = world.peer("192.0.2.1"), ByHand(world)
    call = alice.call(HAND)
    world.run(0.1)
    invite = hand.got[0]
    assert isinstance(invite, Request)
    return alice, hand, call, invite


def asked(hand: ByHand, method: str) -> list[Request]:
    """Requests that came, each once."""
    found = {one.top_via.branch: one for one in hand.got if isinstance(one, Request) and one.method == method}
    return list(found.values())


def inside(invite: Request, tag: str, method: str, number: int, body: bytes = b"") -> bytes:
    """A request of the callee in the early dialog of this tag."""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:caller@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{tag}{method}{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: {invite.headers.get('To')};tag={tag}\r\nTo: {invite.headers.get('From')}\r\n"
        f"Call-ID: {invite.call_id}\r\nCSeq: {number} {method}\r\nContact: <sip:moved@192.0.2.9>\r\n{kind}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def ports(call: Call) -> list[int | None]:
    return [
        event.sdp.media[0].port if event.sdp is not None else None
        for event in call.events
        if isinstance(event, Progress)
    ]


def test_each_fork_is_a_dialog() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    way = "Record-Route: <sip:192.0.2.9;lr;x=1>, <sip:192.0.2.9:5060;lr>\r\n"
    hand.send(hand.respond(invite, 180, "one", RELIABLE), alice)
    hand.send(hand.respond(invite, 180, "two", RELIABLE + way), alice)
    first, second = asked(hand, "PRACK")
    assert (str(first.uri), first.headers.get_all("Route")) == ("sip:one@192.0.2.9", [])
    assert (str(second.uri), second.to_tag) == ("sip:two@192.0.2.9", "two")
    hand.send(hand.respond(invite, 200, "two", way.replace("x=1", "x=2"), sdp(6000)), alice)
    assert call.session.dialog is not None
    assert call.session.dialog.state.remote_tag == "two"
    assert call.session.dialog.state.route_set[-1] == "<sip:192.0.2.9;lr;x=2>"


def test_the_first_to_answer_wins() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    for tag in ("one", "two", "three"):
        hand.send(hand.respond(invite, 183, tag, RELIABLE, sdp(5000)), alice)
    hand.send(hand.respond(invite, 200, "two", "", b""), alice)
    hand.send(hand.respond(invite, 200, "one", "", b""), alice)
    assert isinstance(call.events[-1], Answered)
    assert call.session.state == "confirmed"
    assert sorted(ack.to_tag for ack in asked(hand, "ACK")) == ["one", "two"]
    [bye] = asked(hand, "BYE")
    assert (bye.to_tag, bye.cseq.number) == ("one", 3), "one above its PRACK"
    world.run(0.1)
    hand.send(hand.respond(invite, 200, "two", "", b""), alice)
    assert len([one for one in hand.got if isinstance(one, Request) and one.method == "ACK"]) == 3


def test_whoever_answers_when_the_call_is_over_is_hung_up_too() -> None:
    """A fork that rang, one that never said anything, and the one that had answered, whose ACK was lost."""
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    for tag in ("one", "two"):
        hand.send(hand.respond(invite, 183, tag, RELIABLE, sdp(5000)), alice)
    hand.send(hand.respond(invite, 200, "two", "", b""), alice)
    call.session.hangup()
    world.run(0.1)
    [bye] = asked(hand, "BYE")
    hand.send(hand.respond(bye, 200, "two"), alice)
    world.run(20.0)
    before = len(hand.got)
    for tag in ("two", "one", "three", "one"):
        hand.send(hand.respond(invite, 200, tag, "", sdp(5001)), alice)
    late = [one for one in hand.got[before:] if isinstance(one, Request)]
    assert [(one.method, one.to_tag) for one in late] == [
        ("ACK", "two"),
        *(("ACK", "one"), ("BYE", "one")),
        *(("ACK", "three"), ("BYE", "three")),
        ("ACK", "one"),
    ]
    assert {one.cseq.number for one in late if one.method == "ACK"} == {invite.cseq.number}
    assert [one.cseq.number for one in late if one.method == "BYE"] == [3, 2], (
        "one above the PRACK of the first"
    )
    world.run(40.0)
    assert (alice.stack.transactions, len(alice.stack.timers)) == (0, 0)


def test_which_early_media_counts() -> None:
    """The latest that is new: a repetition of the fork before does not take it back."""
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    hand.send(hand.respond(invite, 183, "one", "", sdp(5001)), alice)
    hand.send(hand.respond(invite, 183, "two", "", sdp(5002)), alice)
    hand.send(hand.respond(invite, 183, "one", "", sdp(5001)), alice)
    assert ports(call) == [5001, 5002]
    hand.send(hand.respond(invite, 183, "one", "", sdp(5003)), alice)
    assert ports(call) == [5001, 5002, 5003]


def test_199_ends_its_dialog_and_is_not_told() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    hand.send(hand.respond(invite, 180, "one"), alice)
    hand.send(hand.respond(invite, 199, "one"), alice)
    hand.send(hand.respond(invite, 199, "never"), alice)
    assert [event.status for event in call.events if isinstance(event, Progress)] == [180]
    assert statuses(hand.send(inside(invite, "one", "UPDATE", 1), alice)) == [481]
    hand.send(hand.respond(invite, 200, "two", "", sdp(6000)), alice)
    assert call.session.state == "confirmed"


def test_more_forks_than_anyone_has_are_not_remembered() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    for number in range(60):
        hand.send(hand.respond(invite, 180, f"fork{number}", RELIABLE), alice)
    assert len(asked(hand, "PRACK")) == 16
    hand.send(hand.respond(invite, 200, "fork59", "", sdp(6000)), alice)
    assert call.session.state == "confirmed"


def test_update_of_the_callee_before_his_answer_is_certain_gets_491() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    hand.send(hand.respond(invite, 183, "one", "", sdp(5001)), alice)
    assert statuses(hand.send(inside(invite, "one", "UPDATE", 1, sdp(5002)), alice)) == [491]
    assert statuses(hand.send(inside(invite, "nobody", "UPDATE", 1, sdp(5002)), alice)) == [481]
    assert statuses(hand.send(inside(invite, "one", "INVITE", 2, sdp(5002)), alice))[-1] == 500
    assert call.kinds() == ["Progress"]


def test_update_of_the_callee_moves_his_early_media() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    hand.send(hand.respond(invite, 183, "one", RELIABLE, sdp(5001)), alice)
    hand.send(inside(invite, "one", "UPDATE", 1, sdp(5002)), alice)
    offered = call.events[-1]
    assert isinstance(offered, Reoffered) and offered.sdp is not None
    call.session.accept_reoffer(description(4400))
    world.run(0.1)
    answer = hand.got[-1]
    assert isinstance(answer, Response) and (answer.status, answer.cseq.method) == (200, "UPDATE")
    assert b"m=audio 4400" in answer.body
    hand.send(hand.respond(invite, 200, "one", "", sdp(5001)), alice)
    answered = call.events[-1]
    assert isinstance(answered, Answered) and answered.sdp is None, "the answer of the past counts no more"
    call.session.hangup()
    world.run(0.1)
    [bye] = asked(hand, "BYE")
    assert bye.cseq.number == 3
    low = inside(invite, "one", "INFO", 1)
    assert statuses(hand.send(low, alice)) == [481], "it is over"


def test_update_without_an_offer_moves_the_target_only() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    hand.send(hand.respond(invite, 180, "one"), alice)
    [answer] = hand.send(inside(invite, "one", "UPDATE", 1), alice)
    assert isinstance(answer, Response)
    assert (answer.status, str(answer.contacts[0].uri)) == (200, "sip:caller@192.0.2.1:5060")
    hand.send(hand.respond(invite, 183, "one", RELIABLE), alice)
    assert [str(one.uri) for one in asked(hand, "PRACK")] == ["sip:moved@192.0.2.9"]
    assert statuses(hand.send(inside(invite, "one", "UPDATE", 0), alice)) == [500], "a lower number"
    assert call.kinds() == ["Progress", "Progress"]


def test_update_of_the_caller_before_our_answer() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = lambda call: call.session.ring(183, description(7000))
    early = hand.send(hand.request("INVITE", 1, "", "Require: 100rel\r\n", DESCRIPTION), bob)[-1]
    assert isinstance(early, Response)
    [refused] = hand.send(hand.request("UPDATE", 2, early.to_tag, "", sdp(4400)), bob)
    assert isinstance(refused, Response) and refused.status == 500
    assert 0 <= int(refused.headers.get("Retry-After") or -1) <= 10
    rack = f"RAck: {early.headers.get('RSeq')} 1 INVITE\r\n"
    hand.send(hand.request("PRACK", 3, early.to_tag, rack), bob)
    hand.send(hand.request("UPDATE", 4, early.to_tag, "", sdp(4400)), bob)
    session = bob.calls[0].session
    assert isinstance(bob.calls[0].events[-1], Reoffered)
    second = hand.send(hand.request("UPDATE", 5, early.to_tag, "", sdp(4402)), bob)
    assert statuses(second) == [500], "the one before is not answered yet"
    session.accept_reoffer(description(7700))
    session.answer(description(7700))
    world.run(0.1)
    assert session.state == "answered"


def test_bye_answers_an_update_that_is_open() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = lambda call: call.session.answer(description(7000))
    answer = hand.send(hand.request("INVITE", 1, "", "", DESCRIPTION), bob)[-1]
    hand.send(hand.request("ACK", 1, answer.to_tag), bob)
    hand.send(hand.request("UPDATE", 2, answer.to_tag, "", sdp(4400)), bob)
    hand.send(hand.request("BYE", 3, answer.to_tag), bob)
    world.run(1.0)
    found = {(one.status, one.cseq.method) for one in hand.got if isinstance(one, Response)}
    assert {(487, "UPDATE"), (200, "BYE")} <= found


def test_an_offer_while_a_late_one_is_open_gets_491() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = lambda call: call.session.answer(description(7000))
    answer = hand.send(hand.request("INVITE", 1), bob)[-1]
    assert isinstance(answer, Response) and answer.status == 200
    assert statuses(hand.send(hand.request("UPDATE", 2, answer.to_tag, "", sdp(4400)), bob)) == [491]
    assert statuses(hand.send(hand.request("INVITE", 3, answer.to_tag, "", sdp(4400)), bob))[-1] == 491
    hand.send(hand.request("ACK", 1, answer.to_tag, "", sdp(4000)), bob)
    assert bob.calls[0].session.state == "confirmed"
    assert messages(world, "BYE") == []
