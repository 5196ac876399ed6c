"""Proves that what a peer says in Reason reaches the other side, in BYE and CANCEL, written anew; and that what no peer
may be told is not passed on; that a Q.850 cause says what a status of a gateway does not (RFC 3398).
"""

from asyncio import sleep

import pytest
from story_floor import Centre, told

from softswitch.call.termination import passed_on, refused, status_by_reason
from softswitch.testing.manners import answering, ringing
from softswitch.testing.peer_call import PeerCall


@pytest.mark.parametrize(
    ("received", "told_on"),
    [
        ('Q.850;cause=17;text="busy"', 'Q.850;cause=17;text="busy"'),
        ("SIP;cause=200, q.850;cause=16", "Q.850;cause=16"),
        ('SIP;cause=200;text="Call completed elsewhere"', 'SIP;cause=200;text="Call completed elsewhere"'),
        ("X;cause=1", ""),
        ("Q.850;cause=999", ""),
        ('Q.850;cause=16;text="a\x07b"', 'Q.850;cause=16;text="ab"'),
        ('"', ""),
        ("", ""),
    ],
)
def test_what_is_passed_on(received: str, told_on: str) -> None:
    assert passed_on(received) == told_on


def reason_of(request: object) -> str:
    return request.headers.get("Reason")  # type: ignore[attr-defined, no-any-return]


@told()
async def test_in_bye_cancel_and_refusal(c: Centre) -> None:
    phone = c.phone("1002")
    phone.on_call = answering(0.5)
    call = c.phone("1001").call("1002")
    await call.answered()
    await sleep(1)
    call.session.hangup(None, 'Q.850;cause=47;text="no resource"')
    call.peer.flush()
    await sleep(1)
    assert reason_of(phone.requests("BYE")[0]) == 'Q.850;cause=47;text="no resource"'

    call = c.phone("1001").call("1002")
    await call.answered()
    await sleep(1)
    phone.calls[1].session.hangup(None, "Q.850;cause=41")
    phone.flush()
    await call.hung_up()
    assert reason_of(c.phone("1001").requests("BYE")[0]) == "Q.850;cause=41"

    phone.on_call = ringing
    call = c.phone("1001").call("1002")
    await sleep(1)
    call.session.hangup(None, 'SIP;cause=200;text="Call completed elsewhere"')
    call.peer.flush()
    await sleep(1)
    assert reason_of(phone.requests("CANCEL")[0]) == 'SIP;cause=200;text="Call completed elsewhere"'


@pytest.mark.parametrize(
    ("status", "reason", "told_status", "cause"),
    [
        (503, "Q.850;cause=17", 486, "busy"),
        (500, 'Q.850;cause=1;text="unallocated"', 404, "unknown number"),
        (503, "Q.850;cause=34", 503, "peer failed"),
        (503, "", 503, "peer failed"),
        (302, "Q.850;cause=22", 410, "unreachable"),
        (302, "", 480, "unreachable"),
        (401, "Q.850;cause=21", 403, "not allowed"),
        (486, "Q.850;cause=34", 486, "busy"),
        (480, "Q.850;cause=18", 480, "unreachable"),
        (503, "SIP;cause=486", 503, "peer failed"),
    ],
)
def test_what_a_status_does_not_say(status: int, reason: str, told_status: int, cause: str) -> None:
    termination = refused(status, reason=reason)
    assert (termination.sip_status, termination.cause) == (told_status, cause)


def test_a_status_from_a_reason_alone() -> None:
    assert status_by_reason('Q.850;cause=17;text="busy"', 480) == 486
    assert status_by_reason("SIP;cause=200", 480) == status_by_reason("", 480) == 480


@told()
async def test_the_caller_hears_busy_from_a_gateway_that_says_503(c: Centre) -> None:
    def gateway(call: PeerCall) -> None:
        call.session.reject(503, headers=(("Reason", "Q.850;cause=17"),))
        call.peer.flush()

    c.south.on_call = gateway
    assert await c.phone("1001").call("9112").refused() == 486
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["ended_by"]) == ("busy", "callee")
