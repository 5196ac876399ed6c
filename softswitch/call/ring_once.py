"""One party is rung for a caller, once: early media while it rings, and what became of it."""

from softswitch.call.attempt import begin_attempt
from softswitch.call.beside import sit_beside
from softswitch.call.call import Call, loop_time
from softswitch.call.events import HoldChanged, PartyAnswered, PartyFailed, PartyProgress
from softswitch.call.facing import settle
from softswitch.call.leg import Leg
from softswitch.call.orders import PickedUp, PickupOrdered
from softswitch.call.pickup import picked_up
from softswitch.call.room import Room
from softswitch.call.stages import Dial, Talk
from softswitch.call.termination import By, Cause, Termination
from softswitch.config.target import OUTWARD
from softswitch.errors import PeerError
from softswitch.sip.sdp import SessionDescription

NO_ANSWER = Termination(By.CALLEE, Cause.NO_ANSWER, 480)


async def ring_once(
    room: Room, call: Call, stage: Dial, *, hurry: bool = False
) -> Talk | PartyFailed | Termination | PickupOrdered:
    """The talk when somebody answered; of a call out, `stage` names one trunk. `hurry`: there is another trunk to try, so
    silence is not waited for long. Who rings for the caller already rings on (`Call.rings`);
    while it rings, another call may take it from there."""
    attempt = call.rings or begin_attempt(
        room, call, stage.target, stage.dialled, account=stage.account, hurry=hurry
    )
    if isinstance(attempt, Termination):
        return attempt
    call.rings = attempt
    leg, party = attempt.leg, attempt.party
    answered = False
    try:
        outcome = await _until_settled(call, leg, stage.ring_s)
        answered = isinstance(outcome, PartyAnswered)
    finally:
        mine, call.rings = call.rings is attempt, None
        if mine and not answered:
            attempt.abandon(call, (call.over or NO_ANSWER).reason_header)
    if call.caller.answered is not None:
        call.caller.music(None)
    if outcome is None:
        return NO_ANSWER
    if isinstance(outcome, PartyFailed | PickupOrdered):
        return outcome
    if isinstance(outcome, PickedUp):
        return await picked_up(room, call, outcome, record=stage.record or _record(call, outcome.by.source))
    call.services.lines.talking(leg.id)
    call.services.trunking.answered(call.config, leg.id)
    call.caller.follow(leg.codec)
    if leg.streams is not None:
        settle(call.caller, leg)
    call.adopt(leg)
    await sit_beside(leg, call.caller)
    outward = stage.target.kind in OUTWARD
    call.figures.destination = f"{party}/{stage.dialled}" if outward else party
    return Talk(other=leg.id, agent=attempt.agent, record=stage.record or _record(call, party))


async def _until_settled(
    call: Call, leg: Leg, ring_s: float
) -> PartyAnswered | PartyFailed | PickedUp | PickupOrdered | None:
    """None: nobody answered in time."""
    if call.caller.answered is not None:
        call.caller.music("tone:ringback")
    deadline = loop_time() + ring_s
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            return None
        if isinstance(event, PartyAnswered | PartyFailed) and event.leg == leg.id:
            return event
        if isinstance(event, PickupOrdered) or (isinstance(event, PickedUp) and event.by.over is None):
            return event
        if isinstance(event, PartyProgress) and event.leg == leg.id:
            _progress(call, leg, event)
        elif isinstance(event, HoldChanged):
            call.log.info("hold while ringing", leg=event.leg, held=event.held)


def _progress(call: Call, leg: Leg, event: PartyProgress) -> None:
    """Ringing as the far side gives it: its own early media when it sends some, else a plain 180."""
    if call.referral is not None:
        call.referral.progress(event.status)
    wanted = bool(call.caller.codec) and event.sdp is not None and _early_media(call, leg)
    early = wanted and event.sdp is not None and _heard_early(call, leg, event.sdp)
    if call.caller.answered is None and call.caller.session is not None:
        call.caller.ring(early=early, status=event.status)


def _early_media(call: Call, leg: Leg) -> bool:
    kind, _, name = leg.party.partition(":")
    trunk = call.config.trunk.get(name) if kind == "trunk" else None
    return trunk is None or trunk.early_media == "pass"


def _heard_early(call: Call, leg: Leg, sdp: SessionDescription) -> bool:
    """Let the caller hear what the party sends already; False when its description is of no use."""
    try:
        leg.take_answer(sdp)
    except PeerError as error:
        call.log.info("early media cannot be used", problem=str(error))
        return False
    call.caller.follow(leg.codec)
    call.caller.bridge(leg)
    if leg.streams is not None:
        settle(call.caller, leg)
    return True


def _record(call: Call, party: str) -> str:
    """Outside queues, a call is recorded when either phone says so."""
    wishes = set()
    if call.identity.kind == "endpoint":
        wishes.add(call.config.endpoint[call.identity.name].record)
    kind, _, name = party.partition(":")
    if kind == "endpoint":
        wishes.add(call.config.endpoint[name].record)
    return next((wish for wish in ("always", "on-demand") if wish in wishes), "never")
