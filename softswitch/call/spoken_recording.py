"""What a caller says after a tone, recorded until a key, silence, the limit or his end: greetings and comments."""

import asyncio
from dataclasses import dataclass

from softswitch.call.call import Call, loop_time
from softswitch.call.key_menu import told
from softswitch.call.message import until_done
from softswitch.call.room import Room
from softswitch.facts import Fact, RecordingEnded
from softswitch.ids import AgentId, QueueName
from softswitch.store.rows import RecordingRow

CLOSED_WITHIN_S = 5.0
"""The media worker has the file whole by then."""


@dataclass(frozen=True, slots=True)
class Spoken:
    row: RecordingRow
    seconds: float


async def record_spoken(
    room: Room,
    call: Call,
    prompts: tuple[str, ...],
    *,
    max_s: float,
    silence_s: float,
    queue: QueueName | None = None,
    agent: AgentId | None = None,
) -> Spoken | None:
    """None: nothing could be recorded. A recording of the call that runs already ends before."""
    await told(call, (*prompts, "tone:beep"), "#")
    room.recordings.stop(call.id)
    started = room.recordings.start(
        call, (call.caller,), queue=queue, agent=agent, max_s=max_s, silence_s=silence_s
    )
    row = room.recordings.of_call(call.id)
    if started is None or row is None:
        return None
    ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def hear(fact: Fact) -> None:
        if isinstance(fact, RecordingEnded) and fact.recording == started and not ended.done():
            ended.set_result(fact.seconds)

    detach = call.services.bus.subscribe({RecordingEnded: hear})
    try:
        kept = await until_done(call, loop_time() + max_s)
        room.recordings.stop(call.id)
        async with asyncio.timeout(CLOSED_WITHIN_S):
            seconds = await ended
    except TimeoutError:
        return None
    finally:
        detach()
        room.recordings.stop(call.id)
    return Spoken(row, seconds) if kept else None
