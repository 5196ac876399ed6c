"""Proves what `calls show` tells of a queue call while it lives: each offer so far with its result and reasons, those that
have ended too, until he talks to the agent who answered.

Does not prove how the command line prints it.
"""

import asyncio

from story_floor import Centre, told

from softswitch.testing.manners import answering, busy


@told()
async def test_offers_that_have_ended_are_shown_while_the_call_lives(c: Centre) -> None:
    c.phone("1001").on_call = busy
    c.phone("1002").on_call = answering(2.0)
    call = c.caller("600")
    await c.phone("1002").next_call()
    await asyncio.sleep(5)
    [view] = c.switch.control.calls()
    detail = await c.switch.control.call(view.call)
    assert [(offer.agent, offer.result) for offer in detail.offers] == [("ana", "busy"), ("ben", "answered")]
    assert all(offer.why["candidates"] for offer in detail.offers)
    call.hang_up()
    await c.settled()
