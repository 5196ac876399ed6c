"""The stage of a supervisor who has dialled: his leg hears an agent's calls until he hangs up or takes one over."""

from softswitch.call.call import Call
from softswitch.call.events import DigitHeard, HoldChanged
from softswitch.call.matrix import Role
from softswitch.call.refusals import Refusal
from softswitch.call.room import Room
from softswitch.call.stages import End, Say, Stage, Supervise
from softswitch.call.supervision import Wish
from softswitch.call.termination import By, Cause, Termination, by_switch
from softswitch.ids import EndpointName

NOT_ALLOWED = by_switch(Cause.NOT_ALLOWED, 403)
OVER = Termination(By.SWITCH, Cause.NORMAL, 200)


async def supervise(room: Room, call: Call, stage: Supervise) -> Stage:
    phone = EndpointName(call.identity.name)
    wish = Wish(
        phone=phone,
        by=room.dispatcher.desk.logged_in_at(phone),
        agent=stage.agent,
        call=None,
        follow=call.config.supervision.follow,
    )
    try:
        session = room.supervisions.dialled(call, wish, Role.LISTEN)
    except Refusal as refusal:
        call.log.info("may not supervise", agent=stage.agent, problem=str(refusal))
        return Say(prompts=("supervise-denied",), termination=NOT_ALLOWED, early=True)
    call.figures.destination = f"supervise:{stage.agent}"
    try:
        call.answer()
        await room.supervisions.answered(session)
        while not session.over:
            event = await call.next()
            if isinstance(event, DigitHeard):
                session.key(event)
            elif isinstance(event, HoldChanged):
                session.hold(event.held)
            else:
                await room.supervisions.seat(session)
        return End(termination=OVER)
    finally:
        room.supervisions.forget(session)
