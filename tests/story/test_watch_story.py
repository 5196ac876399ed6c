"""Proves, on the whole switch and virtual time: lamps of phones, queues and agents, presence, registrations and message
lamps follow what really happens; who may see whom; unsolicited NOTIFYs; reload and stop.

Does not prove how NOTIFYs are paced and repeated (`tests/sip/test_notifier.py`), nor real phones (`tests/interop`).
"""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from sqlalchemy import ClauseElement
from story_floor import PHONES, ROAMING, SECRET, SWITCH, Centre, centre, fixed, sales, told

from softswitch.call.parking import free, reserve
from softswitch.config.credentials import Auth
from softswitch.config.endpoints import Endpoint
from softswitch.store.statements import bound
from softswitch.testing.manners import answering, ringing
from softswitch.testing.network import deliver_later
from softswitch.testing.subscriber import Subscriber, Watch

LAMPS = "192.0.2.60"
DIALOG = "{urn:ietf:params:xml:ns:dialog-info}"
PIDF = "{urn:ietf:params:xml:ns:pidf}"
REG = "{urn:ietf:params:xml:ns:reginfo}"
PANEL = Endpoint(
    contact=f"sip:panel@{LAMPS}",
    match=(f"{LAMPS}/32",),
    watches=("*",),
    watches_parties=("1001",),
)
WATCHED = centre(
    endpoint={
        "panel": PANEL,
        ROAMING: Endpoint(auth=Auth(user=ROAMING), mailbox="sales", mwi_unsolicited=True),
    }
)


class ReadAtOnce:
    """The database without the thread that reads it, which virtual time would run away from."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def records(self, statement: ClauseElement) -> list[dict[str, object]]:
        sql, parameters = bound(statement)
        with closing(sqlite3.connect(self._path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, parameters)]


def panel(c: Centre, address: str = LAMPS, name: str = "panel") -> Subscriber:
    return Subscriber(
        c.network,
        address,
        name=name,
        switch=SWITCH,
        transmit=lambda data, sender, to: deliver_later(c.network, data, sender, to),
    )


def lamp(watch: Watch) -> list[str]:
    """State of the one dialog in each body, `-` where there is none."""
    states = []
    for body in watch.bodies:
        found = [each.text for each in ElementTree.fromstring(body).iter(f"{DIALOG}state")]
        states.append("+".join(text or "" for text in found) or "-")
    return states


def presence(watch: Watch) -> list[tuple[str, str]]:
    found = []
    for body in watch.bodies:
        root = ElementTree.fromstring(body)
        assert root.tag == f"{PIDF}presence"
        found.append((root.findtext(f".//{PIDF}basic") or "", root.findtext(f".//{PIDF}note") or ""))
    return found


@told(WATCHED)
async def test_a_call_between_phones_lights_both_lamps(c: Centre) -> None:
    watcher = panel(c)
    calling, called = watcher.watch("1001"), watcher.watch("1002")
    there = watcher.watch("1002", "presence")
    await asyncio.sleep(1)
    c.phone("1002").on_call = answering(3.0)
    call = c.phone("1001").call("1002")
    await call.answered()
    await asyncio.sleep(2)
    call.hang_up()
    await asyncio.sleep(2)
    assert lamp(calling) == ["-", "trying", "early", "confirmed", "terminated"]
    assert lamp(called) == ["-", "trying", "early", "confirmed", "terminated"]
    assert 'direction="initiator"' in calling.bodies[1] and 'direction="recipient"' in called.bodies[1]
    assert f"sip:1002@{SWITCH}" in calling.bodies[3] and "call-id=" in calling.bodies[3]
    assert "1001" not in called.bodies[3] and "call-id" not in called.bodies[3]
    assert presence(there) == [("open", ""), ("open", "On the phone"), ("open", "")]
    assert c.switch.parts.services.lines.on_change is not None
    for watch in (calling, called, there):
        watch.send(0)
    await asyncio.sleep(1)
    assert c.switch.parts.services.lines.on_change is None


@told(replace(WATCHED, endpoint={**WATCHED.endpoint, "panel": replace(PANEL, watches_parties=("*",))}))
async def test_a_ringing_phone_shows_the_dialog_that_a_pickup_replaces(c: Centre) -> None:
    watch = panel(c).watch("1002")
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    await asyncio.sleep(2)
    invite = c.phone("1002").requests("INVITE")[0]
    [dialog] = ElementTree.fromstring(watch.bodies[-1]).iter(f"{DIALOG}dialog")
    assert (dialog.get("call-id"), dialog.get("remote-tag")) == (invite.call_id, invite.from_tag)
    assert dialog.get("local-tag")
    assert dialog.findtext(f"{DIALOG}remote/{DIALOG}identity") == f"sip:1001@{SWITCH}"
    call.hang_up()
    await asyncio.sleep(1)
    assert lamp(watch)[-1] == "terminated"


@told(replace(centre(**sales(timeout=5.0)), endpoint=WATCHED.endpoint))
async def test_queues_and_agents(c: Centre) -> None:
    watcher = panel(c)
    queue, agent = watcher.watch("queue-sales"), watcher.watch("agent-ana")
    there = watcher.watch("agent-ana", "presence")
    c.phone("1001").on_call = ringing
    c.phone("1002").on_call = ringing
    await asyncio.sleep(1)
    first = c.caller()
    await asyncio.sleep(1)
    second = c.caller(user="+34600000002")
    await asyncio.sleep(1)
    assert lamp(queue) == ["-", "early", "early"]
    assert ['display="1 waiting"' in body for body in queue.bodies] == [False, True, False]
    assert 'display="2 waiting"' in queue.bodies[2]
    assert lamp(agent)[:2] == ["-", "early"]
    first.hang_up()
    second.hang_up()
    await asyncio.sleep(1)
    assert lamp(queue)[-1] == "terminated"
    assert lamp(agent)[-1] == "terminated"
    await c.switch.control.agent_pause("ana", "lunch <1 h>")
    await asyncio.sleep(1)
    assert lamp(agent)[-1] == "confirmed"
    assert presence(there)[-1] == ("open", "Paused: lunch <1 h>")
    await c.switch.control.agent_logout("ana")
    await asyncio.sleep(1)
    assert (lamp(agent)[-1], presence(there)[-1]) == ("terminated", ("closed", "Offline"))
    versions = [int(ElementTree.fromstring(body).get("version") or -1) for body in agent.bodies]
    assert versions == list(range(len(versions)))


@told(WATCHED)
async def test_registrations_and_presence_of_a_phone_that_roams(c: Centre) -> None:
    watcher = panel(c)
    where, there = watcher.watch(ROAMING, "reg"), watcher.watch(ROAMING, "presence")
    await asyncio.sleep(1)
    assert await c.phone(ROAMING).sign_in() == 200
    await asyncio.sleep(1)
    assert await c.phone(ROAMING).sign_in() == 200
    await asyncio.sleep(1)
    assert await c.phone(ROAMING).sign_in(0) == 200
    await asyncio.sleep(1)
    roots = [ElementTree.fromstring(body) for body in where.bodies]
    assert [root.find(f"{REG}registration").get("state") for root in roots] == [  # type: ignore[union-attr]
        "init",
        "active",
        "active",
        "terminated",
    ]
    events = [each.get("event") for root in roots for each in root.iter(f"{REG}contact")]
    assert events == ["registered", "refreshed", "unregistered"]
    assert "192.0.2.15" not in "".join(where.bodies), "where it is, only those see who may"
    assert presence(there) == [("closed", "Not registered"), ("open", ""), ("closed", "Not registered")]


@told(WATCHED)
async def test_a_message_lights_the_lamp_until_it_is_heard(c: Centre) -> None:
    parts = c.switch.parts
    parts.store.messages._reader = ReadAtOnce(c.switch.folder / "softswitch.db")  # type: ignore[assignment]
    watch = panel(c).watch("box-sales", "message-summary")
    c.phone("1004").close()
    own = panel(c, PHONES["1004"], "1004").watch("box-sales", "message-summary")
    assert await c.phone(ROAMING).sign_in() == 200
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(1)
    c.press("2")
    await asyncio.sleep(20)
    call.hang_up()
    await asyncio.sleep(3)
    assert own.statuses == [403]
    [message] = await c.switch.control.events.messages(box="sales", new=None, limit=10)
    assert (message.box, message.heard) == ("sales", None)
    await c.switch.control.events.mark(message.message, heard=True)
    await asyncio.sleep(2)
    await c.switch.control.events.delete(message.message)
    await asyncio.sleep(2)
    assert not (c.switch.parts.services.files.path(message.file)).exists()
    account = f"Message-Account: sip:box-sales@{SWITCH}\r\n"
    assert watch.bodies == [
        f"Messages-Waiting: no\r\n{account}Voice-Message: 0/0 (0/0)\r\n",
        f"Messages-Waiting: yes\r\n{account}Voice-Message: 1/0 (0/0)\r\n",
        f"Messages-Waiting: no\r\n{account}Voice-Message: 0/1 (0/0)\r\n",
        f"Messages-Waiting: no\r\n{account}Voice-Message: 0/0 (0/0)\r\n",
    ]
    told_anyway = c.phone(ROAMING).requests("NOTIFY")
    assert [request.headers.get("Event") for request in told_anyway] == ["message-summary"] * 4
    assert [b"yes" in request.body for request in told_anyway] == [False, True, False, False]


@told(WATCHED)
async def test_who_may_watch_what(c: Centre) -> None:
    c.phone("1004").close()
    plain = panel(c, PHONES["1004"], "1004")
    answers = [
        plain.watch(name) for name in ("1004", "1001", "9999", "queue-sales", "queue-none", "box-sales")
    ]
    watcher = panel(c)
    more = [watcher.watch(name) for name in ("9999", "queue-none", "agent-none", "1001")]
    odd = [watcher.watch("queue-sales", "presence"), watcher.watch("1001", "message-summary")]
    trunk = panel(c, "198.51.100.10", "north")
    from_trunk = trunk.watch("1001")
    await asyncio.sleep(1)
    assert [watch.statuses for watch in answers] == [[200], [403], [403], [403], [403], [403]]
    assert [watch.statuses for watch in more] == [[404], [404], [404], [200]]
    assert [watch.statuses for watch in odd] == [[404], [404]]
    assert from_trunk.statuses == [403]


@told(WATCHED)
async def test_a_phone_with_a_password_is_asked_for_it_each_time(c: Centre) -> None:
    phone = Subscriber(
        c.network,
        "192.0.2.15",
        name=ROAMING,
        switch=SWITCH,
        transmit=lambda data, sender, to: deliver_later(c.network, data, sender, to),
        secret=SECRET,
    )
    watch = phone.watch(ROAMING, "message-summary")
    stranger = panel(c, "203.0.113.9", ROAMING)
    refused = stranger.watch(ROAMING, "message-summary")
    await asyncio.sleep(1)
    assert (watch.statuses, watch.states) == ([401, 200], ["active"])
    assert (refused.statuses, refused.notifies) == ([401], [])
    hijack = stranger.watch(ROAMING, "message-summary")
    hijack.to = watch.to
    stranger.watches[watch.call_id] = hijack
    request = phone.request(watch, 0, ())
    request.headers.remove("Authorization")
    request.headers.set("Via", "SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKhijack;rport")
    stranger.transmit(request.to_bytes())
    await asyncio.sleep(1)
    assert hijack.statuses[-1] == 401
    assert len(c.switch.parts.sip.notifier.all()) == 1


@told(WATCHED)
async def test_a_reload_and_a_stop_tell_the_watchers(c: Centre) -> None:
    watcher = panel(c)
    kept, gone, last = watcher.watch("1001"), watcher.watch("1004"), watcher.watch("1002", "presence")
    await asyncio.sleep(1)
    config = c.switch.parts.services.config
    fewer = {**config.endpoint, "panel": replace(PANEL, watches=("1001", "1002"))}
    c.switch.reload(replace(config, endpoint=fewer))
    await asyncio.sleep(1)
    assert (kept.states, gone.states) == (["active"], ["active", "terminated;reason=rejected"])
    c.switch.parts.sip.notifier.stop(c.switch.parts.clock.monotonic())
    await asyncio.sleep(1)
    assert kept.states[-1] == last.states[-1] == "terminated;reason=deactivated"
    assert fixed("1001").contact


def test_the_end_of_the_switch_tells_them_to_subscribe_anew(tmp_path: Path) -> None:
    seen: list[Centre] = []

    @told(WATCHED)
    async def story(c: Centre) -> None:
        seen.append(c)
        panel(c).watch("1001")
        await asyncio.sleep(1)

    story(tmp_path)
    last = [packet.data for packet in seen[0].network.packets if packet.data.startswith(b"NOTIFY")][-1]
    assert b"Subscription-State: terminated;reason=deactivated" in last


@told(WATCHED)
async def test_a_place_is_lit_from_the_key_to_whoever_takes_him(c: Centre) -> None:
    watch = panel(c).watch("park-1")
    c.phone("1002").on_call = answering(0.5)
    call = c.phone("1001").call("1002")
    await call.answered()
    await asyncio.sleep(1)
    c.press("*7", "endpoint:1001")
    await call.hung_up()
    await asyncio.sleep(1)
    assert lamp(watch)[-1] == "confirmed"
    taker = c.phone("1003").call("*71")
    await taker.answered()
    await asyncio.sleep(1)
    assert lamp(watch)[-1] == "terminated"
    taker.hang_up()


@told(WATCHED)
async def test_a_place_is_lit_while_somebody_is_parked_there(c: Centre) -> None:
    watcher = panel(c)
    watch, none = watcher.watch("park-1"), watcher.watch("park-0")
    await asyncio.sleep(1)
    call = c.phone("1001").call("600")
    await call.answered()
    live, room = c.live(), c.switch.parts.room
    assert reserve(room, live) == 1
    await asyncio.sleep(1)
    later = watcher.watch("park-1")
    await asyncio.sleep(1)
    free(room, live)
    await asyncio.sleep(1)
    call.hang_up()
    assert (lamp(watch), lamp(later)) == (["-", "confirmed", "terminated"], ["confirmed", "terminated"])
    assert none.statuses == [404]
