"""A short day at one queue with callers of every fate: who reads its queue_log must come to the same figures.

One talks, holds and hangs up; one hangs up while an agent's phone rings; one waits until his time is over; one finds the
queue full. One agent throughout.
"""

import asyncio

from story_floor import Centre, centre, members, sales

from softswitch.testing.manners import answering, ringing

DAY = centre(
    **sales(
        members=members("ana"), timeout=5.0, max_wait=30.0, maxlen=2, keys={"1": "hangup"}, wrapuptime=1.0
    )
)


def lines(c: Centre) -> list[str]:
    return (c.switch.folder / "queue_log").read_text().splitlines()


async def day_of_every_fate(c: Centre) -> None:
    phone = c.phone("1001")
    phone.on_call = answering(1.0)
    first = c.caller()  # talks, holds, hangs up
    taken = await phone.next_call()
    await asyncio.sleep(4)
    taken.hold()
    await asyncio.sleep(3)
    taken.resume()
    await asyncio.sleep(2)
    first.hang_up()
    await asyncio.sleep(3)
    phone.on_call = ringing
    gone = c.caller(user="+34600000002")  # hangs up while it rings
    await asyncio.sleep(3)
    late = c.caller(user="+34600000003")  # never gets anybody
    refused = c.caller(user="+34600000004")  # the queue is full
    await refused.over()
    gone.hang_up()
    await late.hung_up()
    await c.settled()
