"""Proves that `kill -9` at any moment around a REFER leaves whoever put a caller through in no dialog for ever: an attended
transfer was done, then the two talk and both of her dialogs are hung up, or it was not, then nobody has told her so; that
segments and times are right either way; and that a BYE which waits for the answer to a NOTIFY is not forgotten. The same of
whoever picks up what rings elsewhere, or takes the place of one who talks.
"""

import asyncio
from pathlib import Path

import pytest
from story_floor import Centre, about, centre, fixed, members, sales, told

from softswitch.testing.manners import answering, ringing
from softswitch.testing.network import DELAY_S, Packet
from softswitch.testing.peer_call import PeerCall

FLOOR = centre(**sales(members=members("ana")), agent={"eva": None})
CUSTOMER, ANA, EVA = "trunk:north", "endpoint:1001", "endpoint:1003"
FORGOTTEN_S = 75.0
"""Longer than anything is repeated."""
MOMENTS = pytest.mark.parametrize("after_ms", [0, 5, 10, 15, 20, 25, 30, 40, 60, 100, 150])


async def putting_through(c: Centre, after_ms: int) -> tuple[PeerCall, PeerCall, PeerCall]:
    """Ana has the customer on hold, has called eva, and puts the two together; the kill comes so long after her REFER has
    arrived."""
    c.phone("1001").on_call = answering(2.0)
    c.phone("1003").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    agent.hold()
    await asyncio.sleep(1)
    second = c.phone("1001").call("1003")
    await asyncio.sleep(3)
    agent.refer_to(second)
    await asyncio.sleep(DELAY_S + after_ms / 1000)
    return call, agent, second


@MOMENTS
def test_whoever_puts_through_is_in_no_dialog_for_ever(after_ms: int, tmp_path: Path) -> None:
    """Either it was done, then the two talk, and both dialogs of hers are hung up; or it was not, and she has both."""

    @told(FLOOR)
    async def story(c: Centre) -> None:
        call, agent, second = await putting_through(c, after_ms)
        await c.restart()
        await asyncio.sleep(10)
        eva = c.phone("1003").calls[0]
        assert not call.session.over and not eva.session.over
        done = agent.session.over
        if done:
            assert second.session.over
            assert c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(EVA)))}
        else:
            assert after_ms < 40 and not second.session.over
            assert 200 not in agent.refer_progress, "she was not told that it was done"
            agent.hang_up()
            second.hang_up()
        await asyncio.sleep(1)
        call.hang_up()
        await asyncio.sleep(FORGOTTEN_S)
        assert agent.session.over and second.session.over and eva.session.over
        rows = c.switch.rows("segments", "began, call")
        wanted = (
            [(ANA, "transfer"), (EVA, "transfer"), (EVA, "caller")]
            if done
            else [(ANA, "callee"), (EVA, "caller")]
        )
        assert [(row["party"], row["ended_by"]) for row in rows] == wanted
        if done:
            assert rows[0]["talk_s"] == about(1) and rows[0]["hold_s"] == pytest.approx(4, abs=0.2)
        assert c.switch.rows("farewells") == []

    story(tmp_path)


@pytest.mark.parametrize("attended", [True, False])
def test_a_bye_that_waits_for_the_answer_to_a_notify_is_not_forgotten(attended: bool, tmp_path: Path) -> None:
    @told(FLOOR)
    async def story(c: Centre) -> None:
        c.phone("1001").on_call = answering(2.0)
        c.phone("1003").on_call = answering(1.0)
        call = c.caller()
        agent = await c.phone("1001").next_call()
        await asyncio.sleep(3)
        second = None
        if attended:
            second = c.phone("1001").call("1003")
            await asyncio.sleep(3)

        def script(packet: Packet) -> float | None:
            return None if packet.first_line.startswith("NOTIFY ") else DELAY_S

        c.network.script = script
        if second is not None:
            agent.refer_to(second)
        else:
            agent.refer("1003")
        await asyncio.sleep(0.5 if attended else 1.5)
        assert not agent.session.over
        await c.restart()
        c.network.script = lambda packet: DELAY_S
        await asyncio.sleep(1)
        assert agent.session.over and (second is None or second.session.over)
        assert c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(EVA)))}
        call.hang_up()
        assert c.switch.rows("farewells") != []
        await asyncio.sleep(FORGOTTEN_S)
        assert c.switch.rows("farewells") == []

    story(tmp_path)


# --- whoever comes in the place of another --------------------------------------------------------------------------------

PICKUP_MOMENTS = pytest.mark.parametrize("after_ms", [0, 5, 10, 15, 20, 30, 40, 60, 100, 150])
GROUPED = {name: fixed(name, pickup_groups=("office",)) for name in ("1001", "1002", "1003")}
OFFICE = centre(**sales(members=members("ana")), endpoint=GROUPED)


@PICKUP_MOMENTS
@pytest.mark.parametrize("queue", [True, False])
def test_whoever_picks_up_is_in_no_dialog_for_ever(queue: bool, after_ms: int, tmp_path: Path) -> None:
    @told(OFFICE)
    async def story(c: Centre) -> None:
        rings = c.phone("1001" if queue else "1002")
        rings.on_call = ringing
        first = c.caller() if queue else c.phone("1004").call("1002")
        await asyncio.sleep(2)
        picker = c.phone("1003").call("*8")
        await picker.answered()
        await asyncio.sleep(after_ms / 1000)
        await c.restart()
        await asyncio.sleep(10)
        if not picker.session.over and not first.session.over:
            assert c.switch.media.bridges == {frozenset(leg.id for leg in c.live().legs.values())}
        if not first.session.over:
            first.hang_up()
        await asyncio.sleep(5)
        assert picker.session.over and first.session.over
        assert all(call.session.over for call in rings.calls)
        await asyncio.sleep(FORGOTTEN_S)
        assert c.switch.rows("farewells") == []

    story(tmp_path)


@PICKUP_MOMENTS
def test_whoever_takes_a_place_is_in_no_dialog_for_ever(after_ms: int, tmp_path: Path) -> None:
    """A second phone of the agent's goes on with his talk (RFC 3891); in the worst moment it is hung up as well."""

    @told(OFFICE)
    async def story(c: Centre) -> None:
        c.phone("1001").on_call = answering(0.5)
        first = c.caller()
        agent = await c.phone("1001").next_call()
        await asyncio.sleep(3)
        other = c.phone("1001").call("600", headers=(("Replaces", agent.replaces()),))
        await other.answered()
        await asyncio.sleep(after_ms / 1000)
        await c.restart()
        await asyncio.sleep(10)
        assert [agent.session.over, other.session.over].count(False) <= 1
        if not first.session.over:
            first.hang_up()
        await asyncio.sleep(5)
        assert agent.session.over and other.session.over and first.session.over
        await asyncio.sleep(FORGOTTEN_S)
        assert c.switch.rows("farewells") == []

    story(tmp_path)
