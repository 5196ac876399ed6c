"""Proves that what a peer says in Reason reaches the other side, in BYE and CANCEL, written anew; and that what no peer
may be told is not passed on.
"""

from asyncio import sleep

import pytest
from story_floor import Centre, told

from softswitch.call.termination import passed_on
from softswitch.testing.manners import answering, ringing


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
