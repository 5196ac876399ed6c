"""The one place where a call is taken down: legs, lines, media, rows, and the answer to the BYE that began it.

Idempotent by construction: the trampoline calls `finish` once, in its `finally`.
"""

import asyncio
import contextlib
from collections import deque
from operator import attrgetter

from softswitch.call.call import Call
from softswitch.call.leg import Leg
from softswitch.call.out_calls import log_out_call
from softswitch.call.parking import free
from softswitch.call.room import Room
from softswitch.call.stream_rows import stream_rows
from softswitch.call.termination import Termination, status_by_reason
from softswitch.facts import CallEnded, LegEnded
from softswitch.store.rows import CallFinished, LegRow

KNOWN_WITHIN_S = 0.25
"""The other call may end before it comes to that."""
_AUDIO = (
    *("late", "duplicates", "out_of_order", "peer_lost", "peer_jitter_ms", "mos", "rtt_ms", "level_db"),
    *("clipped_share", "silence_share", "talk_share", "overlap_s", "interruptions"),
)
"""Figures that a leg's row has by the names of `LegStats`."""
_figures = attrgetter(*_AUDIO)


async def finish(room: Room, call: Call, termination: Termination) -> None:
    """After this nothing of the call is left but its rows. The CDR is committed before any pending BYE is answered."""
    services = call.services
    call.stop(termination)
    call.refer_over(487)
    if call.rings is not None:
        call.rings.abandon(call, termination.reason_header)
    if call.known_elsewhere is not None:
        await _known(call.known_elsewhere)
    if call.taken_by is not None:
        await services.stored(call.taken_by)
    if room.parked:
        free(room, call)
    room.supervisions.call_over(call.id)
    room.recordings.stop(call.id)
    reason = termination.reason_header
    unanswered = termination.sip_status
    if unanswered < 300:  # somebody hung up whom the caller has not heard yet
        unanswered = status_by_reason(termination.reason, 480)
    for leg in call.legs.values():
        leg.hang_up(unanswered, reason, termination.headers)
    await _let_all_go(call)
    ended = services.clock.wall()
    room.dispatcher.places.cut_off(call, termination)
    log_out_call(room.dispatcher.desk, call, termination)
    if call.recorded:
        await services.store.call_finished(_cdr(call, termination, ended))
    for accept in call.byes:
        accept()
    by, cause = str(termination.by), str(termination.cause)
    call.log.info(
        "call ended",
        by=by,
        cause=cause,
        talk_s=round(call.figures.talk_s, 1),
    )
    services.bus.publish(
        CallEnded(
            call=call.id,
            by=by,
            cause=cause,
            sip_status=termination.sip_status,
            source=call.source,
            talk_s=call.figures.talk_s,
            wall=ended,
            monotonic=services.clock.monotonic(),
        )
    )


async def _known(elsewhere: asyncio.Event) -> None:
    """With this call's end its row goes, and who went to another call would be in none after a crash."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(elsewhere.wait(), KNOWN_WITHIN_S)


async def _let_all_go(call: Call) -> None:
    """Their worker closes all at once, so that waiting for one after the other takes no longer than for all together."""
    legs = deque(call.legs.values())
    for leg in legs:
        try:
            leg.begin_closing()
        except Exception:
            call.log.exception("a leg could not be told to close")
    try:
        while legs:
            try:
                await let_go(call, legs.popleft())
            except Exception:
                call.log.exception("a leg could not be taken down")
    finally:
        for leg in legs:  # nobody waits any longer
            leg.release()
            _gone(call, leg)


async def let_go(call: Call, leg: Leg) -> None:
    """The leg has hung up, or was told to: its port and line are free, its row is written."""
    try:
        await leg.close()
    finally:
        _gone(call, leg)


def _gone(call: Call, leg: Leg) -> None:
    services = call.services
    services.lines.free(leg.id)
    call.legs.pop(leg.id, None)
    impairments = services.audio.leg_gone(call, leg.id)
    if call.recorded:
        ended = services.clock.wall()
        services.store.leg(_leg_row(call, leg, ended, impairments))
        for row in stream_rows(call, leg, ended):
            services.store.leg(row)
    _publish(call, leg)


def _publish(call: Call, leg: Leg) -> None:
    """What its audio was like, for the metrics; of a leg that had none there is nothing to say."""
    stats, clock = leg.stats, call.services.clock
    if stats is None or not stats.packets_in:
        return
    call.services.bus.publish(
        LegEnded(
            call=call.id,
            leg=leg.id,
            direction=leg.direction,
            codec=leg.codec,
            packets=stats.packets_in,
            loss=(stats.lost + stats.late) / (stats.packets_in + stats.lost),
            jitter_s=stats.jitter_ms / 1000,
            mos=stats.mos,
            rtt_s=stats.rtt_ms / 1000 if stats.rtt_ms is not None else None,
            wall=clock.wall(),
            monotonic=clock.monotonic(),
        )
    )


def _cdr(call: Call, termination: Termination, ended: float) -> CallFinished:
    figures, stats = call.figures, call.caller.stats
    return CallFinished(
        call=call.id,
        ended=ended,
        answered=figures.answered,
        bridged=figures.bridged,
        ended_by=str(termination.by),
        cause=str(termination.cause),
        sip_status=200 if call.caller.answered is not None else termination.sip_status,
        last_stage=call.stage,
        queue=figures.queue,
        wait_s=figures.wait_s,
        agent=figures.agent,
        destination=figures.destination,
        talk_s=figures.talk_s,
        hold_s=figures.hold_s,
        recording=figures.recording,
        packets_in=stats.packets_in if stats else 0,
        packets_lost=stats.lost if stats else 0,
        jitter_ms=stats.jitter_ms if stats else 0.0,
        labels=figures.labels,
        trail=call.trail.text(),
    )


def _leg_row(call: Call, leg: Leg, ended: float, impairments: tuple[str, ...]) -> LegRow:
    stats, session = leg.stats, leg.session
    return LegRow(
        leg=leg.id,
        call=call.id,
        direction=leg.direction,
        party=leg.party,
        began=leg.began,
        answered=leg.answered,
        ended=ended,
        sip_status=leg.sip_status,
        sip_call_id=session.call_id if session is not None else "",
        codec=leg.codec,
        packets_in=stats.packets_in if stats else 0,
        packets_out=stats.packets_out if stats else 0,
        packets_lost=stats.lost if stats else 0,
        jitter_ms=stats.jitter_ms if stats else 0.0,
        impairments=" ".join(impairments),
        **(dict(zip(_AUDIO, _figures(stats), strict=True)) if stats else {}),
    )
