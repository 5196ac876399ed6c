"""Proves session timers (RFC 4028) between two of our stacks and against messages made by hand, in virtual time.

| section of RFC 4028 | test |
| --- | --- |
| 4, 7.2, 9: interval and refresher are agreed on, in both roles | test_who_refreshes, test_what_a_caller_is_given |
| 5, 8: at least 90 s; 422 with Min-SE, only to who knows timers (erratum 1687) | test_..._that_is_too_small |
| 7.3: after a 422 the same call is asked again with its Min-SE | test_a_422_... |
| 7.4: refresh at half: UPDATE where allowed, else re-INVITE, version unchanged | test_the_side_that_refreshes_... |
| 7.4, 9: the refresher stays over re-INVITEs of either side | test_the_refresher_stays_... |
| 10: BYE at the interval less 32 s or a third; after 408 and 481 at once | test_a_peer_that_..., test_481_... |

Does not prove what the call makes of it (`tests/story/test_story_session_timers.py`) nor interworking with others.
"""

import itertools

import pytest
from test_reliable_provisional import ByHand, messages, statuses

from softswitch.sip.events import ReofferAnswered, Reoffered, SessionExpired
from softswitch.sip.message import Request, Response
from softswitch.sip.session_timer import (
    Refresher,
    SessionExpires,
    SessionTimer,
    SessionTimerSettings,
    min_se_of,
)
from softswitch.sip.stack_settings import StackSettings
from softswitch.sip.timers import TimerHeap
from softswitch.sip.uri import Uri
from softswitch.testing.stacks import DESCRIPTION, Call, StackPeer, StackWorld, description

BOB = "sip:bob@192.0.2.2"
OFF = StackSettings(session_timer=SessionTimerSettings(expires_s=0))


def settings(expires_s: int = 1800, min_se_s: int = 90) -> StackSettings:
    return StackSettings(session_timer=SessionTimerSettings(expires_s=expires_s, min_se_s=min_se_s))


def request(*headers: tuple[str, str]) -> Request:
    return Request.build("INVITE", Uri.parse(BOB), headers=headers)


def timer(settings: SessionTimerSettings | None = None) -> SessionTimer:
    ignore = lambda now: None  # noqa: E731
    return SessionTimer(TimerHeap(), settings or SessionTimerSettings(), on_refresh=ignore, on_expired=ignore)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1800", SessionExpires(1800)),
        ("1800;refresher=uas", SessionExpires(1800, "uas")),
        (" 90 ; x=1 ; Refresher=UAC", SessionExpires(90, "uac")),
        ("90;refresher=proxy", SessionExpires(90)),
        ("999999999", SessionExpires(86400)),
        ("0", None),
        ("9999999999", None),
        ("-1", None),
        ("", None),
        ("soon;refresher=uac", None),
    ],
)
def test_session_expires_is_read(text: str, expected: SessionExpires | None) -> None:
    assert SessionExpires.of(request(("Session-Expires", text))) == expected
    assert SessionExpires.of(request()) is None
    assert min_se_of(request(("Min-SE", "120;x"))) == 120
    assert min_se_of(request(("Min-SE", "much"))) == min_se_of(request()) == 90


TIMER = ("Supported", "timer")


@pytest.mark.parametrize(
    ("headers", "interval", "refresher", "answer"),
    [
        ((), 0, None, ()),
        ((TIMER,), 1800, Refresher.US, (("Session-Expires", "1800;refresher=uas"), ("Require", "timer"))),
        (
            (TIMER, ("Session-Expires", "600")),
            600,
            Refresher.PEER,
            (("Session-Expires", "600;refresher=uac"), ("Require", "timer")),
        ),
        (
            (TIMER, ("Session-Expires", "600;refresher=uas")),
            600,
            Refresher.US,
            (("Session-Expires", "600;refresher=uas"), ("Require", "timer")),
        ),
        (
            (TIMER, ("Session-Expires", "7200")),
            1800,
            Refresher.PEER,
            (("Session-Expires", "1800;refresher=uac"), ("Require", "timer")),
        ),
        (
            (TIMER, ("Session-Expires", "7200"), ("Min-SE", "3600")),
            3600,
            Refresher.PEER,
            (("Session-Expires", "3600;refresher=uac"), ("Require", "timer")),
        ),
        ((("Session-Expires", "600"),), 600, Refresher.US, (("Session-Expires", "600;refresher=uas"),)),
        ((("Session-Expires", "30"),), 0, None, ()),
    ],
)
def test_what_a_caller_is_given(
    headers: tuple[tuple[str, str], ...],
    interval: int,
    refresher: Refresher | None,
    answer: tuple[tuple[str, str], ...],
) -> None:
    ours = timer()
    assert ours.grant(request(*headers), 0.0) == answer
    assert (ours.interval_s, ours.refresher) == (interval, refresher)


def talking(world: StackWorld, caller: StackSettings, callee: StackSettings) -> tuple[Call, Call]:
    alice, bob = world.peer("192.0.2.1", caller), world.peer("192.0.2.2", callee)
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call(BOB)
    world.run(1.0)
    assert call.session.state == bob.calls[0].session.state == "confirmed"
    return call, bob.calls[0]


@pytest.mark.parametrize(
    ("caller", "callee", "interval", "by"),
    [
        (settings(600), settings(), "600;refresher=uac", "192.0.2.1"),
        (settings(), settings(600), "600;refresher=uac", "192.0.2.1"),
        (OFF, settings(600), "600;refresher=uas", "192.0.2.2"),
        (settings(600), OFF, "600;refresher=uac", "192.0.2.1"),
    ],
)
def test_who_refreshes(caller: StackSettings, callee: StackSettings, interval: str, by: str) -> None:
    world = StackWorld()
    call, other = talking(world, caller, callee)
    [answer] = messages(world, "INVITE", 200)
    assert answer.headers.get("Session-Expires") == interval
    world.run(1000.0)
    updates = [packet for packet in world.network.packets if packet.data.startswith(b"UPDATE")]
    assert [round(packet.sent) for packet in updates] == [300, 600, 900]
    assert {packet.sender.address for packet in updates} == {by}
    assert (call.kinds(), other.kinds()) == (["Answered"], ["Acked"]), "nobody hears of it"
    other.session.hangup()
    world.run(3000.0)
    assert [(peer.stack.transactions, len(peer.stack.timers)) for peer in world.peers] == [(0, 0), (0, 0)]


def test_both_off_means_no_timer() -> None:
    world = StackWorld()
    call, _ = talking(world, OFF, OFF)
    assert "Session-Expires" not in messages(world, "INVITE", 200)[0].headers
    world.run(20000.0)
    assert call.session.state == "confirmed" and messages(world, "UPDATE") == []


@pytest.mark.parametrize("caller_refreshes", [True, False])
def test_the_side_that_refreshes_uses_a_reinvite_where_update_is_not_allowed(caller_refreshes: bool) -> None:
    """The same description with the same version; the far side's unchanged answer is told to nobody."""
    world = StackWorld()
    call, other = talking(world, *((settings(600), OFF) if caller_refreshes else (OFF, settings(600))))
    ours, theirs = (call, other) if caller_refreshes else (other, call)
    ours.session.refresh._update = False  # as if the peer's Allow had not named it
    theirs.session.on_event = lambda event: (
        theirs.session.accept_reoffer(description(5000 if caller_refreshes else 4000))
        if isinstance(event, Reoffered)
        else None
    )
    world.run(1600.0)
    invites = [one for one in messages(world, "INVITE") if one.to_tag]
    assert len(invites) == 5
    mine = DESCRIPTION if caller_refreshes else description(5000).serialize()
    assert {one.body for one in invites} == {mine}
    assert {one.headers.get("Session-Expires") for one in invites} == {"600;refresher=uac"}
    assert not [event for event in ours.events if isinstance(event, ReofferAnswered)]
    call.session.hangup()
    world.run(700.0)
    assert [len(peer.stack.timers) for peer in world.peers] == [0, 0]


def test_the_refresher_stays_over_reinvites_of_either_side() -> None:
    world = StackWorld()
    call, other = talking(world, settings(600), settings())

    def accept(one: Call) -> None:
        before = one.session.on_event

        def told(event: object) -> None:
            before(event)  # type: ignore[arg-type]
            if isinstance(event, Reoffered):
                one.session.accept_reoffer(description(6000))

        one.session.on_event = told

    accept(call)
    accept(other)
    world.run(100.0)
    other.session.reinvite(lambda: description(5002))
    world.run(1.0)
    call.session.reinvite(lambda: description(4002))
    world.run(1.0)
    asked = [one.headers.get("Session-Expires") for one in messages(world, "INVITE")]
    assert asked == ["600", "600;refresher=uas", "600;refresher=uac"]
    world.run(400.0)
    updates = [packet for packet in world.network.packets if packet.data.startswith(b"UPDATE")]
    assert [round(packet.sent) for packet in updates] == [402], (
        "half an interval after the latest sign of life"
    )
    assert updates[0].sender.address == "192.0.2.1"


@pytest.mark.parametrize(("interval", "ends"), [(600, 568), (90, 60)])
def test_a_peer_that_does_not_refresh_is_hung_up(interval: int, ends: int) -> None:
    """The caller was to refresh and is gone; the callee says BYE in time."""
    world = StackWorld()
    _, other = talking(world, settings(interval), settings())
    gone = world.peers.pop(0)
    world.network.detach(gone.place["udp"])
    world.run(interval)
    byes = [packet for packet in world.network.packets if packet.data.startswith(b"BYE")]
    assert round(byes[0].sent) == ends
    assert isinstance(other.events[-1], SessionExpired) and other.session.over


def test_a_refresh_that_nobody_answers_ends_the_session() -> None:
    world = StackWorld()
    call, _ = talking(world, settings(600), settings())
    gone = world.peers.pop(1)
    world.network.detach(gone.place["udp"])
    world.run(400.0)
    assert isinstance(call.events[-1], SessionExpired)
    byes = [packet for packet in world.network.packets if packet.data.startswith(b"BYE")]
    assert round(byes[0].sent) == 332


@pytest.mark.parametrize("update", [True, False])
def test_a_connection_that_breaks_at_the_refresh_is_tried_again(update: bool) -> None:
    world = StackWorld()
    call, other = talking(world, settings(600), settings())
    call.session.refresh._update = update
    alice, bob = world.peers
    world.network.detach(bob.place["udp"])
    world.run(299.5)
    alice.perform(alice.stack.transport_failed(bob.place["udp"], world.now))
    assert call.session.state == "confirmed"
    world.network.attach(
        bob.place["udp"], lambda data, sender, now: bob.perform(bob.stack.receive(data, sender, now))
    )
    other.session.on_event = lambda event: (
        other.session.accept_reoffer(description(5000)) if isinstance(event, Reoffered) else None
    )
    world.run(290.0)
    assert call.session.state == other.session.state == "confirmed"
    call.session.hangup()
    world.run(700.0)
    assert [len(peer.stack.timers) for peer in world.peers] == [0, 0]


def test_481_to_a_refresh_ends_the_session() -> None:
    world = StackWorld()
    call, _ = talking(world, settings(600), settings())
    world.peers[1].stack.forget_session(call.session.call_id, world.peers[1].calls[0].session.local_tag)
    world.run(310.0)
    assert isinstance(call.events[-1], SessionExpired)
    assert len(messages(world, "BYE")) >= 1


# --- against messages made by hand ------------------------------------------------------------------------------------


def test_an_interval_that_is_too_small() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = lambda call: call.session.answer(description(7000))
    short = "Session-Expires: 60\r\nSupported: timer\r\n"
    [refusal] = [
        one
        for one in hand.send(hand.request("INVITE", 1, "", short, DESCRIPTION), bob)
        if isinstance(one, Response) and one.status != 100
    ]
    assert (refusal.status, refusal.headers.get("Min-SE")) == (422, "90")
    assert bob.calls == [] and bob.stack.sessions() == []
    unaware = hand.request("INVITE", 2, "", "x: 60\r\n", DESCRIPTION)
    answers = hand.send(unaware, bob)
    assert statuses(answers) == [100, 200], "who does not know timers cannot be told so"
    assert "Session-Expires" not in answers[-1].headers


def test_a_refresh_with_an_interval_that_is_too_small() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = lambda call: call.session.answer(description(7000))
    first = hand.request("INVITE", 1, "", "Session-Expires: 90\r\nSupported: timer\r\n", DESCRIPTION)
    answer = hand.send(first, bob)[-1]
    hand.send(hand.request("ACK", 1, answer.to_tag), bob)
    short = hand.request("UPDATE", 2, answer.to_tag, "Session-Expires: 20\r\nSupported: timer\r\n")
    [refusal] = hand.send(short, bob)
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.headers.get("Min-SE")) == (422, "90")
    refresh = "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n"
    [granted] = hand.send(hand.request("UPDATE", 3, answer.to_tag, refresh), bob)
    assert isinstance(granted, Response) and granted.status == 200
    assert granted.headers.get("Session-Expires") == "90;refresher=uac"


def test_a_422_is_answered_with_its_min_se() -> None:
    world = StackWorld()
    talking(world, settings(100), settings(min_se_s=300))
    asked = [
        (one.headers.get("Session-Expires"), one.headers.get("Min-SE"), one.headers.get("Call-ID"))
        for one in messages(world, "INVITE")
    ]
    assert [each[:2] for each in asked] == [("100", None), ("300", "300")]
    assert asked[0][2] == asked[1][2]
    assert [one.cseq.number for one in messages(world, "INVITE")] == [1, 2]
    assert messages(world, "INVITE", 200)[0].headers.get("Session-Expires") == "300;refresher=uac"


def test_a_422_for_ever_is_asked_a_few_times_only() -> None:
    world = StackWorld()
    alice, hand = world.peer("192.0.2.1"), ByHand(world)
    call = alice.call("sip:hand@192.0.2.9")
    world.run(0.1)
    for number in itertools.count(1):
        invites = [one for one in hand.got if isinstance(one, Request) and one.method == "INVITE"]
        if len(invites) < number or number > 20:
            break
        hand.send(hand.respond(invites[-1], 422, "no", f"Min-SE: {1800 * number * 2}\r\n"), alice)
    assert len(invites) == 4
    assert call.kinds() == ["Refused"]


def test_a_first_422_without_min_se_is_a_refusal() -> None:
    world = StackWorld()
    alice, hand = world.peer("192.0.2.1"), ByHand(world)
    call = alice.call("sip:hand@192.0.2.9")
    world.run(0.1)
    assert isinstance(hand.got[0], Request)
    hand.send(hand.respond(hand.got[0], 422, "no"), alice)
    assert call.kinds() == ["Refused"]


def answered_by_hand(world: StackWorld, granted: str) -> tuple[StackPeer, ByHand, Call]:
    alice, hand = world.peer("192.0.2.1"), ByHand(world)
    call = alice.call("sip:hand@192.0.2.9")
    world.run(0.1)
    invite = hand.got[0]
    assert isinstance(invite, Request)
    hand.send(hand.respond(invite, 200, "one", granted, DESCRIPTION), alice)
    assert call.session.state == "confirmed"
    return alice, hand, call


def test_a_callee_without_timers_gets_none() -> None:
    world = StackWorld()
    _, hand, call = answered_by_hand(world, "")
    world.run(5000.0)
    assert [one.method for one in hand.got if isinstance(one, Request)] == ["INVITE", "ACK"]
    assert call.session.state == "confirmed"


def test_a_refresh_that_is_refused_for_the_moment_is_tried_again_until_the_end() -> None:
    world = StackWorld()
    alice, hand, call = answered_by_hand(
        world, "Session-Expires: 600;refresher=uac\r\nAllow: UPDATE, BYE\r\n"
    )
    sent = []
    for _ in range(40):
        world.run(15.0)
        for one in [each for each in hand.got if isinstance(each, Request) and each.method == "UPDATE"]:
            if one.cseq.number not in sent:
                sent.append(one.cseq.number)
                hand.send(hand.respond(one, 503, ""), alice)
    assert len(sent) == 4
    assert isinstance(call.events[-1], SessionExpired)


def test_a_refresh_that_meets_the_peers_offer_is_not_tried_again() -> None:
    """What it would repeat is out of date by then, and the peer's offer was a sign of life."""
    world = StackWorld()
    call, other = talking(world, settings(600), settings())
    call.session.refresh._update = False
    while len(messages(world, "INVITE")) < 2:
        world.run(0.003)
    other.session.reinvite(lambda: description(5002))
    for _ in range(100):
        world.run(0.1)
        for one, port in ((call, 4100), (other, 5100)):
            if one.events and isinstance(one.events[-1], Reoffered):
                one.session.accept_reoffer(description(port))
    offered = [event.sdp for event in (*call.events, *other.events) if isinstance(event, Reoffered)]
    assert [sdp.media[0].port for sdp in offered if sdp is not None] == [5002]
    world.run(400.0)
    assert not call.session.over, "the next sign of life came in time"
