"""A call goes out: the trunks of its plan are tried in order until one takes it, or one says what no other would change.

Each try is written down with its trunk, status and times, whatever becomes of it.
"""

from dataclasses import replace

from softswitch.call.attempt import unreachable
from softswitch.call.call import Call
from softswitch.call.events import PartyFailed
from softswitch.call.forwarding import led_outside
from softswitch.call.orders import PickupOrdered
from softswitch.call.ring_once import NO_ANSWER, ring_once
from softswitch.call.room import Room
from softswitch.call.stages import Dial, Talk
from softswitch.call.termination import HANDED_OVER, Cause, Termination, by_switch, refused
from softswitch.call.trunk_plan import Candidate, TrunkPlan
from softswitch.config.target import Target
from softswitch.ids import TrunkName
from softswitch.sip.errors import ParseError
from softswitch.sip.uri import Uri
from softswitch.store.rows import AttemptRow

NO_TRUNK = by_switch(Cause.UNREACHABLE, 503)
MAX_LABEL = 500
Outcome = Talk | PartyFailed | Termination | PickupOrdered


async def through_trunks(room: Room, call: Call, stage: Dial) -> Outcome:
    services = call.services
    account = stage.account or call.source
    led_outside(call)
    plan = services.trunking.plan(call.config, services.calendars, stage.target, stage.dialled, account)
    if not plan.candidates:
        call.log.warning("no trunk leads there", number=plan.e164, target=str(stage.target))
        return NO_TRUNK
    guarded = services.trunking.refused(call.config, account, plan.e164, call.id)
    if guarded is not None:
        return guarded
    outcome: Outcome = NO_TRUNK
    tries = 0
    ordered = sorted(plan.candidates, key=lambda each: services.sip.trunk_is_silent(TrunkName(each.trunk)))
    for index, candidate in enumerate(ordered):
        last = index == len(ordered) - 1 or tries + 1 >= plan.attempts
        began = services.clock.wall()
        skipped = unreachable(room, call, Target("trunk", candidate.trunk))
        if skipped is not None:
            outcome = skipped
        else:
            tries += 1
            outcome = await _try(room, call, stage, candidate, hurry=not last)
        write_down(call, plan, candidate, _ending(outcome), began=began, source=account)
        if isinstance(outcome, Talk) or (skipped is None and not _leads_on(plan, outcome)):
            return outcome
        if tries >= plan.attempts:
            break
    return outcome


async def _try(room: Room, call: Call, stage: Dial, candidate: Candidate, *, hurry: bool) -> Outcome:
    """At one trunk; a 3xx of it is followed once, to a number of its own, where its `redirects` says so."""
    tried = replace(stage, target=Target("trunk", candidate.trunk), dialled=candidate.number)
    outcome = await ring_once(room, call, tried, hurry=hurry)
    if not isinstance(outcome, PartyFailed) or not 300 <= outcome.status < 400:
        return outcome
    number = _redirected_to(outcome) if call.config.trunk[candidate.trunk].redirects == "trunk" else ""
    if not number or number == candidate.number:
        return outcome
    trunking = call.services.trunking
    e164 = trunking.e164(call.config, number, f"trunk:{candidate.trunk}")
    guarded = trunking.refused(call.config, stage.account or call.source, e164, call.id)
    if guarded is not None:
        return guarded
    call.log.info("redirected by the trunk", trunk=candidate.trunk, to=number)
    return await ring_once(room, call, replace(tried, dialled=number), hurry=hurry)


def _redirected_to(outcome: PartyFailed) -> str:
    """The number of the first Contact that has one."""
    for contact in outcome.contacts:
        try:
            user = Uri.parse(contact).user
        except ParseError:
            continue
        if user.removeprefix("+").isdigit() and user.isascii() and len(user) <= 20:
            return user
    return ""


def _leads_on(plan: TrunkPlan, outcome: Outcome) -> bool:
    if isinstance(outcome, PartyFailed):
        return plan.leads_on(outcome.status, local=outcome.local)
    if isinstance(outcome, Termination):
        return outcome is not NO_ANSWER and outcome.cause is not Cause.TOLL and outcome.sip_status >= 500
    return False


def write_down(
    call: Call,
    plan: TrunkPlan,
    candidate: Candidate,
    ending: tuple[Termination, int] | None,
    *,
    began: float,
    source: str,
) -> None:
    """A row for one try; `ending`: why it came to nothing, with the status; None: it was answered."""
    now = call.services.clock.wall()
    status = ending[1] if ending is not None else 200
    row = AttemptRow(
        call=call.id,
        began=began,
        trunk=candidate.trunk,
        number=plan.e164,
        source=source,
        ended=now,
        answered=now if ending is None else None,
        sip_status=status,
        cause=ending[0].cause.value if ending is not None else "answered",
        why=candidate.why,
    )
    call.services.store.attempt(row)
    told = f"{candidate.trunk} {status} {row.cause} {now - began:.2f}s"
    before = call.figures.labels.get("attempts")
    call.figures.labels["attempts"] = (f"{before}, {told}" if before else told)[:MAX_LABEL]
    call.log.info("tried at a trunk", trunk=candidate.trunk, status=status, cause=row.cause, why=row.why)


def _ending(outcome: Outcome) -> tuple[Termination, int] | None:
    if isinstance(outcome, PartyFailed):
        return failed(outcome)
    if isinstance(outcome, PickupOrdered):
        return HANDED_OVER, 487
    return (outcome, outcome.sip_status) if isinstance(outcome, Termination) else None


def failed(event: PartyFailed) -> tuple[Termination, int]:
    """What a try has come to, and the status that was answered."""
    return refused(event.status, local=event.local), event.status
