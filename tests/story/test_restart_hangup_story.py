"""Proves who has hung up, by the CDR, when `kill -9` comes while a call is taken down: the other side was told already, and
knows nothing of the call any more, but whoever hung up has had no answer and says it again. Neither an offer of a new port
nor a refresh of the session, which the other side answers by 481, ends the call before that; one who never says it again
costs a few seconds, and only right after the kill.

What becomes of a BYE that comes while nobody listens is told in `test_restart_story.py`.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from story_floor import Centre, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.call import ending
from softswitch.config.sip import Sip
from softswitch.sip import session_snapshot
from softswitch.store.store import Store
from softswitch.testing.manners import answering
from softswitch.testing.network import DELAY_S
from softswitch.testing.peer_call import PeerCall

FLOOR = centre(**sales(members=members("ana")))
SIDES = pytest.mark.parametrize("who", ["customer", "agent"])
ENDED_BY = {"customer": "caller", "agent": "callee"}


async def in_talk(c: Centre, who: str) -> tuple[PeerCall, PeerCall]:
    """Who is to hang up, and the other, from whom everything comes first."""
    c.phone("1001").on_call = answering(0.5)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1
    far = c.north if who == "customer" else c.phone("1001")
    c.network.script = lambda packet: 0.1 if far.place in (packet.sender, packet.receiver) else DELAY_S
    return (call, agent) if who == "customer" else (agent, call)


async def killed_before(
    c: Centre, step: tuple[Any, str], hangs_up: PeerCall, other: PeerCall, *, down_s: float
) -> None:
    """The other side has heard the BYE when the process dies, but this was not done any more."""
    dead = asyncio.Event()

    async def not_done(*_: Any) -> None:
        await dead.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*step, not_done)
        hangs_up.hang_up()
        await other.hung_up()
        await asyncio.sleep(0.02)
        restarting = asyncio.create_task(c.restart(down_s=down_s))
        await asyncio.sleep(0)
        dead.set()
        await asyncio.sleep(0.05)
    await restarting


@SIDES
@pytest.mark.parametrize("down_s", [0.1, 3.0])
def test_the_row_was_not_written_and_ports_are_given_back(who: str, down_s: float, tmp_path: Path) -> None:
    """Legs open again at new ports, of which both sides are told."""

    @told(FLOOR)
    async def story(c: Centre) -> None:
        hangs_up, other = await in_talk(c, who)
        await killed_before(c, (Store, "call_finished"), hangs_up, other, down_s=down_s)
        await asyncio.sleep(5)
        cdr = await c.cdr()
        assert (cdr["ended_by"], cdr["cause"]) == (ENDED_BY[who], "normal")
        assert c.agent("ana").state in (AgentState.WRAP_UP, AgentState.IDLE)

    story(tmp_path)


@told(centre(sip=Sip(session_expires_s=90), **sales(members=members("ana"))))
async def test_the_ports_were_not_given_back_and_the_session_is_refreshed(c: Centre) -> None:
    """By us: a caller refreshes his himself."""
    call, agent = await in_talk(c, "customer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_snapshot, "_REFRESHED_WITHIN", 1000)
        await killed_before(c, (ending, "_let_all_go"), call, agent, down_s=0.1)
    await asyncio.sleep(5)
    assert c.phone("1001").heard("UPDATE") == 1
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("caller", "normal")


@SIDES
def test_one_who_is_gone_and_does_not_say_it_again(who: str, tmp_path: Path) -> None:
    @told(FLOOR)
    async def story(c: Centre) -> None:
        hangs_up, other = await in_talk(c, who)
        gone = c.north if who == "customer" else c.phone("1001")
        await killed_before(c, (Store, "call_finished"), hangs_up, other, down_s=0.1)
        c.network.script = lambda packet: None if gone.place in (packet.sender, packet.receiver) else DELAY_S
        await asyncio.sleep(4)
        assert c.switch.cdrs()[0]["ended"] is None
        await asyncio.sleep(1)
        cdr = await c.cdr()
        assert (cdr["ended_by"] == ENDED_BY[who], cdr["cause"]) == (False, "normal")
        c.network.script = lambda packet: DELAY_S

    story(tmp_path)


@told(FLOOR)
async def test_a_phone_that_has_forgotten_its_call_later_ends_it_at_once(c: Centre) -> None:
    """A minute after the kill nobody repeats a BYE of before."""
    call, agent = await in_talk(c, "customer")
    await c.restart()
    await asyncio.sleep(60)
    c.network.script = lambda packet: None if c.phone("1001").place == packet.sender else DELAY_S
    agent.hang_up()
    await asyncio.sleep(40)
    c.network.script = lambda packet: DELAY_S
    c.switch.media.die()  # has both told of their new ports
    await asyncio.sleep(1)
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("callee", "normal")
    await call.hung_up()
