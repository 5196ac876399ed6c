"""Proves the notifier of RFC 6665 on virtual time, on bare stacks: answers to SUBSCRIBE, immediate and final NOTIFYs, time,
order, failures, pace and coalescing, caps, and that a change costs nothing to those who do not watch.

Does not prove what the states mean (`tests/call/test_watching.py`), nor real phones (`tests/interop`).
"""

import random
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from softswitch.config.security import Security
from softswitch.errors import PeerError
from softswitch.sip.dialog_info import WatchedDialog, item
from softswitch.sip.directory import Grant
from softswitch.sip.guard import Guard
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request
from softswitch.sip.notifier import AT_ONCE, Notifier
from softswitch.sip.notifier_settings import NotifierSettings
from softswitch.sip.resource_state import MOST_ENDED, ResourceKey, ResourceState
from softswitch.sip.source import Source
from softswitch.testing.network import losing_first
from softswitch.testing.stacks import StackPeer, StackWorld
from softswitch.testing.subscriber import Subscriber, Watch

SWITCH, PHONE = "192.0.2.1", "192.0.2.50"
LINE = ResourceKey("dialog", "endpoint:1001")
DIALOG_INFO = "{urn:ietf:params:xml:ns:dialog-info}"


class Known:
    """Phone 1001 exists; 1002 may see it, 1003 may not; whoever is called `full` sees parties."""

    def __init__(self) -> None:
        self.watching_now: list[tuple[ResourceKey, bool]] = []
        self.allowed = True

    def grant(self, package: str, user: str, identity: Identity) -> Grant:
        if identity.name == "1003" or not self.allowed:
            raise PeerError("not permitted", sip_status=403)
        if user not in ("1001", "1004"):
            raise PeerError("unknown", sip_status=404)
        return Grant(resource=ResourceKey(package, f"endpoint:{user}"), detailed=identity.name == "full")

    def fill(self, resource: ResourceKey, state: ResourceState) -> None:
        state.put("a", item(busy("a")))

    def watching(self, resource: ResourceKey, on: bool) -> None:
        self.watching_now.append((resource, on))


def busy(key: str, state: str = "confirmed") -> WatchedDialog:
    return WatchedDialog(
        id=key, state=state, user="1001", direction="initiator", remote="+34600", call_id="c1"
    )  # type: ignore[arg-type]


class Floor:
    """A switch that admits everybody by the user of From, and phones that watch it."""

    def __init__(self, **more: object) -> None:
        self.world = StackWorld(**more)  # type: ignore[arg-type]
        self.switch: StackPeer = self.world.peer(SWITCH)
        self.switch.admission = lambda request, source: Identity("endpoint", request.from_.uri.user)
        self.known = Known()
        self.notifier: Notifier = self.switch.stack.notifier
        self.notifier.directory = self.known
        self.phone = self.subscriber("1002", PHONE)

    def subscriber(self, name: str, address: str) -> Subscriber:
        return Subscriber(
            self.world.network,
            address,
            name=name,
            switch=SWITCH,
            transmit=lambda data, sender, to: self.world.network.send(data, sender, to, self.world.now),
        )

    def change(self, key: str, state: str = "confirmed") -> None:
        over = state == "terminated"
        (self.notifier.end if over else self.notifier.put)(LINE, key, item(busy(key, state)))

    def run(self, seconds: float = 1.0) -> None:
        self.world.run(seconds)


def attributes(watch: Watch) -> list[tuple[str, str]]:
    """Version and state of each body; each must be XML as RFC 4235 has it."""
    found = []
    for body in watch.bodies:
        root = ElementTree.fromstring(body)
        assert root.tag == f"{DIALOG_INFO}dialog-info" and root.get("entity") == f"sip:1001@{SWITCH}"
        assert all(each.tag == f"{DIALOG_INFO}dialog" and each.get("id") for each in root)
        found.append((root.get("version") or "", root.get("state") or ""))
    return found


def dialogs(body: str) -> dict[str, str]:
    return {
        each.get("id") or "": each.findtext(f"{DIALOG_INFO}state") or ""
        for each in ElementTree.fromstring(body)
    }


def test_a_subscription_begins_with_200_and_its_state_at_once() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001", "dialog;id=7", 600)
    floor.run()
    assert watch.statuses == [200]
    response = watch.responses[0]
    assert (response.headers.get("Expires"), response.to_tag != "") == ("600", True)
    assert response.headers.get("Allow-Events") == "message-summary, dialog, presence, reg"
    [notify] = watch.notifies
    assert notify.headers.get("Event") == "dialog;id=7"
    assert notify.headers.get("Subscription-State") == "active;expires=600"
    assert notify.headers.get("Content-Type") == "application/dialog-info+xml"
    assert (notify.from_tag, notify.to_tag) == (response.to_tag, "watch0")
    assert str(notify.uri) == f"sip:1002@{PHONE}:5060"
    assert attributes(watch) == [("0", "full")]
    assert dialogs(watch.bodies[0]) == {"a": "confirmed"}
    assert floor.known.watching_now == [(LINE, True)]


def test_changes_are_partial_versions_rise_and_ended_dialogs_are_named() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    floor.change("b", "early")
    floor.run()
    floor.change("b", "early")
    floor.run()
    floor.change("b", "terminated")
    floor.run()
    assert attributes(watch) == [("0", "full"), ("1", "partial"), ("2", "partial")]
    assert [dialogs(body) for body in watch.bodies[1:]] == [{"b": "early"}, {"b": "terminated"}]
    assert watch.send(600)
    floor.run()
    assert attributes(watch)[-1] == ("3", "full")
    assert dialogs(watch.bodies[-1]) == {"a": "confirmed"}


def test_other_parties_are_shown_to_those_who_may_see_them() -> None:
    floor = Floor()
    trusted = floor.subscriber("full", "192.0.2.51")
    plain, detailed = floor.phone.watch("1001"), trusted.watch("1001")
    floor.run()
    assert "+34600" not in plain.bodies[0] and "call-id" not in plain.bodies[0]
    assert "+34600" in detailed.bodies[0] and 'call-id="c1"' in detailed.bodies[0]


def test_bursts_are_coalesced_to_the_pace_and_the_latest_state_wins() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    for turn in range(50):
        floor.change("b", "early" if turn % 2 else "confirmed")
        floor.run(0.02)
    floor.run(2)
    assert 3 <= len(watch.notifies) <= 7, "one second at four a second, the first and the last"
    assert [version for version, _ in attributes(watch)] == [str(each) for each in range(len(watch.notifies))]
    assert dialogs(watch.bodies[-1]) == {"b": "early"}


def test_a_resource_with_hundreds_of_watchers_is_told_a_few_at_a_time() -> None:
    floor = Floor()
    floor.notifier.settings = NotifierSettings(most_of_one=500)
    watches = [floor.phone.watch("1001") for _ in range(200)]
    floor.run(2)
    before = floor.world.network.lines().count(f"NOTIFY sip:1002@{PHONE}:5060 SIP/2.0")
    floor.change("b", "early")
    assert floor.world.network.lines().count(f"NOTIFY sip:1002@{PHONE}:5060 SIP/2.0") == before
    floor.switch.perform(floor.switch.stack.tick(floor.world.now))
    sent = floor.world.network.lines().count(f"NOTIFY sip:1002@{PHONE}:5060 SIP/2.0") - before
    assert sent == AT_ONCE
    floor.run(2)
    assert all(len(watch.notifies) == 2 for watch in watches)
    bodies = {watch.bodies[1] for watch in watches}
    assert len(bodies) == 1


def test_nobody_watches_means_no_state_and_no_work() -> None:
    floor = Floor()
    floor.change("b")
    assert (floor.notifier.stats.changes, floor.notifier.state(LINE)) == (0, None)
    watch = floor.phone.watch("1001")
    floor.run()
    watch.send(0)
    floor.run()
    assert floor.notifier.state(LINE) is None and not floor.notifier.all()
    assert floor.known.watching_now == [(LINE, True), (LINE, False)]


def test_fetch_and_unsubscribe_end_with_the_state() -> None:
    floor = Floor()
    fetch = floor.phone.watch("1001", "dialog", 0)
    watch = floor.phone.watch("1001")
    floor.run()
    assert (fetch.statuses, fetch.states) == ([200], ["terminated;reason=timeout"])
    assert fetch.responses[0].headers.get("Expires") == "0"
    assert dialogs(fetch.bodies[0]) == {"a": "confirmed"}
    watch.send(0)
    floor.run()
    assert watch.states == ["active", "terminated;reason=timeout"]
    assert watch.send(600)
    floor.run()
    assert watch.statuses == [200, 200, 481]


def test_time_runs_out_unless_it_is_refreshed() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001", "dialog", 100)
    floor.run(90)
    watch.send(100)
    floor.run(90)
    assert watch.states == ["active", "active"]
    floor.run(20)
    assert watch.states[-1] == "terminated;reason=timeout"
    assert not floor.notifier.all()


@pytest.mark.parametrize(
    ("user", "event", "expires", "headers", "status", "says"),
    [
        ("1001", "conference", 600, (), 489, ("Allow-Events", "message-summary, dialog, presence, reg")),
        ("1001", "", 600, (), 489, ("Allow-Events", "message-summary, dialog, presence, reg")),
        ("1001", "dialog", 30, (), 423, ("Min-Expires", "60")),
        ("1001", "dialog", 600, (("Accept", "text/plain"),), 406, ("Accept", "application/dialog-info+xml")),
        ("1001", "dialog;id=@", 600, (), 400, ("Expires", None)),
        ("9999", "dialog", 600, (), 404, ("Expires", None)),
        ("1001", "Dialog", 600, (("Accept", "text/plain, application/*"),), 200, ("Expires", "600")),
        ("1001", "dialog", None, (), 200, ("Expires", "3600")),
        ("1001", "dialog", 99999, (), 200, ("Expires", "7200")),
    ],
)
def test_answers_to_subscribe(
    user: str,
    event: str,
    expires: int | None,
    headers: tuple[tuple[str, str], ...],
    status: int,
    says: tuple[str, str | None],
) -> None:
    floor = Floor()
    watch = floor.phone.watch(user, event, expires, *headers)
    floor.run()
    assert watch.statuses == [status]
    assert watch.responses[0].headers.get(says[0]) == says[1]
    assert bool(watch.notifies) == (status == 200)


def test_without_permission_known_and_unknown_look_the_same() -> None:
    floor = Floor()
    stranger = floor.subscriber("1003", "192.0.2.53")
    floor.phone.watch("1001")
    known, unknown = stranger.watch("1001"), stranger.watch("9999")
    floor.run()
    texts = [
        re.sub(
            r"tag=\w+|branch=\w+|watch-\d|(?<=sip:)\d+(?=@192.0.2.1>)",
            "",
            watch.responses[0].to_bytes().decode(),
        )
        for watch in (known, unknown)
    ]
    assert (known.statuses, unknown.statuses) == ([403], [403])
    assert texts[0] == texts[1]


def test_publish_is_not_allowed_and_a_stray_subscribe_is_not_known() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    watch.to = watch.to.replace("tag=", "tag=x")
    watch.send(600)
    request = floor.phone.request(watch, 600, ())
    request.method = "PUBLISH"
    request.headers.set("To", f"<sip:1001@{SWITCH}>")
    request.headers.set("CSeq", "9 PUBLISH")
    floor.phone.transmit(request.to_bytes())
    floor.run()
    assert watch.statuses == [200, 481, 405]
    assert "PUBLISH" not in (watch.responses[-1].headers.get("Allow") or "PUBLISH")


def test_order_of_requests_inside_the_dialog() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    watch.send(600, cseq=9)
    floor.run()
    watch.send(600, cseq=5)
    floor.run()
    watch.event = "presence"
    watch.send(600, cseq=10)
    floor.run()
    assert watch.statuses == [200, 200, 500, 481]
    numbers = [notify.cseq.number for notify in watch.notifies]
    assert numbers == [1, 2]


def test_a_refresh_by_somebody_else_is_refused() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    floor.switch.admission = lambda request, source: Identity("endpoint", "1004")
    watch.send(600)
    floor.run()
    assert watch.statuses == [200, 403]
    assert floor.notifier.all()[0].subscriber.identity.name == "1002"


@pytest.mark.parametrize("status", [481, 404, 489, 405])
def test_a_notify_that_is_refused_ends_it(status: int) -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    floor.phone.on_notify = lambda request: status
    floor.change("b")
    floor.run()
    assert not floor.notifier.all()
    assert (len(watch.notifies), floor.notifier.stats.ended) == (2, {f"NOTIFY got {status}": 1})


def test_a_notify_that_nobody_answers_ends_it() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    floor.phone.on_notify = lambda request: None
    floor.change("b")
    floor.run(20)
    floor.change("c")
    floor.run(20)
    assert not floor.notifier.all() and len(watch.notifies) == 2
    assert floor.notifier.stats.ended == {"NOTIFY: timeout": 1}


def test_a_failure_that_may_pass_is_tried_again_with_all_of_the_state() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    floor.phone.on_notify = lambda request: 503
    floor.phone.answer_headers = (("Retry-After", "5"),)
    floor.change("b")
    floor.run(1)
    floor.phone.on_notify = lambda request: 200
    floor.run(3)
    assert len(watch.notifies) == 2
    floor.run(3)
    assert attributes(watch) == [("0", "full"), ("1", "partial"), ("2", "full")]
    floor.phone.on_notify = lambda request: 503
    floor.change("c")
    floor.run(30)
    assert not floor.notifier.all() and len(watch.notifies) == 6


def test_lost_datagrams_change_nothing() -> None:
    floor = Floor(script=losing_first("NOTIFY", 3))
    watch = floor.phone.watch("1001")
    floor.run(10)
    floor.change("b", "early")
    floor.run(10)
    assert attributes(watch) == [("0", "full"), ("1", "partial")]


def test_caps_of_one_and_of_all() -> None:
    floor = Floor()
    floor.notifier.settings = NotifierSettings(most=3, most_of_one=2)
    mine = [floor.phone.watch("1001") for _ in range(3)]
    other = floor.subscriber("1004", "192.0.2.54")
    theirs = [other.watch("1001") for _ in range(2)]
    floor.run()
    assert [watch.statuses for watch in mine] == [[200], [200], [403]]
    assert [watch.statuses for watch in theirs] == [[200], [503]]
    mine[0].send(0)
    floor.run()
    again = floor.phone.watch("1001")
    floor.run()
    assert again.statuses == [200]


def test_one_address_holds_no_more_than_it_may() -> None:
    floor = Floor()
    guard = floor.switch.stack.guard = Guard(Security(trusted=(), max_subscriptions=2))
    watches = [floor.phone.watch("1001") for _ in range(3)]
    floor.run()
    assert [watch.statuses for watch in watches] == [[200], [200], [503]]
    assert guard.quotas.holding("subscriptions", PHONE) == 2
    far = floor.subscriber("1007", "192.0.2.57").watch("1001")
    floor.run()
    assert far.statuses == [200]
    floor.notifier.stop(floor.world.now)
    floor.run()
    assert guard.quotas.holding("subscriptions", PHONE) == 0


def test_copies_of_a_forked_subscribe_make_one_subscription() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    copy = floor.phone.request(watch, 600, ())
    floor.phone.transmit(copy.to_bytes())
    floor.run()
    assert sorted(watch.statuses) == [200, 482]
    assert len(floor.notifier.all()) == 1


def test_a_reload_and_a_stop_end_what_must_end() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001")
    floor.run()
    floor.notifier.check(floor.world.now)
    floor.run()
    assert watch.states == ["active"]
    floor.known.allowed = False
    floor.notifier.check(floor.world.now)
    floor.run()
    assert watch.states == ["active", "terminated;reason=rejected"]
    floor.known.allowed = True
    last = floor.phone.watch("1001")
    floor.run()
    floor.notifier.stop(floor.world.now)
    floor.run()
    assert last.states == ["active", "terminated;reason=deactivated"]


def test_notifies_go_where_the_phone_is_never_where_its_route_points() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001", "dialog", 600, ("Record-Route", "<sip:198.51.100.99;lr>"))
    behind = floor.subscriber("1004", "192.0.2.54")
    hidden = Subscriber.request

    def private(
        self: Subscriber, watch: Watch, expires: int | None, headers: tuple[tuple[str, str], ...]
    ) -> Request:
        request = hidden(self, watch, expires, headers)
        request.headers.set("Contact", "<sip:1004@10.0.0.7:5062>")
        return request

    behind.request = private.__get__(behind)  # type: ignore[method-assign]
    nat = behind.watch("1001")
    floor.run()
    assert len(watch.notifies) == len(nat.notifies) == 1
    assert watch.notifies[0].headers.get("Route") == "<sip:198.51.100.99;lr>"
    assert str(nat.notifies[0].uri) == "sip:1004@10.0.0.7:5062"
    places = {
        packet.receiver for packet in floor.world.network.packets if packet.first_line.startswith("NOTIFY")
    }
    assert places == {Source("udp", PHONE, 5060), Source("udp", "192.0.2.54", 5060)}


def test_who_has_missed_more_than_is_remembered_gets_all() -> None:
    state = ResourceState()
    for number in range(MOST_ENDED + 3):
        state.put(str(number), item(busy(str(number))))
        state.end(str(number), item(busy(str(number), "terminated")))
    assert state.since(2, detailed=False) is None
    recent = state.since(state.serial - 2, detailed=False)
    assert recent is not None and recent.count(b"<dialog ") == 1
    assert (state.full(detailed=True), state.live) == (b"", False)
    assert state.put("x", item(replace(busy("x"), remote="<&>'\"\x01")))
    assert b"sip:&lt;&amp;&gt;&apos;&quot;@" in state.full(detailed=True)


def test_broken_subscribes_break_nothing() -> None:
    floor = Floor()
    watch = floor.phone.watch("1001", "dialog;id=7", 600, ("Accept", "application/dialog-info+xml"))
    floor.run()
    good = floor.phone.request(watch, 600, ()).to_bytes()
    chance = random.Random(6665)
    for _ in range(250):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 5)):
            place = chance.randrange(len(data))
            data[place : place + chance.randrange(3)] = bytes(
                chance.choices(b'\r\n;:<>"=,@%*0A\x00\xff ', k=2)
            )
        floor.phone.transmit(bytes(data))
        floor.run(0.05)
    floor.run(200)
    watch.send(600)
    floor.run()
    assert watch.statuses[-1] == 200 and len(floor.notifier.all()) <= 200
    assert floor.switch.stack.stats.faults == 0
