"""What a waiting caller is told of his wait is kept, to be compared with what came."""

from math import isfinite

from softswitch.acd.values import Announce
from softswitch.acd.wait_range import WaitRange
from softswitch.call.call import Call
from softswitch.store.promise_rows import PromiseRow


def promised(call: Call, announce: Announce, told: WaitRange) -> None:
    wall = call.services.clock.wall()
    call.services.store.promise(
        PromiseRow(
            call=call.id,
            told=wall,
            queue=announce.queue,
            position=announce.position,
            waited_s=announce.waited_s,
            low_s=told.low_s,
            high_s=told.high_s if isfinite(told.high_s) else None,
            expected_s=told.expected_s,
        )
    )
    high = round(told.high_s) if isfinite(told.high_s) else 0
    call.trail.mark(wall, "promise", position=announce.position, low_s=round(told.low_s), high_s=high)
