"""Proves what a call makes of a callee that forks: early media follows the fork that said something new last, the one that
answers is talked to, the others are hung up; 181, 182 and 199 on the way (RFC 3261 section 13.2.2.4, RFC 6228).

Does not prove the dialogs one by one (`tests/sip/test_early_dialogs.py`).
"""

import asyncio

from story_floor import PHONES, SWITCH, Centre, told

from softswitch.sip.message import Request
from softswitch.testing.raw_peer import RawPeer
from softswitch.testing.sound import described

FORKS = PHONES["1002"]


def sdp(port: int) -> bytes:
    return described(FORKS, port=port, codecs=("PCMU",)).serialize()


@told()
async def test_early_media_moves_with_the_forks_and_the_winner_is_heard(c: Centre) -> None:
    c.phone("1002").close()
    raw = RawPeer(c.network, FORKS, name="1002", switch=SWITCH)
    call = c.phone("1001").call("1002")
    invite = await raw.asked("INVITE")
    raw.respond(invite, 181, tag="one")
    await asyncio.sleep(0.2)
    raw.respond(invite, 182, tag="one")
    await asyncio.sleep(0.2)
    assert call.progress == [181, 182]
    ports = []
    leg = c.leg_of("endpoint:1002")
    reliable = ("Require: 100rel", "RSeq: 1")
    for tag, port in (("one", 5001), ("two", 5002), ("three", 5003)):
        raw.respond(invite, 183, sdp(port), tag=tag, headers=reliable)
        await asyncio.sleep(0.2)
        ports.append(c.switch.media.peer(leg).port)
    raw.respond(invite, 183, sdp(5001), tag="one", headers=reliable)
    raw.respond(invite, 199, tag="three")
    await asyncio.sleep(0.2)
    ports.append(c.switch.media.peer(leg).port)
    assert ports == [5001, 5002, 5003, 5003]
    for prack in [one for one in raw.received if isinstance(one, Request) and one.method == "PRACK"]:
        raw.respond(prack, 200)
    raw.respond(invite, 200, tag="two")
    await call.answered()
    raw.respond(invite, 200, tag="one")
    await asyncio.sleep(1)
    assert c.switch.media.peer(leg).port == 5002
    assert len(c.switch.media.bridges) == 1
    bye = await raw.asked("BYE")
    assert bye.to_tag == "one"
    raw.respond(bye, 200)
    acks = {one.to_tag for one in raw.received if isinstance(one, Request) and one.method == "ACK"}
    assert acks == {"one", "two"}
    call.hang_up()
    await asyncio.sleep(1)
    for one in raw.received:
        if isinstance(one, Request) and one.method == "BYE":
            raw.respond(one, 200)
    assert (await c.cdr())["cause"] == "normal"
    raw.close()
