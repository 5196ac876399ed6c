"""Proves that trouble costs no more than it must: media workers that die, storage that fails, administrators who hang up,
drain and stop, and a configuration that changes under calls.

Does not prove a crash of the switch itself (`tests/interop`), nor what a real worker or disk does when it fails.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from story_floor import ROAMING, Centre, about, centre, fixed, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.config.queues import Agent, Queue
from softswitch.facts import ConfigReloaded, MediaWorkerDied
from softswitch.store.rows import Row
from softswitch.testing.manners import answering, ringing
from softswitch.testing.peer_call import PeerCall

# --- media workers ------------------------------------------------------------------------------------------------------


async def greeted(c: Centre) -> PeerCall:
    call = c.caller("700")
    await call.answered()
    return call


async def waiting(c: Centre) -> PeerCall:
    for phone in ("1001", "1002"):
        c.phone(phone).on_call = lambda call: call.reject(486)
    call = c.caller()
    await call.answered()
    await asyncio.sleep(1)
    return call


async def ringing_for(c: Centre) -> PeerCall:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(1)
    return call


async def talking(c: Centre) -> PeerCall:
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    return call


async def recording_a_message(c: Centre) -> PeerCall:
    call = await greeted(c)
    c.press("2")
    await asyncio.sleep(4)
    return call


@pytest.mark.parametrize(
    ("until", "stage"),
    [
        (greeted, "greet"),
        (waiting, "wait"),
        (ringing_for, "wait"),
        (talking, "talk"),
        (recording_a_message, "message"),
    ],
)
def test_a_media_worker_dies_and_nobody_takes_its_legs(
    until: Callable[[Centre], Awaitable[PeerCall]], stage: str, tmp_path: Path
) -> None:
    @told()
    async def story(c: Centre) -> None:
        call = await until(c)
        assert c.live().stage == stage
        c.switch.media.refuse_open = "no port is free"
        c.switch.media.die()
        await call.hung_up()
        c.switch.media.refuse_open = ""
        cdr = await c.cdr()
        assert (cdr["ended_by"], cdr["cause"], cdr["last_stage"]) == ("switch", "media failed", stage)
        [died] = c.switch.happened(MediaWorkerDied)
        assert died.legs >= 1
        assert c.agent("ana").state is not AgentState.TALKING
        for row in c.switch.rows("recordings"):
            assert (row["state"], row["problem"]) == ("failed", "the media worker died")
        await asyncio.sleep(30)
        c.phone("1001").on_call = answering(0.0)
        after = c.caller()
        await c.phone("1001").next_call()
        await asyncio.sleep(1)
        assert len(c.switch.media.bridges) == 1
        after.hang_up()

    story(tmp_path)


@told()
async def test_a_media_worker_dies_while_a_port_is_being_opened(c: Centre) -> None:
    c.switch.media.open_s = 1.0
    call = c.caller()
    await asyncio.sleep(0.5)
    c.switch.media.die()
    assert await call.refused() == 503
    assert (await c.cdr())["cause"] == "media failed"


@told()
async def test_no_port_is_free(c: Centre) -> None:
    c.switch.media.refuse_open = "no port is free"
    assert await c.caller().refused() == 503
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("switch", "media failed", 503)


@told()
async def test_no_port_is_free_for_the_agent(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.switch.media.refuse_open = "no port is free"
    c.press("1")
    await asyncio.sleep(1)
    assert {result for _, result, _ in await c.offers()} == {"failed"}
    assert c.waiting() == 1
    call.hang_up()


# --- storage ------------------------------------------------------------------------------------------------------------


class FullDisk:
    """Stands before the real sink and fails while `full`."""

    def __init__(self, sink: object) -> None:
        self.full = True
        self._sink = sink

    def write(self, rows: Sequence[Row]) -> None:
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        self._sink.write(rows)  # type: ignore[attr-defined]

    def close(self) -> None:
        self._sink.close()  # type: ignore[attr-defined]


@told()
async def test_storage_that_fails_stops_no_call_and_loses_no_row(c: Centre) -> None:
    writer = c.switch.parts.store.writer
    disk = writer._sink = FullDisk(writer._sink)
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    assert len(c.switch.media.bridges) == 1
    call.hang_up()
    await asyncio.sleep(1)
    assert c.north.heard("200 BYE") == 1
    assert c.switch.cdrs() == []
    status = c.switch.control.status()
    assert [alarm.name for alarm in status.alarms] == ["storage"]
    assert status.storage.spooled > 0
    disk.full = False
    await asyncio.sleep(10)
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["agent"], cdr["talk_s"]) == ("normal", "ana", about(1.98))
    assert len(await c.offers()) == len(await c.visits()) == 1
    assert c.switch.control.status().alarms == ()


@told(centre(recording=replace(centre().recording, min_free_mb=10**9)))
async def test_a_full_disk_stops_recordings_and_no_call(c: Centre) -> None:
    call = await talking(c)
    assert len(c.switch.media.bridges) == 1
    assert c.switch.media.recordings == frozenset()
    assert [alarm.name for alarm in c.switch.control.status().alarms] == ["recording"]
    call.hang_up()
    assert (await c.cdr())["recording"] is None


@told(centre(recording=replace(centre().recording, min_free_mb=10**9)))
async def test_a_message_that_cannot_be_recorded_is_not_awaited(c: Centre) -> None:
    call = await greeted(c)
    c.press("2")
    await call.hung_up()
    cdr = await c.cdr()
    assert cdr["ended"] - cdr["started"] < 20


# --- people in charge ---------------------------------------------------------------------------------------------------


@told()
async def test_an_administrator_hangs_up(c: Centre) -> None:
    call = await talking(c)
    await c.switch.control.hangup(c.live().id)
    await call.hung_up()
    assert c.phone("1001").heard("BYE") == 1
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("admin", "hung up by administrator")
    [visit] = await c.visits()
    assert visit["outcome"] == "answered"


@told()
async def test_an_administrator_hangs_up_who_is_not_answered_yet(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    await c.phone("1002").next_call()
    await asyncio.sleep(1)
    await c.switch.control.hangup(c.live().id)
    assert await call.refused() == 480
    assert c.phone("1002").heard("CANCEL") == 1
    assert (await c.cdr())["ended_by"] == "admin"


@told()
async def test_a_switch_that_stops_lets_calls_finish_and_takes_no_new_ones(c: Centre) -> None:
    call = await talking(c)
    view = await c.switch.control.stop(now=False)
    assert view.calls == 1
    assert await c.caller(user="+342").refused() == 503
    await asyncio.sleep(5)
    assert not c.switch.stopping.is_set()
    call.hang_up()
    await asyncio.sleep(1)
    assert c.switch.stopping.is_set()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_a_switch_that_stops_at_once_ends_every_call(c: Centre) -> None:
    call = await talking(c)
    other = c.caller("700", user="+342")
    await other.answered()
    await c.switch.control.stop(now=True)
    assert c.switch.stopping.is_set()
    await c.switch.parts.manager.stop(3.0)
    await call.hung_up()
    await other.hung_up()
    await c.settled()
    assert {(row["ended_by"], row["cause"]) for row in c.switch.cdrs()} == {("switch", "shutdown")}


# --- reload -------------------------------------------------------------------------------------------------------------

SUPPORT = Queue(members=members("eva"), announce_frequency=0.0)


@told(centre(**sales(members=members("roy"))))
async def test_a_queue_gets_a_new_agent_while_a_caller_waits(c: Centre) -> None:
    call = c.caller()
    await call.answered()
    await asyncio.sleep(5)
    c.phone("1004").on_call = answering(1.0)
    agents = {"zoe": Agent(endpoint="1004")}
    view = c.switch.reload(centre(agent=agents, **sales(members=members("roy", "zoe"))))
    assert set(view.changed) == {"agent.zoe", "queue.sales"}
    assert len(c.switch.happened(ConfigReloaded)) == 1
    await c.switch.control.agent_login("zoe", "")
    await c.phone("1004").next_call()
    await asyncio.sleep(2)
    assert c.agent("zoe").state is AgentState.TALKING
    call.hang_up()
    [visit] = await c.visits()
    assert (visit["agent"], visit["wait_s"]) == ("zoe", about(6))
    assert "NONE|NONE|CONFIGRELOAD" in c.log()


@told()
async def test_an_agent_is_removed_while_his_phone_rings(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    c.phone("1002").on_call = answering(1.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    c.switch.reload(centre(agent={"ana": None}, **sales(members=members("ben"))))
    await c.phone("1002").next_call()
    await asyncio.sleep(2)
    assert c.phone("1001").heard("CANCEL") == 1
    assert [view.agent for view in c.switch.control.agents()] == ["ben", "eva", "roy"]
    call.hang_up()
    assert await c.offers() == [("ana", "cancelled", 487), ("ben", "answered", 200)]
    rows = c.switch.rows("agent_intervals", "began")
    assert {row["state"] for row in rows if row["agent"] == "ana"} == {"idle", "ringing"}


@told()
async def test_an_agent_is_removed_while_he_talks(c: Centre) -> None:
    call = await talking(c)
    c.switch.reload(centre(agent={"ana": None}, **sales(members=members("ben"))))
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["agent"], cdr["talk_s"], cdr["cause"]) == ("ana", about(5), "normal")
    assert (await c.visits())[0]["outcome"] == "answered"


@told()
async def test_an_agent_is_removed_while_he_is_on_a_call_of_his_own(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    own = c.phone("1001").call("1002")
    await own.answered()
    c.switch.reload(centre(agent={"ana": None}, **sales(members=members("ben"))))
    await asyncio.sleep(1)
    own.hang_up()
    await c.settled()
    c.switch.reload(centre())
    assert c.agent("ana").state is AgentState.OFFLINE


@told(centre(agent={"ana": None}, **sales(members=members("ben"))))
async def test_an_agent_is_added_at_a_phone_that_is_on_a_call(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    own = c.phone("1001").call("1002")
    await own.answered()
    c.switch.reload(centre())
    await c.switch.control.agent_login("ana", "")
    assert c.agent("ana").state is AgentState.OCCUPIED
    own.hang_up()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.IDLE


@told()
async def test_an_agent_moves_to_another_phone_while_the_old_one_is_on_a_call(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    own = c.phone("1001").call("1002")
    await own.answered()
    assert c.agent("ana").state is AgentState.OCCUPIED
    c.switch.reload(centre(agent={"ana": Agent(endpoint="1004", login="on-start")}))
    assert c.agent("ana").state is AgentState.IDLE
    own.hang_up()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.IDLE
    c.phone("1004").on_call = answering(0.0)
    call = c.caller()
    await asyncio.sleep(2)
    assert c.agent("ana").state is AgentState.TALKING or c.agent("ben").state is AgentState.TALKING
    call.hang_up()


@told(centre(queue={"support": replace(SUPPORT, members=members("roy"), on_empty="queue:sales")}))
async def test_a_queue_is_removed_while_a_caller_waits_in_it(c: Centre) -> None:
    config = centre(route={"603": replace(centre().route["600"], to="queue:support")})
    with_support = replace(
        config, queue={**config.queue, "support": replace(SUPPORT, members=members("roy"))}
    )
    c.switch.reload(with_support)
    call = c.caller("603")
    await call.answered()
    await asyncio.sleep(4)
    c.switch.reload(centre())
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["queue"], cdr["cause"], cdr["wait_s"]) == ("support", "queue empty", about(4))
    assert [row["outcome"] for row in await c.visits()] == ["empty"]


@told(centre(queue={"support": SUPPORT}, route={"603": replace(centre().route["600"], to="queue:support")}))
async def test_a_queue_is_removed_while_its_agent_rings_and_talks(c: Centre) -> None:
    c.phone("1003").on_call = answering(2.0)
    one = c.caller("603")
    await c.phone("1003").next_call()
    await asyncio.sleep(3)
    two = c.caller("603", user="+342")
    await two.answered()
    c.switch.reload(centre())
    await two.hung_up()
    await asyncio.sleep(1)
    assert len(c.switch.media.bridges) == 1
    one.hang_up()
    assert sorted(row["outcome"] for row in await c.visits()) == ["answered", "empty"]


@told()
async def test_a_phone_is_removed_while_it_talks(c: Centre) -> None:
    c.phone("1004").on_call = answering(0.0)
    call = c.phone("1001").call("1004")
    await call.answered()
    config = centre(endpoint={"1004": None})
    c.switch.reload(config)
    await asyncio.sleep(1)
    assert len(c.switch.media.bridges) == 1
    call.hang_up()
    await asyncio.sleep(1)
    assert await c.phone("1001").call("1004").refused() == 404


@told(centre(endpoint={"1001": fixed("1001", max_calls=5)}))
async def test_calls_keep_the_configuration_they_began_with(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.switch.reload(centre(flow={"main": None}, route={"700": None}))
    c.press("1")
    await asyncio.sleep(1)
    assert c.live().stage == "wait"
    call.hang_up()
    assert await c.caller("700").refused() == 404


@told(centre(**sales(members=members("roy"), max_wait=10.0, on_timeout="hangup")))
async def test_a_waiting_caller_is_led_to_a_flow_that_is_newer_than_his_call(c: Centre) -> None:
    call = c.caller()
    await call.answered()
    changed = sales(members=members("roy"), max_wait=10.0, on_timeout="flow:late")
    c.switch.reload(centre(**changed, flow={"late": centre().flow["main"]}))
    await asyncio.sleep(11)
    assert c.live().stage == "greet"
    call.hang_up()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_a_registered_phone_that_goes_away_while_it_rings_for_a_caller(c: Centre) -> None:
    roy = c.phone(ROAMING)
    c.switch.reload(centre(**sales(members=members("roy"))))
    roy.on_call = ringing
    assert await roy.sign_in() == 200
    assert c.agent("roy").state is AgentState.IDLE
    call = c.caller()
    await roy.next_call()
    assert await roy.sign_in(expires_s=0) == 200
    await asyncio.sleep(1)
    assert c.waiting() == 1
    call.hang_up()
    await asyncio.sleep(1)
    assert c.agent("roy").state is AgentState.UNREACHABLE
