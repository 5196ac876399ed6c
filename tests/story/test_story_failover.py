"""Proves calls out through groups of trunks and price lists: which trunk is tried, what leads on to the next and what does
not, how many are tried, what the CDR tells of each; policies of a trunk: headers, caller's number, calls per second;
numbers written as a trunk wants them; and the guard against toll fraud, with its counters after a restart.

Does not prove failover between the servers of one name (`tests/sip/test_target_failover.py`), nor that under load
(`tests/interop/test_trunk_failover.py`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from story_floor import NORTH, SOUTH, Centre, centre, fixed, told, trunk

from softswitch.api.errors import UnknownThing
from softswitch.call.toll_guard import PastAttempt, TollGuard
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.config.trunks import (
    EndpointToll,
    GroupMember,
    Lcr,
    Numbers,
    Rate,
    Toll,
    TrunkGroup,
    TrunkRegister,
)
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.source import Source
from softswitch.testing.manners import answering, refusing

BOTH = (GroupMember(trunk="south"), GroupMember(trunk="north", priority=2))


def grouped(group: TrunkGroup | None = None, **changes: object) -> Config:
    """9… leads to the group `out`: south first, then north."""
    return centre(
        trunk_group={"out": group or TrunkGroup(members=BOTH)},
        route={"_9.": Route(to="trunk:out", source=("endpoint:*",), strip=1)},
        **changes,
    )


async def attempts(c: Centre) -> list[tuple[str, int, str]]:
    await c.settled()
    rows = c.switch.rows("attempts", "began, trunk")
    return [(row["trunk"], row["sip_status"], row["cause"]) for row in rows]


@told(grouped())
async def test_the_second_trunk_takes_what_the_first_cannot(c: Centre) -> None:
    c.south.on_call, c.north.on_call = refusing(503), answering(0.5)
    call = c.phone("1001").call("9112")
    await call.answered()
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["destination"], cdr["cause"]) == ("trunk:north/112", "normal")
    assert "south 503" in cdr["labels"] and "north 200" in cdr["labels"]
    assert await attempts(c) == [("south", 503, "peer failed"), ("north", 200, "answered")]


@pytest.mark.parametrize("status", [486, 404, 403, 603])
def test_what_the_far_user_says_is_the_answer(status: int, tmp_path) -> None:  # type: ignore[no-untyped-def]
    @told(grouped())
    async def story(c: Centre) -> None:
        c.south.on_call = refusing(status)
        assert await c.phone("1001").call("9112").refused() == status
        assert c.north.heard("INVITE") == 0
        await c.settled()

    story(tmp_path)


@told(grouped(TrunkGroup(members=BOTH, failover_on=("404",))))
async def test_causes_are_chosen(c: Centre) -> None:
    c.south.on_call, c.north.on_call = refusing(404), refusing(503)
    assert await c.phone("1001").call("9112").refused() == 503
    assert await attempts(c) == [("south", 404, "unknown number"), ("north", 503, "peer failed")]


@told(grouped())
async def test_a_silent_trunk_is_left_after_the_target_time(c: Centre) -> None:
    c.south.unplug()
    c.north.on_call = answering(0.0)
    call = c.phone("1001").call("9112")
    began = asyncio.get_running_loop().time()
    await call.answered()
    assert 3.9 < asyncio.get_running_loop().time() - began < 5.0
    call.hang_up()
    assert (await attempts(c))[0] == ("south", 408, "no answer")
    before = c.south.heard("INVITE")
    again = c.phone("1001").call("9112")
    began = asyncio.get_running_loop().time()
    await again.answered()
    assert asyncio.get_running_loop().time() - began < 1.0, "nobody waits for it a second time"
    assert c.south.heard("INVITE") == before
    again.hang_up()
    await c.settled()
    c.south.plug()
    c.south.on_call = answering(0.0)
    await asyncio.sleep(60)
    third = c.phone("1001").call("9112")
    await third.answered()
    assert c.south.heard("INVITE") == before + 1, "it was asked, and lives"
    third.hang_up()


@told(grouped(trunk={"south": trunk(SOUTH, max_channels=1)}))
async def test_a_full_trunk_is_passed_over(c: Centre) -> None:
    c.south.on_call = c.north.on_call = answering(0.0)
    first = c.phone("1001").call("9112")
    await first.answered()
    second = c.phone("1002").call("9113")
    await second.answered()
    assert (c.south.heard("INVITE"), c.north.heard("INVITE")) == (1, 1)
    first.hang_up()
    second.hang_up()
    assert ("south", 503, "no capacity") in await attempts(c)


@told(grouped(trunk={"south": trunk(SOUTH, options_interval_s=5.0)}))
async def test_a_trunk_that_is_down_is_passed_over_at_once(c: Centre) -> None:
    c.south.unplug()
    await asyncio.sleep(90)
    c.north.on_call = answering(0.0)
    before = c.south.heard("INVITE")
    call = c.phone("1001").call("9112")
    await call.answered()
    assert c.south.heard("INVITE") == before
    call.hang_up()


@told(grouped(TrunkGroup(members=BOTH, attempts=1)))
async def test_attempts_are_bounded(c: Centre) -> None:
    c.south.on_call = refusing(500)
    assert await c.phone("1001").call("9112").refused() == 500
    assert c.north.heard("INVITE") == 0
    await c.settled()


@told(grouped(TrunkGroup(members=BOTH, strategy="round-robin")))
async def test_round_robin(c: Centre) -> None:
    c.south.on_call = c.north.on_call = refusing(486)
    for number in range(4):
        assert await c.phone("1001").call(f"911{number}").refused() == 486
    assert (c.south.heard("INVITE"), c.north.heard("INVITE")) == (2, 2)
    await c.settled()


@told(grouped())
async def test_the_caller_cancels_between_two_trunks(c: Centre) -> None:
    c.south.unplug()
    call = c.phone("1001").call("9112")
    await asyncio.sleep(5)
    call.hang_up()
    assert (await c.cdr())["cause"] == "cancelled"


PRICES = Lcr(
    rates=(
        Rate(prefix="", trunk="south", cost=9.0),
        Rate(prefix="44", trunk="south", cost=2.0),
        Rate(prefix="44", trunk="north", cost=1.0),
    )
)
SPAIN = Numbers(country="34")


def priced(**changes: object) -> Config:
    return centre(
        lcr={"world": PRICES},
        numbers=SPAIN,
        route={"_9.": Route(to="lcr:world", source=("endpoint:*",), strip=1)},
        **changes,
    )


@told(priced())
async def test_the_longest_prefix_then_the_price_then_the_dearer_one(c: Centre) -> None:
    c.south.on_call, c.north.on_call = answering(0.0), refusing(503)
    call = c.phone("1001").call("900442071234567")
    await call.answered()
    call.hang_up()
    [invite] = c.south.requests("INVITE")
    assert invite.uri.user == "00442071234567", "as it was dialled"
    assert [trunk for trunk, _, _ in await attempts(c)] == ["north", "south"]


@told(priced(trunk={"south": trunk(SOUTH, number_format="international"), "north": trunk(NORTH)}))
async def test_numbers_are_written_as_the_trunk_wants_them(c: Centre) -> None:
    c.south.on_call = answering(0.0)
    call = c.phone("1001").call("9911234567")
    other = await c.south.next_call()
    await call.answered()
    assert other.invite.uri.user == "0034911234567"
    call.hang_up()


@told(
    centre(
        numbers=Numbers(country="44", national_prefix="0"),
        route={"+442079460000": Route(to="queue:sales")},
    )
)
async def test_numbers_of_calls_in_are_brought_to_e164(c: Centre) -> None:
    call = c.north.call("02079460000", user="07700900123")
    await call.answered()
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["dnis"], cdr["ani"]) == ("+442079460000", "+447700900123")


IDENTITY = "eyJhbGciOiJFUzI1NiJ9.e30.sig;info=<https://c.example/c.pem>;alg=ES256;ppt=shaken"


def through_south(**policy: object) -> Config:
    """Calls of the trunk north go on to the trunk south."""
    return centre(
        trunk={"south": trunk(SOUTH, **policy)},
        route={"800": Route(to="trunk:south", source=("trunk:north",))},
    )


async def put_through(c: Centre, *headers: tuple[str, str]):  # type: ignore[no-untyped-def]
    c.south.on_call = answering(0.0)
    call = c.north.call("800", user="+34911111111", headers=headers)
    other = await c.south.next_call()
    await call.answered()
    call.hang_up()
    await c.settled()
    return other.invite


@told(through_south(headers_add={"X-Customer": "4711"}, headers_pass=("Identity", "X-Tag"), caller_id="rpid"))
async def test_headers_are_passed_untouched_added_and_left_out(c: Centre) -> None:
    invite = await put_through(c, ("Identity", IDENTITY), ("X-Tag", "a"), ("X-Other", "b"))
    assert invite.headers.get_all("Identity") == [IDENTITY]
    assert invite.headers.get("X-Tag") == "a"
    assert invite.headers.get("X-Other") is None
    assert invite.headers.get("X-Customer") == "4711"
    assert "+34911111111" in (invite.headers.get("Remote-Party-ID") or "")


@told(through_south(headers_pass=("History-Info", "Diversion")))
async def test_history_and_diversion_are_passed_on_in_order(c: Centre) -> None:
    history = [
        "<sip:bob@example.com?Reason=SIP%3Bcause%3D302>;index=1;foo=bar",
        "<sip:eve@example.com>;index=1.1;rc=1, <sip:joe@example.com>;index=1.1.1",
    ]
    diversions = [
        "<sip:second@example.com>;reason=no-answer;counter=2",
        "<sip:first@example.com>;reason=busy",
    ]
    fields = [
        *(("History-Info", value) for value in history),
        *(("Diversion", value) for value in diversions),
    ]
    invite = await put_through(c, *fields)
    assert invite.headers.get_all("History-Info") == history
    assert invite.headers.get_all("Diversion") == diversions


@told(through_south())
async def test_an_identity_of_no_sense_is_passed_and_one_too_large_left_out(c: Centre) -> None:
    assert (await put_through(c, ("Identity", "x" * 1000))).headers.get("Identity") == "x" * 1000
    assert (await put_through(c, ("Identity", "x" * 60_000))).headers.get("Identity") is None


@told(through_south(user_phone=True, caller_id="ppi", outbound_proxy=f"sip:{SOUTH}:5060"))
async def test_user_phone_preferred_identity_and_a_proxy(c: Centre) -> None:
    invite = await put_through(c)
    assert invite.uri.params.get("user") == "phone"
    assert "user=phone" in (invite.headers.get("P-Preferred-Identity") or "")
    assert invite.headers.get("Route") == f"<sip:{SOUTH}:5060;lr>"


@told(grouped(trunk={"south": trunk(SOUTH, max_calls_per_s=1.0)}))
async def test_calls_per_second(c: Centre) -> None:
    c.south.on_call = c.north.on_call = refusing(486)
    calls = [c.phone(name).call("9112") for name in ("1001", "1002", "1003")]
    await asyncio.gather(*(call.refused() for call in calls))
    assert (c.south.heard("INVITE"), c.north.heard("INVITE")) == (1, 2)
    await asyncio.sleep(2)
    assert await c.phone("1001").call("9112").refused() == 486
    assert c.south.heard("INVITE") == 2
    await c.settled()


def contacts(*uris: str) -> Callable[..., None]:
    return refusing(302, *uris)


@told(centre(trunk={"south": trunk(SOUTH, redirects="trunk")}))
async def test_a_redirection_of_a_trunk_is_followed_at_that_trunk_alone(c: Centre) -> None:
    c.south.on_call = contacts("sip:34911222333@elsewhere.invalid")
    assert await c.phone("1001").call("9112").refused() == 480
    assert [request.uri.user for request in c.south.requests("INVITE")] == ["112", "34911222333"]
    assert {str(request.uri.host) for request in c.south.requests("INVITE")} == {SOUTH}
    await c.settled()


REGISTRARS = TrunkRegister(server=(f"sip:{NORTH}", f"sip:{SOUTH}"), expires_s=60)


@told(
    centre(
        trunk={"north": None, "south": None, "carrier": trunk(SOUTH, register=REGISTRARS)},
        route={"_9.": None, "601": Route(to="queue:sales", source=("trunk:carrier",))},
    )
)
async def test_a_trunk_registers_at_several_servers_and_is_called_from_each(c: Centre) -> None:
    def granted(request: Request, identity: Identity, source: Source, now: float) -> Response:
        return make_response(request, 200, to_tag="registrar")

    c.north.register = c.south.register = granted  # type: ignore[method-assign]
    await asyncio.sleep(10)
    [view] = c.switch.control.trunks()
    assert view.registration == f"sip:{NORTH} registered, sip:{SOUTH} registered"
    for provider in (c.north, c.south):
        call = provider.call("601", user="+34600000001")
        await call.answered()
        call.hang_up()
        await asyncio.sleep(30)
    c.north.unplug()
    await asyncio.sleep(200)
    [view] = c.switch.control.trunks()
    assert view.state == "up" and f"sip:{SOUTH} registered" in view.registration
    assert f"sip:{NORTH} registered" not in view.registration
    await c.settled()
    assert {row["source"] for row in c.switch.cdrs()} == {"trunk:carrier"}


# --- toll fraud -------------------------------------------------------------------------------------------------------


def guarded(toll: Toll, **changes: object) -> Config:
    return centre(numbers=SPAIN, toll=replace(toll, enabled=True), **changes)


@told(guarded(Toll(blocked=("34803",))))
async def test_only_the_own_country_and_no_premium(c: Centre) -> None:
    c.south.on_call = refusing(486)
    phone = c.phone("1001")
    assert await phone.call("9911234567").refused() == 486
    assert await phone.call("900442071234567").refused() == 403
    assert await phone.call("9803123456").refused() == 403
    assert await phone.call("9112").refused() == 486, "an emergency number"
    assert c.south.heard("INVITE") == 2
    [alarm] = c.switch.control.status().alarms
    assert alarm.name == "toll fraud endpoint:1001"
    await c.settled()
    assert [row["cause"] for row in c.switch.cdrs()] == ["busy", "toll guard", "toll guard", "busy"]


@told(
    guarded(
        Toll(),
        endpoint={"1002": replace(fixed("1002"), toll=EndpointToll(allowed=("34", "44"), max_concurrent=1))},
    )
)
async def test_one_phone_may_more_and_has_a_limit_of_its_own(c: Centre) -> None:
    c.south.on_call = answering(0.0)
    call = c.phone("1002").call("900442071234567")
    await call.answered()
    assert await c.phone("1002").call("9911234567").refused() == 403
    call.hang_up()
    await asyncio.sleep(1)
    again = c.phone("1002").call("9911234567")
    await again.answered()
    again.hang_up()
    await c.settled()


@told(guarded(Toll(calls_per_hour=2)))
async def test_calls_of_an_hour(c: Centre) -> None:
    c.south.on_call = refusing(486)
    phone = c.phone("1001")
    statuses = [await phone.call(f"991123456{number}").refused() for number in range(3)]
    assert statuses == [486, 486, 403]
    assert await c.phone("1003").call("9911234567").refused() == 486
    assert [alarm.name for alarm in c.switch.control.status().alarms] == ["toll fraud endpoint:1001"]
    await asyncio.sleep(3700)
    assert await phone.call("9911234567").refused() == 486
    assert c.switch.control.status().alarms == ()
    await c.settled()


@told(guarded(Toll(same_number_per_hour=2)))
async def test_calls_to_one_number(c: Centre) -> None:
    c.south.on_call = refusing(486)
    assert [await c.phone(name).call("9911234567").refused() for name in ("1001", "1002", "1003")] == [
        486,
        486,
        403,
    ]
    await c.settled()


@told(guarded(Toll(minutes_per_day=2)))
async def test_minutes_of_a_day_and_what_the_store_remembers(c: Centre) -> None:
    c.south.on_call = answering(0.0)
    call = c.phone("1001").call("9911234567")
    await call.answered()
    await asyncio.sleep(121)
    assert await c.phone("1001").call("9911234568").refused() == 403
    call.hang_up()
    await c.settled()
    past = await c.switch.parts.store.reading.past_attempts(0.0)
    assert [(each["source"], each["number"], round(each["talk_s"])) for each in past] == [
        ("endpoint:1001", "+34911234567", 121)
    ]
    fresh = TollGuard(c.switch.parts.services.trunking.guard.zone)
    soon = past[0]["began"] + 200.0  # reading takes a thread, in which virtual time runs away
    fresh.restore([PastAttempt(**each) for each in past], soon)
    refusal = fresh.check(c.switch.parts.services.config, "endpoint:1001", "+34911234567", soon)
    assert refusal is not None and refusal.rule == "minutes_per_day", "also after a restart"
    await c.settled()


# --- asking -----------------------------------------------------------------------------------------------------------


@told(grouped(numbers=SPAIN, toll=Toll(enabled=True), trunk={"south": trunk(SOUTH, max_channels=1)}))
async def test_a_number_is_put_to_the_test_without_calling_anybody(c: Centre) -> None:
    c.south.on_call = answering(0.0)
    call = c.phone("1002").call("9911234567")
    await call.answered()
    told = c.switch.control.trunking.route_test("9911234568", "1001")
    assert (told.route, told.target, told.e164) == ("_9.", "trunk:out", "+34911234568")
    assert [(each.trunk, each.usable) for each in told.candidates] == [("south", False), ("north", True)]
    assert told.candidates[0].problem == "all 1 channels are taken"
    abroad = c.switch.control.trunking.route_test("900442071234567", "")
    assert "outside of the allowed" in abroad.refused
    assert c.switch.control.trunking.route_test("nowhere", "trunk:north").route == ""
    with pytest.raises(UnknownThing):
        c.switch.control.trunking.route_test("9911234568", "101")
    assert (c.south.heard("INVITE"), c.north.heard("INVITE")) == (1, 0)
    [group] = c.switch.control.trunking.groups()
    assert [(member.trunk, member.channels) for member in group.members] == [("south", 1), ("north", 0)]
    call.hang_up()
    await c.settled()
