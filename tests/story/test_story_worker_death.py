"""Proves what a call makes of the death of its media worker, at each stage and with each manner of peer.

Both peers are told the new port by re-INVITE, as soon as their session allows; the talk, its recording, its CDR and the
agent's state go on. Does not prove that anybody hears anything: `tests/interop/test_worker_death.py` does.
"""

import asyncio

from story_floor import Centre, about, told

from softswitch.acd.values import AgentState
from softswitch.rtp.commands import StartRecording
from softswitch.sip.events import Reoffered, SessionEvent
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall


def ports_told(call: PeerCall) -> list[int]:
    """Where the re-INVITEs that this peer took lead."""
    offers = [event.sdp for event in call.events if isinstance(event, Reoffered)]
    return [offer.media[0].port for offer in offers if offer is not None]


async def talking(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    await call.answered()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(4)
    assert len(c.switch.media.bridges) == 1
    return call, agent


@told()
async def test_a_talk_goes_on_at_new_ports_and_in_the_same_recording(c: Centre) -> None:
    call, agent = await talking(c)
    before = {leg.opened.port for leg in c.live().legs.values() if leg.opened is not None}
    c.switch.media.die()
    await asyncio.sleep(1)
    now = {leg.opened.port for leg in c.live().legs.values() if leg.opened is not None}
    assert now.isdisjoint(before) and len(now) == 2
    assert {*ports_told(call), *ports_told(agent)} == now
    assert len(c.switch.media.bridges) == 1
    assert c.agent("ana").state is AgentState.TALKING
    first, again = c.switch.media.told(StartRecording)
    assert again.spec.recording == first.spec.recording and again.spec.path == first.spec.path
    assert again.spec.continues_s == about(3.05)
    await asyncio.sleep(5)
    agent.hang_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["agent"]) == ("callee", "normal", "ana")
    assert cdr["talk_s"] == about(9)
    [row] = c.switch.rows("recordings")
    assert (row["state"], row["recording"]) == ("ended", cdr["recording"])


@told()
async def test_two_deaths_in_a_row_are_survived(c: Centre) -> None:
    call, agent = await talking(c)
    c.switch.media.die()
    await asyncio.sleep(0.06)
    c.switch.media.die()
    await asyncio.sleep(3)
    current = {leg.opened.port for leg in c.live().legs.values() if leg.opened is not None}
    assert {ports_told(call)[-1], ports_told(agent)[-1]} == current
    call.hang_up()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_a_menu_goes_on(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.3)
    c.switch.media.die()
    await asyncio.sleep(1)
    assert len(ports_told(call)) == 1
    c.press("5")
    await call.hung_up()
    assert (await c.cdr())["cause"] == "flow ended"


@told()
async def test_a_phone_that_rings_is_told_once_it_has_answered(c: Centre) -> None:
    call = c.caller()
    agent = await c.phone("1001").next_call()
    agent.ring()
    await asyncio.sleep(2)
    c.switch.media.die()
    await asyncio.sleep(2)
    assert not ports_told(agent)
    agent.answer()
    await asyncio.sleep(1)
    leg = next(leg for leg in c.live().legs.values() if leg.party == "endpoint:1001")
    assert leg.opened is not None and ports_told(agent) == [leg.opened.port]
    agent.hang_up()
    await call.hung_up()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_a_caller_who_was_told_nothing_yet_gets_the_new_port_in_his_answer(c: Centre) -> None:
    phone = c.phone("1002")
    call = c.phone("1001").call("1002")
    called = await phone.next_call()
    called.ring()
    await asyncio.sleep(1)
    c.switch.media.die()
    await asyncio.sleep(1)
    called.answer()
    answer = await call.answered()
    await asyncio.sleep(1)
    assert answer.sdp is not None and c.live().caller.opened is not None
    assert answer.sdp.media[0].port == c.live().caller.opened.port
    assert not ports_told(call), "nothing to tell him"
    call.hang_up()
    await called.hung_up()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_a_caller_who_hears_early_media_is_told_after_the_answer(c: Centre) -> None:
    call = c.phone("1001").call("9123")
    called = await c.south.next_call()
    called.ring(183, early=True)
    await asyncio.sleep(1)
    c.switch.media.die()
    await asyncio.sleep(1)
    assert not ports_told(call)
    called.answer()
    await call.answered()
    await asyncio.sleep(1)
    assert c.live().caller.opened is not None
    assert ports_told(call) == [c.live().caller.opened.port]
    call.hang_up()
    await called.hung_up()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_both_sides_offer_at_once_and_one_tries_again(c: Centre) -> None:
    call, agent = await talking(c)
    agent.reoffer(agent.describe())
    c.switch.media.move_s = 0.0
    c.switch.media.die()
    await asyncio.sleep(6)
    leg = next(leg for leg in c.live().legs.values() if leg.party == "endpoint:1001")
    assert leg.opened is not None and ports_told(agent)[-1] == leg.opened.port
    call.hang_up()
    await agent.hung_up()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_a_held_caller_stays_held(c: Centre) -> None:
    call, agent = await talking(c)
    agent.hold()
    await asyncio.sleep(1)
    assert not c.switch.media.bridges

    def still_held(event: SessionEvent) -> None:
        agent.events.append(event)
        if isinstance(event, Reoffered):
            agent.session.accept_reoffer(agent.describe("sendonly"))
            agent.peer.flush()

    agent.session.on_event = still_held
    c.switch.media.die()
    await asyncio.sleep(2)
    assert not c.switch.media.bridges
    agent.session.on_event = agent.told
    agent.resume()
    await asyncio.sleep(1)
    assert len(c.switch.media.bridges) == 1
    call.hang_up()
    await agent.hung_up()
    assert (await c.cdr())["hold_s"] == about(3)


@told()
async def test_a_peer_that_refuses_ends_the_call(c: Centre) -> None:
    call, agent = await talking(c)

    def refusing(event: SessionEvent) -> None:
        if isinstance(event, Reoffered):
            agent.session.refuse_reoffer(488)
            agent.peer.flush()
        else:
            agent.told(event)

    agent.session.on_event = refusing
    c.switch.media.die()
    await call.hung_up()
    await agent.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("switch", "media failed")


@told()
async def test_a_peer_that_cannot_just_now_is_asked_again(c: Centre) -> None:
    call, agent = await talking(c)
    refused: list[int] = []

    def busy_first(event: SessionEvent) -> None:
        if isinstance(event, Reoffered) and not refused:
            refused.append(1)
            agent.session.refuse_reoffer(500)
            agent.peer.flush()
        else:
            agent.told(event)

    agent.session.on_event = busy_first
    c.switch.media.die()
    await asyncio.sleep(3)
    assert refused and len(ports_told(agent)) == 1
    call.hang_up()
    await agent.hung_up()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_a_call_that_ends_while_it_moves_leaves_nothing(c: Centre) -> None:
    call, agent = await talking(c)
    c.switch.media.move_s = 0.5
    c.switch.media.die()
    await asyncio.sleep(0.1)
    call.hang_up()
    await agent.hung_up()
    assert (await c.cdr())["cause"] == "normal"
    [row] = c.switch.rows("recordings")
    assert row["state"] in ("ended", "failed")
