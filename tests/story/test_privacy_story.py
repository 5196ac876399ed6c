"""Proves that a caller who wants to be unknown (RFC 3323) is anonymous to phones and to trunks that are not trusted, that a
trusted trunk is told who he is and that it must not say so, and that `none` hides nothing.
"""

import asyncio

import pytest
from story_floor import SOUTH, Centre, centre, told, trunk

from softswitch.sip.message import Request
from softswitch.testing.manners import answering

CENTRE = centre(trunk={"south": trunk(SOUTH, trusted=True)})


async def called(c: Centre, number: str, privacy: str) -> Request:
    peer = c.south if number.startswith("9") else c.phone("1002")
    peer.on_call = answering(0.1)
    call = c.phone("1001").call(number, headers=(("Privacy", privacy),))
    await call.answered()
    await asyncio.sleep(1)
    call.hang_up()
    return peer.calls[-1].invite


@pytest.mark.parametrize("privacy", ["id", "user;id", "header", "ID; critical"])
def test_hidden(privacy: str, tmp_path: object) -> None:
    @told(CENTRE)
    async def story(c: Centre) -> None:
        for number in ("1002", "9555"):
            invite = await called(c, number, privacy)
            assert str(invite.from_.uri) == "sip:anonymous@anonymous.invalid"
            assert "1001" not in str(invite.contacts[0])
            told_who = "<sip:1001@" in (invite.headers.get("P-Asserted-Identity") or "")
            assert told_who == number.startswith("9")
            assert invite.headers.get("Privacy")

    story(tmp_path)


@told(CENTRE)
async def test_not_hidden(c: Centre) -> None:
    for privacy in ("none", "id;none", "session", "nonsense"):
        invite = await called(c, "1002", privacy)
        assert invite.from_.uri.user == "1001" and invite.headers.get("Privacy") is None
