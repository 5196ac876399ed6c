"""Where a caller goes who is put through to somebody else: the next stage, with what he keeps of his age and recording.

`stage_after` serves every way to transfer: feature keys, the control API, and whatever SIP asks for.
"""

from dataclasses import replace

from softswitch.call.arrive import stage_for
from softswitch.call.call import Call
from softswitch.call.stages import Dial, Stage, Talk, Wait
from softswitch.config.target import Target
from softswitch.facts import CallTransferred


def stage_after(call: Call, talk: Talk, target: Target, dialled: str = "", *, by: str) -> Stage:
    """Blind: he is led to `target`. In a queue he has the age of all his waiting and the priority he had; where nobody
    answers he waits again where he came from. A call out is on the account of `by`, who puts him through."""
    call.learn()
    following = stage_for(call, target, dialled=dialled or target.argument)
    if isinstance(following, Wait):
        priority = talk.again.priority if talk.again is not None else call.priority
        return replace(following, priority=priority, waited_s=call.figures.wait_s)
    if isinstance(following, Dial):
        record = "" if talk.record == "never" else talk.record
        return replace(following, record=record, again=waiting_again(call, talk), account=by)
    return following


def waiting_again(call: Call, talk: Talk) -> Wait | None:
    if talk.again is None:
        return None
    return replace(talk.again, entered=0.0, waited_s=call.figures.wait_s, kept=True)


def tell_transferred(call: Call, how: str, by: str, to: str) -> None:
    """`how` is `blind`, `attended` or `take over`."""
    clock = call.services.clock
    call.log.info("transferred", how=how, by=by, to=to)
    call.services.bus.publish(
        CallTransferred(call=call.id, how=how, by=by, to=to, wall=clock.wall(), monotonic=clock.monotonic())
    )
