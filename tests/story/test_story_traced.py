"""Proves on virtual time what a whole call leaves in the message memory: both legs under one call, parties named, the
call found after it ended; that a follower who does not read loses messages and nobody else notices; that
`[trace] messages = 0` hooks nothing in; that Homer gets each message once from the reload that names it to the one that
does not.

Does not prove what is drawn of it (tests/trace) nor real sockets (tests/interop).
"""

import asyncio
from contextlib import aclosing

from story_floor import Centre, centre, told

from softswitch.app.tracing import Follower
from softswitch.config.tracing import Capture, Homer, Trace
from softswitch.testing.manners import answering
from softswitch.trace.following import Wanted


async def _talk(c: Centre) -> str:
    c.phone("1002").on_call = answering(1.0)
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await call.answered()
    await asyncio.sleep(1)
    name = next(iter(c.switch.parts.manager.calls))
    call.hang_up()
    await other.hung_up()
    await c.cdr()
    return str(name)


@told()
async def test_a_call_is_known_after_its_end(c: Centre) -> None:
    view = await c.switch.parts.tracing.of_call(await _talk(c))
    lines = [(message.party, message.outgoing, message.line) for message in view.messages]
    assert lines[0] == ("endpoint:1001", False, "INVITE 1002")
    assert ("endpoint:1002", True, "INVITE 1002") in lines
    for party, outgoing in (("endpoint:1002", False), ("endpoint:1001", True)):
        assert (party, outgoing, "200 OK") in lines
    assert next(line for line in lines if line[2].startswith("BYE"))[:2] == ("endpoint:1001", False)
    assert len({message.sip_call_id for message in view.messages}) == 2
    assert [message.at for message in view.messages] == sorted(message.at for message in view.messages)
    assert view.messages[0].facts.startswith("PCMU PCMA :")


@told()
async def test_one_who_does_not_read_loses_messages_and_nobody_notices(c: Centre) -> None:
    tracing = c.switch.parts.tracing
    slow = Follower(Wanted(), waiting=3)
    tracing.memory.listeners.append(slow.hear)
    seen: list[str] = []

    async def follow() -> None:
        async with aclosing(tracing.follow(Wanted(number="1002"))) as stream:
            async for each in stream:
                if each is not None and not isinstance(each, int):
                    seen.append(each.line)

    quick = asyncio.create_task(follow())
    await asyncio.sleep(0)
    view = await tracing.of_call(await _talk(c))
    await asyncio.sleep(0)
    tracing.close()
    await quick
    assert len(seen) == len(view.messages) > 8
    assert len(slow.queue) == 3 and slow.dropped == len(view.messages) - 3


@told(centre(trace=Trace(messages=0)))
async def test_nothing_is_hooked_in_when_it_is_off(c: Centre) -> None:
    sip = c.switch.parts.sip
    assert sip.on_message is None and sip.on_calling is None
    assert (await c.switch.parts.tracing.of_call(await _talk(c))).messages == ()
    assert c.switch.parts.tracing.memory.size == (0, 0)


@told()
async def test_homer_is_told_while_it_is_named(c: Centre) -> None:
    tracing = c.switch.parts.tracing
    # No message a second may leave: each is counted instead.
    named = Homer(address="udp://127.0.0.1:9", rate=0, quality=False)
    assert not tracing.homer.counts
    for _ in range(2):
        c.switch.reload(centre(capture=Capture(homer=named)))
    view = await tracing.of_call(await _talk(c))
    assert tracing.homer.counts.total() == len(view.messages) > 8
    c.switch.reload(centre())
    tracing.homer.counts.clear()
    call = c.phone("1001").call("1002")
    await call.answered()
    call.hang_up()
    await c.settled()
    tracing.memory.settle()
    assert not tracing.homer.counts
