"""Proves what becomes of REFERs of phones in whole calls: blind to a phone, an agent, a queue and a trunk; attended over
every other call that a phone can have (talking, ringing, in a queue, in a flow), from either dialog; what each party, the
CDRs, the segments, the agents, the queue's log and the recording say; every moment at which the transferor may hang up;
targets that do not answer, and that the caller is given back; and that strangers, forged Replaces and second REFERs are
refused.

The peers are stacks of ours: what phones of others do is proved in tests/interop.
"""

import asyncio
from urllib.parse import quote

import pytest
from story_floor import Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.config.queues import Queue
from softswitch.config.routes import Route
from softswitch.rtp.commands import RecordLeg
from softswitch.testing.manners import answering, busy, ringing
from softswitch.testing.peer_call import PeerCall

SUPPORT = Queue(members=members("eva"), wrapuptime=5.0, announce_frequency=0.0, record="always")
CENTRE = centre(
    queue={"support": SUPPORT, "sales": sales(members=members("ana"))["queue"]["sales"]},
    route={"601": Route(to="queue:support")},
)
CUSTOMER, ANA, EVA = "trunk:north", "endpoint:1001", "endpoint:1003"


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    """A customer has waited 2 s and talks to ana for a second."""
    c.phone("1001").on_call = answering(2.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    return call, agent


async def consulting(
    c: Centre, number: str = "1003", *, wait_s: float = 2.0
) -> tuple[PeerCall, PeerCall, PeerCall]:
    """Ana has the customer on hold and calls somebody on her second line."""
    call, agent = await in_talk(c)
    agent.hold()
    await asyncio.sleep(1)
    second = c.phone("1001").call(number)
    await asyncio.sleep(wait_s)
    return call, agent, second


def bridged(c: Centre, one: str, other: str) -> bool:
    return c.switch.media.bridges == {frozenset((c.leg_of(one), c.leg_of(other)))}


# --- blind ----------------------------------------------------------------------------------------------------------


@told(CENTRE)
async def test_blind_to_a_phone(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(2.0)
    agent.refer("1003")
    await asyncio.sleep(1)
    assert c.switch.media.music(c.leg_of(CUSTOMER)) == "tone:ringback"
    assert await agent.referred() == 200
    assert agent.refer_progress == [100, 180, 200]
    await agent.hung_up()
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA)
    assert c.agent("ana").state is AgentState.WRAP_UP
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["agent"], cdr["destination"], cdr["ended_by"]) == ("ana", EVA, "caller")
    first, second = c.switch.rows("segments", "began")
    assert (first["party"], first["ended_by"], first["transferred_to"]) == (ANA, "transfer", "1003")
    assert (first["talk_s"], first["hold_s"]) == (about(1), about(0)), "her talk closed at the transfer"
    assert (second["party"], second["agent"]) == (EVA, "")
    assert c.log()[-1] == "sales|ana|BLINDTRANSFER|1003|softswitch|2|1|1"
    [recording] = c.switch.rows("recordings")
    assert recording["state"] == "ended"
    seated = [(told.track, told.leg) for told in c.switch.media.told(RecordLeg)]
    assert seated[-1][0] == 1 or (1, None) in seated


@told(CENTRE)
async def test_blind_from_hold(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    agent.hold()
    await asyncio.sleep(2)
    agent.refer("1003")
    assert await agent.referred() == 200
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA) and c.switch.media.music(c.leg_of(CUSTOMER)) is None
    call.hang_up()
    await c.settled()
    first, _ = c.switch.rows("segments", "began")
    assert (first["talk_s"], first["hold_s"]) == (about(1), about(2))


@told(CENTRE)
async def test_blind_to_a_queue_a_flow_and_a_trunk(c: Centre) -> None:
    call, agent = await in_talk(c)
    agent.refer("700")
    assert await agent.referred() == 200
    await agent.hung_up()
    await asyncio.sleep(1)
    assert c.live().stage == "greet"
    call.hang_up()
    await asyncio.sleep(20)
    call, agent = await in_talk(c)
    c.south.on_call = answering(1.0)
    agent.refer("9555")
    assert await agent.referred() == 200
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, "trunk:south") and c.south.calls[0].invite.uri.user == "555"
    call.hang_up()


@told(CENTRE)
async def test_blind_from_agent_to_queue_keeps_the_age(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(4.0)
    agent.refer("600")
    assert await agent.referred() == 200
    agent.hang_up()
    await asyncio.sleep(1)
    [waiting] = c.switch.control.queue("sales").callers
    assert waiting.waited_s == about(3)
    await asyncio.sleep(10)
    call.hang_up()
    first, second = await c.visits()
    assert (first["completed_by"], second["outcome"]) == ("transfer", "answered")


@told(CENTRE)
async def test_the_callers_phone_puts_through_whom_it_called(c: Centre) -> None:
    """Ana called out; the far side is the callee."""
    c.south.on_call = answering(1.0)
    c.phone("1003").on_call = answering(1.0)
    out = c.phone("1001").call("9777")
    await out.answered()
    await asyncio.sleep(2)
    out.refer("1003")
    assert await out.referred() == 200
    await asyncio.sleep(2)
    assert bridged(c, "trunk:south", EVA)
    c.south.calls[0].hang_up()
    cdr = await c.cdr()
    assert cdr["destination"] == EVA
    assert len(c.switch.rows("segments")) == 2


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.012, 0.5, 1.99, 2.0, 2.01, 2.05])
def test_the_transferor_hangs_up_at_any_moment(after_s: float, tmp_path: object) -> None:
    """Right behind his REFER, while it rings, as the target answers, and after: the caller gets the target."""

    @told(CENTRE)
    async def story(c: Centre) -> None:
        call, agent = await in_talk(c)
        c.phone("1003").on_call = answering(2.0)
        agent.refer("1003")
        await asyncio.sleep(after_s)
        agent.hang_up()
        await asyncio.sleep(4)
        assert bridged(c, CUSTOMER, EVA)
        assert len(c.phone("1003").calls) == 1, "it rang on, not again"
        call.hang_up()
        await c.settled()
        assert [row["ended_by"] for row in c.switch.rows("segments", "began")] == ["transfer", "caller"]
        assert c.log()[-1].split("|")[2] == "BLINDTRANSFER"

    story(tmp_path)


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.012, 0.5, 1.0, 1.05])
def test_a_calling_transferor_hangs_up_at_any_moment(after_s: float, tmp_path: object) -> None:
    @told(CENTRE)
    async def story(c: Centre) -> None:
        c.south.on_call = answering(1.0)
        c.phone("1003").on_call = answering(1.0)
        out = c.phone("1001").call("9777")
        await out.answered()
        await asyncio.sleep(2)
        out.refer("1003")
        await asyncio.sleep(after_s)
        out.hang_up()
        await asyncio.sleep(3)
        assert bridged(c, "trunk:south", EVA)
        c.south.calls[0].hang_up()

    story(tmp_path)


@told(CENTRE)
async def test_a_target_that_is_busy_or_rings_out_gives_the_caller_back(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = busy
    agent.refer("1003")
    assert await agent.referred() == 486
    await asyncio.sleep(0.5)
    assert bridged(c, CUSTOMER, ANA) and c.switch.media.music(c.leg_of(CUSTOMER)) is None
    c.phone("1003").on_call = ringing
    agent.events.clear()
    agent.refer("1003")
    assert await agent.referred() == 480
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA)
    agent.events.clear()
    agent.refer("1005")
    assert await agent.referred() == 480, "nobody is registered there"
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA)
    call.hang_up()
    await c.settled()
    [segment] = c.switch.rows("segments")
    assert segment["ended_by"] == "caller" and segment["hold_s"] == pytest.approx(60, abs=1)


@told(CENTRE)
async def test_a_caller_whose_transferor_left_waits_again(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = ringing
    agent.refer("1003")
    await asyncio.sleep(1)
    agent.hang_up()
    await asyncio.sleep(1)
    c.phone("1003").calls[0].reject(603)
    await asyncio.sleep(1)
    assert c.waiting("sales") == 1
    await asyncio.sleep(10)
    call.hang_up()


@told(CENTRE)
async def test_the_caller_hangs_up_while_the_target_rings(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = ringing
    agent.refer("1003")
    await asyncio.sleep(1)
    call.hang_up()
    assert await agent.referred() == 487
    await agent.hung_up()
    assert c.phone("1003").heard("CANCEL") == 1


# --- refused --------------------------------------------------------------------------------------------------------


@told(CENTRE)
async def test_what_is_refused(c: Centre) -> None:
    call, agent = await in_talk(c)
    for refer_to, status in (
        ("<sip:1003@192.0.2.1;method=BYE>", 400),
        ("<http://example.com>", 416),
        ("<sip:88888@192.0.2.1>", 404),
        ("<sip:*12@192.0.2.1>", 403),
        ("<sip:1003@192.0.2.1?Replaces=nobody%3Bto-tag%3Da%3Bfrom-tag%3Db>", 481),
        ("<sip:1003@192.0.2.1?Replaces=broken>", 400),
        ("<sip:1003@192.0.2.1?" + "&".join(f"X{n}=1" for n in range(20)) + ">", 400),
    ):
        agent.events.clear()
        agent.refer(refer_to)
        assert (refer_to, await agent.referred()) == (refer_to, status)
        assert agent.refer_progress == [status], "no NOTIFY"
    assert bridged(c, CUSTOMER, ANA)
    call.events.clear()
    call.refer("9555")
    assert await call.referred() == 403, "the customer's side may not"
    call.hang_up()


@told(CENTRE)
async def test_a_second_refer_while_one_runs(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(3.0)
    agent.refer("1003")
    await asyncio.sleep(1)
    client = agent.session.client
    assert client is not None
    refused: list[int] = []
    client.request(
        "REFER",
        headers=(("Contact", client.contact), ("Refer-To", "<sip:1002@192.0.2.1>")),
        on_response=lambda response, now: refused.append(response.status),
        on_failure=lambda cause, now: None,
    )
    agent.peer.flush()
    await asyncio.sleep(1)
    assert refused == [491]
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA)
    call.hang_up()


@told(CENTRE)
async def test_a_peer_that_wants_no_notify(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    agent.refer("1003", ("Refer-Sub", "false"), ("Supported", "norefersub"))
    assert await agent.referred() == 202
    await asyncio.sleep(3)
    assert agent.peer.heard("NOTIFY") == 0 and bridged(c, CUSTOMER, EVA)
    call.hang_up()


# --- attended -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other_dialog", [False, True])
def test_attended_over_a_second_call(other_dialog: bool, tmp_path: object) -> None:
    """From the caller's dialog, and from that of the consultation."""

    @told(CENTRE)
    async def story(c: Centre) -> None:
        c.phone("1003").on_call = answering(1.0)
        call, agent, second = await consulting(c, wait_s=3.0)
        refers, other = (second, agent) if other_dialog else (agent, second)
        second.hold()
        await asyncio.sleep(0.5)
        refers.refer_to(other)
        assert await refers.referred() == 200
        await agent.hung_up()
        await second.hung_up()
        await asyncio.sleep(2)
        assert bridged(c, CUSTOMER, EVA)
        for party in (CUSTOMER, EVA):
            assert c.switch.media.music(c.leg_of(party)) is None
        assert c.agent("ana").state is AgentState.WRAP_UP
        call.hang_up()
        await c.phone("1003").calls[0].hung_up()
        await c.settled()
        first, consultation = c.switch.cdrs()
        assert (first["destination"], first["ended_by"]) == (EVA, "caller")
        assert (consultation["cause"], consultation["talk_s"]) == (
            "handed over",
            about(2),
        )
        rows = c.switch.rows("segments", "began, call")
        assert [(row["party"], row["ended_by"]) for row in rows] == [
            (ANA, "transfer"),
            (EVA, "transfer"),
            (EVA, "caller"),
        ]
        assert rows[0]["agent"] == "ana" and rows[0]["talk_s"] == about(1)
        assert c.log()[-1].startswith("sales|ana|ATTENDEDTRANSFER|BRIDGE|")
        [recording] = c.switch.rows("recordings")
        assert recording["state"] == "ended"

    story(tmp_path)


@told(CENTRE)
async def test_attended_while_the_second_call_rings(c: Centre) -> None:
    c.phone("1003").on_call = answering(4.0)
    call, agent, second = await consulting(c)
    agent.refer_to(second, early_only=True)
    await asyncio.sleep(0.5)
    assert c.switch.media.music(c.leg_of(CUSTOMER)) == "tone:ringback"
    assert await agent.referred() == 200
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA) and len(c.phone("1003").calls) == 1
    call.hang_up()
    await c.settled()
    assert c.log()[-1].split("|")[2] == "BLINDTRANSFER"


@told(CENTRE)
async def test_attended_while_it_rings_and_nobody_answers(c: Centre) -> None:
    c.phone("1003").on_call = ringing
    call, agent, second = await consulting(c)
    agent.refer_to(second)
    await asyncio.sleep(1)
    c.phone("1003").calls[0].reject(486)
    assert await agent.referred() == 486
    agent.resume()
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA)
    call.hang_up()


@told(CENTRE)
async def test_attended_to_an_agent_of_a_queue_and_to_a_place_in_it(c: Centre) -> None:
    """Ana calls the queue herself: first she waits there, then eva answers her."""
    c.phone("1003").on_call = ringing
    call, agent, second = await consulting(c, "601")
    agent.refer_to(second)
    assert await agent.referred() == 200
    await asyncio.sleep(1)
    [waiting] = c.switch.control.queue("support").callers
    assert waiting.ani == "+34600000001" and waiting.waited_s == about(5)
    c.phone("1003").on_call = answering(0.5)
    await asyncio.sleep(30)
    assert bridged(c, CUSTOMER, EVA)
    call.hang_up()
    await c.settled()
    outcomes = [(row["queue"], row["outcome"]) for row in c.switch.rows("queue_visits", "entered, left")]
    assert outcomes == [("sales", "answered"), ("support", "withdrawn"), ("support", "answered")]


@told(CENTRE)
async def test_attended_over_an_agent_whom_a_queue_gave(c: Centre) -> None:
    c.phone("1003").on_call = answering(1.0)
    call, agent, second = await consulting(c, "601", wait_s=3.0)
    assert c.agent("eva").state is AgentState.TALKING
    agent.refer_to(second)
    assert await agent.referred() == 200
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA)
    assert c.agent("eva").state is AgentState.OCCUPIED
    call.hang_up()
    await c.settled()
    assert [row["agent"] for row in c.switch.rows("segments", "began, ended")] == ["ana", "eva", "eva"]


@told(CENTRE)
async def test_attended_over_a_trunk_and_a_flow(c: Centre) -> None:
    c.south.on_call = answering(0.5)
    call, agent, second = await consulting(c, "9555")
    agent.refer_to(second)
    assert await agent.referred() == 200
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, "trunk:south")
    call.hang_up()
    await asyncio.sleep(10)
    call, agent, second = await consulting(c, "700")
    agent.refer_to(second)
    assert await agent.referred() == 200
    await asyncio.sleep(1)
    assert c.live().stage == "greet"
    call.hang_up()


@told(CENTRE)
async def test_two_refers_in_both_orders_at_once(c: Centre) -> None:
    c.phone("1003").on_call = answering(0.5)
    call, agent, second = await consulting(c)
    agent.refer_to(second)
    second.refer_to(agent)
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA)
    statuses = sorted(event for each in (agent, second) for event in each.refer_progress if event >= 200)
    assert statuses == [200, 481]
    call.hang_up()


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.012, 0.05])
def test_both_lines_hang_up_right_behind_the_refer(after_s: float, tmp_path: object) -> None:
    @told(CENTRE)
    async def story(c: Centre) -> None:
        c.phone("1003").on_call = answering(0.5)
        call, agent, second = await consulting(c)
        agent.refer_to(second)
        await asyncio.sleep(after_s)
        second.hang_up()
        agent.hang_up()
        await asyncio.sleep(2)
        assert bridged(c, CUSTOMER, EVA)
        call.hang_up()

    story(tmp_path)


@told(CENTRE)
async def test_a_dialog_of_somebody_else_cannot_be_replaced(c: Centre) -> None:
    c.phone("1003").on_call = answering(0.5)
    c.phone("1004").on_call = answering(0.5)
    call, agent = await in_talk(c)
    stranger = c.phone("1002").call("1003")
    await stranger.answered()
    agent.refer_to(stranger)
    assert await agent.referred() == 403
    forged = stranger.replaces().replace("from-tag=", "from-tag=x")
    agent.events.clear()
    agent.refer(f"<sip:1003@192.0.2.1?Replaces={quote(forged, safe='')}>")
    assert await agent.referred() == 481
    assert c.switch.media.bridges and len(c.switch.media.bridges) == 2
    stranger.hang_up()
    call.hang_up()
