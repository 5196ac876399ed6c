"""Proves that dialogs which outlive a kill of the control process are whole: session timers over hours, whoever refreshes;
a peer that died meanwhile is noticed; UPDATE with and without an offer, holds, REFER and INFO are served; our descriptions
are newer than any from before, also than one that was told in the last moment, and so are our numbers; and that
subscriptions, which do not outlive it, are ended so that phones subscribe again.

What becomes of the calls themselves is told in `test_restart_story.py`.
"""

import asyncio
import json
from typing import Any

import pytest
from story_floor import SWITCH, Centre, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.config.endpoints import Endpoint
from softswitch.sip.events import InfoReceived, Reoffered
from softswitch.sip.message import Response
from softswitch.testing.manners import answering
from softswitch.testing.network import DELAY_S, deliver_later
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.subscriber import Subscriber

CUSTOMER, ANA = "trunk:north", "endpoint:1001"
FLOOR = centre(**sales(members=members("ana")))
HOUR_S = 3600.0


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(0.5)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    return call, agent


async def asked(call: PeerCall, method: str, body: bytes = b"", *headers: tuple[str, str]) -> Response:
    """A request inside the dialog, and its final answer."""
    client = call.session.client
    assert client is not None
    answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def answered(response: Response, now: float) -> None:
        if response.status >= 200 and not answer.done():
            answer.set_result(response)

    about = (("Content-Type", "application/sdp"),) if body else ()
    client.request(
        method,
        headers=(("Contact", client.contact), *about, *headers),
        body=body,
        on_response=answered,
        on_failure=lambda cause, now: None,
    )
    call.peer.flush()
    async with asyncio.timeout(10):
        return await answer


@told(FLOOR)
async def test_sessions_are_refreshed_by_either_side_for_hours(c: Centre) -> None:
    """The customer's trunk refreshes his dialog, we that of the agent; a second kill in the middle."""
    call, agent = await in_talk(c)
    await c.restart()
    await asyncio.sleep(2.5 * HOUR_S)
    await c.restart()
    await asyncio.sleep(2.5 * HOUR_S)
    assert not call.session.over and not agent.session.over
    assert c.agent("ana").state is AgentState.TALKING
    assert c.north.sent("UPDATE") >= 18 and c.phone("1001").heard("UPDATE") >= 18
    assert c.north.heard("200 UPDATE") == c.north.sent("UPDATE")
    assert c.phone("1001").heard("INVITE") == 1, "an UPDATE changes nothing of the media"
    call.hang_up()
    cdr = await c.cdr()
    assert cdr["cause"] == "normal" and cdr["talk_s"] == pytest.approx(5 * HOUR_S, abs=20)


@pytest.mark.parametrize("who", ["customer", "agent"])
def test_a_peer_that_died_meanwhile_is_noticed(who: str, tmp_path: Any) -> None:
    @told(FLOOR)
    async def story(c: Centre) -> None:
        call, agent = await in_talk(c)
        gone, stays = (c.north, agent) if who == "customer" else (c.phone("1001"), call)
        c.network.script = lambda packet: None if gone.place in (packet.sender, packet.receiver) else DELAY_S
        await c.restart()
        await asyncio.sleep(HOUR_S)
        assert stays.session.over
        cdr = await c.cdr()
        assert cdr["cause"] == "session expired"
        assert c.agent("ana").state is AgentState.IDLE

    story(tmp_path)


@told(FLOOR)
async def test_requests_of_every_kind_are_served(c: Centre) -> None:
    call, agent = await in_talk(c)
    await c.restart()
    await asyncio.sleep(1)
    assert (await asked(agent, "UPDATE")).status == 200
    held = await asked(agent, "UPDATE", agent.describe("sendonly").serialize())
    assert held.status == 200 and b"a=recvonly" in held.body
    await asyncio.sleep(0.5)
    assert not c.switch.media.bridges and c.switch.media.music(c.leg_of(CUSTOMER))
    back = await asked(agent, "UPDATE", agent.describe("sendrecv").serialize())
    assert back.status == 200 and b"a=sendrecv" in back.body
    await asyncio.sleep(0.5)
    assert len(c.switch.media.bridges) == 1
    assert (await asked(call, "OPTIONS")).status == 200
    assert (await asked(call, "UPDATE", b"", ("Session-Expires", "60"), ("Supported", "timer"))).status == 422
    call.press("5")
    await asyncio.sleep(1)
    assert c.north.heard("200 INFO") == 1 and not any(isinstance(each, InfoReceived) for each in agent.events)
    c.phone("1003").on_call = answering(0.5)
    agent.refer("1003")
    assert await agent.referred() == 200
    await agent.hung_up()
    call.hang_up()
    assert (await c.cdr())["destination"] == "endpoint:1003"


def versions(call: PeerCall) -> list[int]:
    """Of the offers and answers that the switch described itself by, in order."""
    found = [event.sdp for event in call.events if isinstance(event, Reoffered)]
    return [int(sdp.origin.version) for sdp in found if sdp is not None]


@told(FLOOR)
async def test_what_is_described_after_it_is_newer_than_what_was_told_in_the_last_moment(c: Centre) -> None:
    """The hold came right before the kill: nobody has written it down."""
    call, agent = await in_talk(c)
    held = await asked(agent, "UPDATE", agent.describe("sendonly").serialize())
    await c.restart()
    c.switch.media.die()  # has both peers told by re-INVITE
    await asyncio.sleep(2)
    before = int(held.body.partition(b"o=- ")[2].split()[1])
    assert versions(agent) and min(versions(agent)) > before
    assert len(versions(agent)) == len(versions(call)) == 1
    call.hang_up()


LAMPS = "192.0.2.60"
PANEL = Endpoint(contact=f"sip:panel@{LAMPS}", match=(f"{LAMPS}/32",), watches=("*",))


def panel_of(c: Centre) -> Subscriber:
    return Subscriber(
        c.network,
        LAMPS,
        name="panel",
        switch=SWITCH,
        transmit=lambda data, sender, to: deliver_later(c.network, data, sender, to),
    )


@told(centre(endpoint={"panel": PANEL}))
async def test_phones_subscribe_again_at_once_after_it(c: Centre) -> None:
    """Those that are over are left in peace, and what a kill has cut in the file costs nothing."""
    panel = panel_of(c)
    lamps = [panel.watch(name, expires=3600) for name in ("1001", "1002", "1003")]
    await asyncio.sleep(1)
    lamps[2].send(0)
    await asyncio.sleep(5)
    before = [len(lamp.notifies) for lamp in lamps]
    for _ in range(2):  # a second kill finds nobody whom the first has not ended
        await c.restart()
        path = c.switch.folder / "subscriptions"
        assert path.stat().st_mode & 0o077 == 0
        path.write_text(path.read_text() + '{"dialog": {"call_')
        await asyncio.sleep(2)
    assert [len(lamp.notifies) - told for lamp, told in zip(lamps, before, strict=True)] == [1, 1, 0]
    for lamp in lamps[:2]:
        assert lamp.states[-1] == "terminated;reason=deactivated" and lamp.notifies[-1].body == b""
        numbers = [notify.cseq.number for notify in lamp.notifies]
        assert numbers == sorted(set(numbers))
        assert lamp.send(3600).statuses[-1:] != [481]
    await asyncio.sleep(1)
    assert [lamp.statuses[-1] for lamp in lamps[:2]] == [481, 481]
    again = panel.watch("1001", expires=3600)
    await asyncio.sleep(1)
    assert again.statuses == [200] and again.states == ["active"]
    again.send(0)
    await asyncio.sleep(1)


@told(centre(endpoint={"panel": PANEL}))
async def test_senseless_lines_about_subscriptions_cost_nothing(c: Centre) -> None:
    panel = panel_of(c)
    lamp = panel.watch("1001", expires=3600)
    await asyncio.sleep(1)
    path = c.switch.folder / "subscriptions"
    [line] = path.read_text().splitlines()
    record = json.loads(line)
    record["dialog"]["call_id"], record["flow"]["port"] = "nowhere", 99_999
    path.write_text("\n".join(("[" * 100_000, json.dumps(record), line)) + "\n")
    await c.restart()
    await asyncio.sleep(2)
    assert lamp.states[-1] == "terminated;reason=deactivated"
    assert not [packet for packet in c.network.packets if packet.receiver.port == 99_999]
