"""Proves over real TCP, with phones whose connection leaves from another port than their Contact names, how they are
called: over the very connection that they registered with (RFC 5626, RFC 5923), kept by their keep-alives; when that is
gone, at the port of their Contact where it lies on their host; not at all, and answered so at once, where it does not, or
where the registration was a flow: then it ends with its connection. The same after `kill -9` of the switch, until the phone
registers again, and in the middle of a call.

Which place a registration leads to is proven rule by rule in `tests/sip/test_outbound.py` and `test_invite_plan.py`; TLS
and WebSocket in `test_transports.py`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self

import pytest

from tools.peers.centre import TRUNK_ADDRESS, agent, phone, queue, trunk
from tools.peers.sip_party import Call
from tools.peers.softphone import Softphone
from tools.peers.stream_party import StreamParty
from tools.peers.switch import StartSwitch, Switch, wait_for

HOME, BEHIND_NAT = "127.0.0.22", "10.7.7.7"
PASSWORDS = {"1001": "one", "1002": "two", "1003": "three"}
FLOW = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1'
SOON_S = 3.0
"""Nobody waits for a transaction to time out."""
AWAY = (480, "unreachable")
"""What a caller is answered, and the cause in his CDR."""
CONFIG: dict[str, Any] = {
    "sip": {"min_expires_s": 1},
    "trunk": {"carrier": trunk()},
    "endpoint": {name: phone(password) for name, password in PASSWORDS.items()},
    "agent": {"ana": agent("1001")},
    "queue": {"sales": queue(["ana"], autopause=1, autopause_on=["rejected", "failed"])},
    "route": {
        **{f"60{name[-1]}": {"to": f"extension:{name}"} for name in PASSWORDS},
        "609": {"to": "queue:sales"},
    },
}

MakePhone = Callable[..., StreamParty]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("switch"), CONFIG) as switch:
        yield switch


@pytest.fixture
def make_phone(running: Switch) -> Iterator[MakePhone]:
    """Phones of the shared switch, at which nobody is registered afterwards."""
    with Phones() as make:
        yield lambda *args, **more: make(running, *args, **more)
    for name, password in PASSWORDS.items():
        last = StreamParty(name, HOME, running.sip, password=password, listens=False)
        with last:
            assert last.unregister_all().status == 200


class Phones(ExitStack):
    """Makes phones, registered, that are gone at the end."""

    def __call__(
        self, switch: Switch, name: str = "1001", *, listens: bool = True, **more: Any
    ) -> StreamParty:
        made = StreamParty(name, HOME, switch.sip, password=PASSWORDS[name], listens=listens, **more)
        self.enter_context(made)
        assert made.register().status == 200
        return made

    def __enter__(self) -> Self:
        return self


@pytest.fixture
def caller(running: Switch) -> Iterator[Softphone]:
    with Softphone("34600", TRUNK_ADDRESS, running.sip) as made:
        yield made


def _contacts(switch: Switch, name: str = "1001") -> list[str]:
    return [row["contact"] for row in switch.cli("registrations") if row["endpoint"] == name]


def _connections(switch: Switch) -> int:
    return int(switch.cli("status")["sip"]["connections"].get("tcp", 0))


def _drop(switch: Switch, phone: StreamParty) -> None:
    """Its connection ends, and the switch knows."""
    before = _connections(switch)
    phone.drop()
    wait_for(lambda: _connections(switch) < before, 3, "the end of the connection")


def _talk(caller: Softphone, phone: StreamParty, number: str = "601") -> tuple[Call, Call]:
    """The caller's side and the phone's, once both are through."""
    calling = caller.sip.call(number, caller.media)
    called = phone.accept_call((HOME, 40_000)).ring().accept()
    calling.wait(200)
    return calling, called


def _over(call: Call) -> tuple[str, int]:
    """The switch's end of the connection that its INVITE came by."""
    assert call.request is not None
    return call.request.source


def _hang_up(switch: Switch, calling: Call, called: Call) -> None:
    """The caller does, and the phone hears of it over the connection of its call."""
    assert calling.bye().status == 200
    bye = called.wait_request("BYE")
    assert bye.source == _over(called)
    row = switch.cdr(calling.call_id)
    assert (row["ended_by"], row["cause"]) == ("caller", "normal")


def _refused(switch: Switch, caller: Softphone, number: str = "601") -> tuple[int, str]:
    """The final answer, which comes soon, and the cause in the CDR."""
    began = time.monotonic()
    calling = caller.sip.call(number, caller.media)
    status = calling.wait().status
    assert time.monotonic() - began < SOON_S
    return status, switch.cdr(calling.call_id)["cause"]


# --- the connection of the registration ---------------------------------------------------------------------------------


def test_a_call_comes_over_the_connection_of_the_registration(
    running: Switch, make_phone: MakePhone, caller: Softphone
) -> None:
    """Though the phone listens at the port of its Contact."""
    phone = make_phone()
    assert phone.own is not None and phone.own[1] != phone.port
    calling, called = _talk(caller, phone)
    assert _over(called) == running.sip and phone.accepted == 0
    _hang_up(running, calling, called)
    calling, called = _talk(caller, phone)
    assert called.bye().status == 200
    assert calling.ended.wait(3)
    assert running.cdr(calling.call_id)["ended_by"] == "callee"
    assert phone.accepted == 0


def test_keep_alives_are_answered_by_one_crlf_and_keep_the_connection(
    running: Switch, make_phone: MakePhone, caller: Softphone
) -> None:
    phone = make_phone()
    own = phone.own
    assert phone.ping() and phone.ping(b"\r\n", b"\r\n") and phone.ping(b"\r", b"\n\r", b"\n")
    assert phone.own == own
    calling, called = _talk(caller, phone)
    assert phone.ping(), "in the middle of a call too"
    _hang_up(running, calling, called)
    assert phone.pongs == 4 and phone.accepted == 0 and _over(called) == running.sip


def test_a_phone_that_has_registered_anew_is_called_over_its_new_connection(
    running: Switch, make_phone: MakePhone, caller: Softphone
) -> None:
    """Also while the old one stands: the last registration counts."""
    phone = make_phone()
    first = phone.own
    phone.connect()
    assert phone.register().status == 200 and phone.own != first
    assert len(_contacts(running)) == 1
    calling, called = _talk(caller, phone)
    assert phone.heard_at == phone.own and _over(called) == running.sip
    _hang_up(running, calling, called)
    assert phone.heard_at == phone.own and phone.accepted == 0


# --- when it is gone ------------------------------------------------------------------------------------------------------


def test_without_its_connection_a_phone_is_called_at_its_contact(
    running: Switch, make_phone: MakePhone, caller: Softphone
) -> None:
    phone = make_phone()
    _drop(running, phone)
    assert len(_contacts(running)) == 1
    calling, called = _talk(caller, phone)
    assert _over(called) != running.sip and phone.accepted == 1
    _hang_up(running, calling, called)
    calling, called = _talk(caller, phone)
    assert phone.accepted == 1, "the connection that we opened serves for the next call"
    _hang_up(running, calling, called)
    phone.connect()
    assert phone.register().status == 200
    calling, called = _talk(caller, phone)
    assert _over(called) == running.sip
    _hang_up(running, calling, called)


def test_where_nobody_listens_the_caller_is_answered_at_once_until_the_phone_is_back(
    running: Switch, make_phone: MakePhone, caller: Softphone
) -> None:
    phone = make_phone(listens=False)
    _drop(running, phone)
    assert _refused(running, caller) == AWAY
    again = make_phone(listens=False)
    calling, called = _talk(caller, again)
    assert _over(called) == running.sip
    _hang_up(running, calling, called)


def test_what_a_phone_says_goes_before_what_we_conclude_of_a_dead_connection_beside_it(
    running: Switch, make_phone: MakePhone, caller: Softphone
) -> None:
    """Of two phones of one user one is away, the other declines: the call was declined, and its agent is there."""
    _drop(running, make_phone(listens=False))
    live = make_phone()
    assert len(_contacts(running)) == 2
    for status in (403, 404, 408):
        calling = caller.sip.call("601", caller.media)
        live.accept_call((HOME, 40_000)).ring().reject(status, "No")
        assert calling.wait().status == status
        assert running.cdr(calling.call_id)["cause"] != "unreachable"
    calling = caller.sip.call("609", caller.media)
    live.accept_call((HOME, 40_000)).ring().reject(403, "No")
    calling.wait(200)
    [offer] = running.wait_rows("SELECT result, sip_status FROM offers")
    assert (offer["result"], offer["sip_status"]) == ("rejected", 403)
    ana = running.cli("agent", "show", "ana")
    assert (ana["status"], ana["reason"]) == ("paused", "autopause")
    assert calling.bye().status == 200


@pytest.mark.parametrize("kind", ["flow", "behind a NAT"])
def test_a_registration_that_lives_on_its_connection_ends_with_it(
    running: Switch, make_phone: MakePhone, caller: Softphone, kind: str
) -> None:
    """Nobody else who listens at that address gets the phone's calls."""
    more = {"params": FLOW} if kind == "flow" else {"host": BEHIND_NAT}
    phone = make_phone(**more)
    calling, called = _talk(caller, phone)
    assert _over(called) == running.sip
    _hang_up(running, calling, called)
    _drop(running, phone)
    wait_for(lambda: not _contacts(running), 3, "the end of the registration")
    assert _refused(running, caller) == AWAY
    assert phone.accepted == 0
    phone.connect()
    assert phone.register().status == 200
    calling, called = _talk(caller, phone)
    _hang_up(running, calling, called)


# --- over a kill of the switch ----------------------------------------------------------------------------------------


def test_after_a_kill_each_is_called_where_it_can_be_until_it_registers_again(
    start_switch: StartSwitch,
) -> None:
    switch = start_switch(CONFIG)
    with Phones() as make, Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller:
        listening = make(switch, "1001")
        deaf = make(switch, "1002", listens=False)
        flow = make(switch, "1003", params=FLOW)
        switch.wait_rows("SELECT * FROM registrations", count=3)
        switch.kill9()
        wait_for(lambda: (listening.own, deaf.own, flow.own) == (None,) * 3, 3, "the end of all connections")
        switch.start()
        assert [bool(_contacts(switch, name)) for name in PASSWORDS] == [True, True, False]
        calling, called = _talk(caller, listening)
        assert _over(called) != switch.sip and listening.accepted == 1
        _hang_up(switch, calling, called)
        assert _refused(switch, caller, "602") == AWAY
        assert _refused(switch, caller, "603") == AWAY
        assert flow.accepted == 0
        for number, phone in (("601", listening), ("602", deaf), ("603", flow)):
            phone.connect()
            assert phone.register().status == 200
            calling, called = _talk(caller, phone, number)
            assert _over(called) == switch.sip
            _hang_up(switch, calling, called)


def test_a_call_that_a_kill_has_cut_the_connection_of_is_hung_up_from_either_side(
    start_switch: StartSwitch,
) -> None:
    """The switch reaches the phone at its Contact; the phone reaches the switch over whatever it opens next."""
    switch = start_switch(CONFIG)
    with Phones() as make, Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller:
        one, two = make(switch, "1001"), make(switch, "1002", listens=False)
        first, second = _talk(caller, one), _talk(caller, two, "602")
        wait_for(
            lambda: (
                switch.rows("SELECT count(*) AS n FROM snapshots WHERE data LIKE '%\"talk\"%'")[0]["n"] == 2
            ),
            3,
            "both written down",
        )
        switch.kill9()
        switch.start()
        assert first[0].bye().status == 200
        bye = first[1].wait_request("BYE")
        assert bye.source != switch.sip and one.accepted == 1
        two.connect()
        assert second[1].bye().status == 200
        assert second[0].ended.wait(3)
        ends = [switch.cdr(calling.call_id) for calling, _ in (first, second)]
        assert [(row["ended_by"], row["cause"]) for row in ends] == [
            ("caller", "normal"), ("callee", "normal"),
        ]  # fmt: skip
