"""Proves calls out through a trunk, calls in that are limited or refused, and what a trunk's answers mean to the caller.

Does not prove registering outward and probing in depth (`tests/sip`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from story_floor import NORTH, SOUTH, Centre, about, centre, fixed, told, trunk

from softswitch.config.credentials import Auth
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Rewrite
from softswitch.sip.digest import Credentials, verify
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.source import Source
from softswitch.testing.manners import answering, refusing, ringing

PROVIDER = Secret.from_password("acme", "provider", "hush")


def south(**changes: object) -> Config:
    return centre(trunk={"south": trunk(SOUTH, **changes)})


def challenging(status: int, header: str, given: str) -> Callable[[Request, Source], Response | None]:
    """Wants digest of the provider's realm before it lets a call in."""

    def admit(request: Request, source: Source) -> Response | None:
        text = request.headers.get(given)
        if text is not None:
            credentials = Credentials.parse(text)
            if verify(credentials, request.method, {"MD5": PROVIDER.ha1_md5}):
                return None
        challenge = 'Digest realm="provider", nonce="abc123", algorithm=MD5, qop="auth"'
        return make_response(request, status, to_tag="challenge", headers=((header, challenge),))

    return admit


@told(south(rewrite_out=(Rewrite(prefix="00", replace="+"),), caller_number="+34911000000"))
async def test_out_with_rewritten_numbers(c: Centre) -> None:
    c.south.on_call = answering(2.0)
    call = c.phone("1001").call("90034600123456")
    other = await c.south.next_call()
    await call.answered()
    assert other.invite.uri.user == "+34600123456"
    assert other.invite.from_.uri.user == "+34911000000"
    assert other.invite.headers.get("P-Asserted-Identity") is None
    await asyncio.sleep(4)
    other.hang_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["destination"], cdr["ended_by"]) == ("trunk:south/0034600123456", "callee")
    assert (cdr["talk_s"], cdr["dnis"]) == (about(4), "90034600123456")


@told(
    centre(
        trunk={"south": trunk(SOUTH, trusted=True)},
        endpoint={"1001": fixed("1001", caller_number="+34911000001", display_name="Ana")},
    )
)
async def test_a_phones_own_number_and_what_a_trusted_trunk_is_told(c: Centre) -> None:
    c.south.on_call = answering(0.0)
    call = c.phone("1001").call("9112")
    other = await c.south.next_call()
    assert (other.invite.from_.uri.user, other.invite.from_.display_name) == ("+34911000001", "Ana")
    assert "+34911000001" in (other.invite.headers.get("P-Asserted-Identity") or "")
    await call.answered()
    call.hang_up()


@told(centre(trunk={"north": trunk(NORTH, trusted=True, rewrite_in=(Rewrite(prefix="+34", replace=""),))}))
async def test_in_with_rewriting_and_an_asserted_identity(c: Centre) -> None:
    call = c.north.call(
        "+34600",
        user="anonymous",
        headers=(("P-Asserted-Identity", '"Ann, or so" <sip:+34123@north>, <tel:+34123>'),),
    )
    await call.answered()
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["ani"], cdr["dnis"], cdr["queue"]) == ("+34123", "600", "sales")


@told(centre(trunk={"north": trunk(NORTH, trusted=True)}))
async def test_an_asserted_identity_that_cannot_be_read_costs_nothing(c: Centre) -> None:
    call = c.north.call("600", user="+341", headers=(("P-Asserted-Identity", "<nonsense"),))
    await call.answered()
    call.hang_up()
    assert (await c.cdr())["ani"] == "+341"


@told(centre(trunk={"north": trunk(NORTH)}))
async def test_an_asserted_identity_of_a_trunk_that_is_not_trusted(c: Centre) -> None:
    call = c.north.call("600", user="+341", headers=(("P-Asserted-Identity", "<sip:+34999@north>"),))
    await call.answered()
    call.hang_up()
    assert (await c.cdr())["ani"] == "+341"


def with_provider(c: Centre, status: int, header: str, given: str) -> None:
    """The trunk south has credentials and asks for them."""
    config = centre(trunk={"south": trunk(SOUTH, auth=Auth(user="acme"))})
    secrets = {**c.switch.parts.services.secrets, ("trunk", "south"): PROVIDER}
    c.switch.reload(config, secrets)
    c.south.refusal = challenging(status, header, given)
    c.south.on_call = answering(0.0)


@told()
async def test_a_proxys_challenge_is_answered(c: Centre) -> None:
    with_provider(c, 407, "Proxy-Authenticate", "Proxy-Authorization")
    call = c.phone("1001").call("9112")
    await call.answered()
    assert c.south.ladder()[:6] == [
        "< INVITE",
        "> 407 INVITE",
        "< ACK",
        "< INVITE",
        "> 100 INVITE",
        "> 180 INVITE",
    ]
    call.hang_up()
    assert (await c.cdr())["cause"] == "normal"


@told()
async def test_a_servers_challenge_is_answered(c: Centre) -> None:
    with_provider(c, 401, "WWW-Authenticate", "Authorization")
    call = c.phone("1001").call("9112")
    await call.answered()
    call.hang_up()


@told()
async def test_a_challenge_of_a_trunk_without_credentials_is_not_answered(c: Centre) -> None:
    c.south.refusal = challenging(407, "Proxy-Authenticate", "Proxy-Authorization")
    assert await c.phone("1001").call("9112").refused() == 403
    assert c.south.heard("INVITE") == 1
    assert (await c.cdr())["ended_by"] == "callee"


@told()
async def test_a_phone_cannot_ask_for_a_trunks_credentials(c: Centre) -> None:
    with_provider(c, 407, "Proxy-Authenticate", "Proxy-Authorization")
    c.phone("1002").refusal = challenging(407, "Proxy-Authenticate", "Proxy-Authorization")
    assert await c.phone("1001").call("1002").refused() == 403
    assert all("Proxy-Authorization" not in request.headers for request in c.phone("1002").requests("INVITE"))


@told()
async def test_the_trunk_has_no_room(c: Centre) -> None:
    c.south.on_call = refusing(503)
    assert await c.phone("1001").call("9112").refused() == 503
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("callee", "peer failed", 503)


@told()
async def test_the_trunk_knows_no_such_number(c: Centre) -> None:
    c.south.on_call = refusing(404)
    assert await c.phone("1001").call("9112").refused() == 404
    assert (await c.cdr())["cause"] == "unknown number"


@told(south(max_channels=1))
async def test_all_channels_are_taken_outward(c: Centre) -> None:
    c.south.on_call = answering(0.0)
    first = c.phone("1001").call("9112")
    await first.answered()
    assert await c.phone("1002").call("9113").refused() == 503
    assert c.south.heard("INVITE") == 1
    first.hang_up()
    await asyncio.sleep(1)
    second = c.phone("1002").call("9113")
    await second.answered()
    second.hang_up()
    await c.settled()
    assert sorted(row["cause"] for row in c.switch.cdrs()) == ["no capacity", "normal", "normal"]


@told(centre(trunk={"north": trunk(NORTH, max_channels=1)}))
async def test_all_channels_are_taken_inward_and_two_callers_come_at_once(c: Centre) -> None:
    first, second = c.caller(user="+341"), c.caller(user="+342")
    await first.answered()
    assert await second.refused() == 503
    await c.settled()
    refused = next(row for row in c.switch.cdrs() if row["ani"] == "+342")
    assert (refused["cause"], refused["answered"], refused["ended_by"]) == ("no capacity", None, "switch")
    first.hang_up()


@told(south(options_interval_s=5.0, options_failures=2))
async def test_a_trunk_that_is_down_is_not_tried(c: Centre) -> None:
    c.south.unplug()
    await asyncio.sleep(90)
    before = c.south.heard("INVITE")
    assert await c.phone("1001").call("9112").refused() == 503
    assert c.south.heard("INVITE") == before
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["sip_status"]) == ("unreachable", 503)
    [alarm] = c.switch.control.status().alarms
    assert alarm.name == "trunk south"
    c.south.plug()
    c.south.on_call = answering(0.0)
    await asyncio.sleep(60)
    call = c.phone("1001").call("9112")
    await call.answered()
    assert c.switch.control.status().alarms == ()
    call.hang_up()


@told(south(options_interval_s=5.0, options_failures=2))
async def test_the_alarm_of_a_trunk_goes_with_the_trunk(c: Centre) -> None:
    c.south.unplug()
    await asyncio.sleep(90)
    [alarm] = c.switch.control.status().alarms
    assert alarm.name == "trunk south"
    c.switch.reload(centre(trunk={"south": None}, route={"_9.": None}))
    assert c.switch.control.status().alarms == ()


@told(centre(route={"_8.": Route(to="trunk:south", source=("endpoint:*",), strip=1, prepend="00")}))
async def test_a_caller_from_outside_cannot_call_out(c: Centre) -> None:
    assert await c.caller("8112").refused() == 404
    assert await c.caller("9112").refused() == 404
    assert c.south.ladder() == []


@told()
async def test_the_caller_cancels_while_the_trunk_rings(c: Centre) -> None:
    c.south.on_call = ringing
    call = c.phone("1001").call("9112")
    await c.south.next_call()
    await asyncio.sleep(2)
    call.hang_up()
    await asyncio.sleep(1)
    assert c.south.ladder()[-3:] == ["> 200 CANCEL", "> 487 INVITE", "< ACK"]
    assert (await c.cdr())["cause"] == "cancelled"


@told(replace(centre(), general=replace(centre().general, max_calls=1)))
async def test_more_calls_than_the_switch_may_hold(c: Centre) -> None:
    first = c.caller()
    await first.answered()
    assert await c.caller(user="+342").refused() == 503
    first.hang_up()
    await c.settled()
    assert len(c.switch.cdrs()) == 1
