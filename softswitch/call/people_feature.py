"""Feature codes of people with a role: an agent logged in or out, paused, resumed; a waiting caller pulled or moved.

What follows the code is split at `*`; the last part is the PIN of whoever has one. Each is asked at the gate, done or
refused, written to the audit trail, and confirmed by a prompt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from softswitch.acd.errors import AcdError, Refused
from softswitch.acd.values import AgentStatus
from softswitch.call.call import Call
from softswitch.call.desk import Desk
from softswitch.call.opening import opening
from softswitch.call.orders import MoveOrdered, PickedUp
from softswitch.call.permissions import About, Actor
from softswitch.call.pickup import NOTHING_RINGS, handed_over
from softswitch.call.room import Room
from softswitch.call.routing import Asked, route
from softswitch.call.stages import End, Feature, Say, Stage
from softswitch.call.termination import By, Cause, Termination, by_switch
from softswitch.config.acts import Act
from softswitch.ids import AgentId, QueueName

DONE = Termination(By.SWITCH, Cause.NORMAL, 200)
REFUSED = by_switch(Cause.NOT_ALLOWED, 403)
DENIED = "agent-denied"
_ACTS = {
    "agent_login": (Act.AGENT_LOGIN, "agent-login"),
    "agent_logout": (Act.AGENT_LOGOUT, "agent-logout"),
    "agent_pause": (Act.AGENT_PAUSE, "agent-paused"),
    "agent_resume": (Act.AGENT_RESUME, "agent-resumed"),
}


@dataclass(slots=True)
class _Asked:
    """One code that was dialled."""

    room: Room
    call: Call
    actor: Actor

    def refused(self, act: Act, about: About) -> bool:
        return bool(self.room.gate.missing(self.actor, act, about))

    def told(self, act: Act, about: About, *, why: str = "", **details: str) -> None:
        result = "failed" if why else "done"
        self.room.gate.note(self.actor, act, about, result=result, why=why, details=details)


async def people_feature(room: Room, call: Call, stage: Feature) -> Stage:
    act = _ACTS.get(stage.feature, (Act.CALL_PULL if stage.feature == "pull" else Act.CALL_MOVE, ""))[0]
    proved = with_pin(room, call, stage.argument, act)
    if proved is None:
        return _denied()
    asked = _Asked(room, call, room.gate.permissions.by_phone(call.identity.name))
    words = proved.split("*")
    if stage.feature in _ACTS:
        return _to_agent(asked, stage.feature, words[0])
    if stage.feature == "pull":
        return await _pull(asked, words[0])
    return _move(asked, words[0], words[1] if len(words) > 1 else "")


def with_pin(room: Room, call: Call, argument: str, act: Act) -> str | None:
    """What was dialled behind the code, without the PIN of whoever has one; None: it is wrong or missing."""
    actor = room.gate.permissions.by_phone(call.identity.name)
    if not actor.person.pin:
        return argument
    said, star, last = argument.rpartition("*")
    if not room.gate.proved(actor, last if star else "", act):
        return None
    return said


def _denied() -> Stage:
    return Say(prompts=(DENIED,), termination=REFUSED, early=True)


def _to_agent(asked: _Asked, feature: str, name: str) -> Stage:
    act, prompt = _ACTS[feature]
    about = asked.room.gate.permissions.agent(name)
    if asked.refused(act, about) or name not in asked.call.config.agent:
        return _denied()
    why = _done(asked, feature, AgentId(name))
    asked.told(act, about, why=why)
    return _denied() if why else Say(prompts=(prompt,), termination=DONE)


def _done(asked: _Asked, feature: str, agent: AgentId) -> str:
    """What went wrong."""
    desk = asked.room.dispatcher.desk
    orders: dict[str, Callable[[Desk], None]] = {
        "agent_login": lambda desk: desk.login(agent),
        "agent_logout": lambda desk: desk.status(agent, AgentStatus.LOGGED_OUT, ""),
        "agent_pause": lambda desk: desk.status(agent, AgentStatus.PAUSED, _reason(asked.call)),
        "agent_resume": lambda desk: desk.resume(agent),
    }
    if feature in ("agent_pause", "agent_resume") and not desk.is_logged_in(agent):
        return f"{agent} is logged out"
    try:
        orders[feature](desk)
    except Refused as error:
        return str(error)
    return ""


def _reason(call: Call) -> str:
    return next(iter(call.config.features.pause_reasons), "")


async def _pull(asked: _Asked, number: str) -> Stage:
    queue = _queue_at(asked.call, number)
    about = asked.room.gate.permissions.queue(queue)
    if asked.refused(Act.CALL_PULL, about) or not queue:
        return _denied()
    found = _next_in(asked, queue)
    if found is None:
        asked.told(Act.CALL_PULL, about, why="nobody waits")
        return End(termination=NOTHING_RINGS)
    whom = asked.room.gate.permissions.call(found)
    asked.told(Act.CALL_PULL, whom, queue=queue)
    asked.call.figures.destination = f"pickup:{found.id}"
    stage = await handed_over(asked.call, found, PickedUp(asked.call))
    asked.told(Act.CALL_PULL, whom, why="the caller was not handed over", queue=queue)
    return stage


def _move(asked: _Asked, number: str, to_number: str) -> Stage:
    permissions = asked.room.gate.permissions
    queue, to = _queue_at(asked.call, number), _queue_at(asked.call, to_number)
    for name in (queue, to):
        if asked.refused(Act.CALL_MOVE, permissions.queue(name)):
            return _denied()
    found = _next_in(asked, queue) if queue and to and queue != to else None
    why = "nobody waits" if found is None else _obstacle(asked, found, to)
    about = permissions.queue(queue) if found is None else permissions.call(found)
    asked.told(Act.CALL_MOVE, about, why=why, queue=to)
    if found is None or why:
        return _denied()
    found.post(MoveOrdered(QueueName(to)))
    return Say(prompts=("beep",), termination=DONE)


def _obstacle(asked: _Asked, found: Call, to: str) -> str:
    try:
        return asked.room.dispatcher.engine.obstacle(found.id, QueueName(to))
    except AcdError as error:
        return str(error)


def _next_in(asked: _Asked, queue: str) -> Call | None:
    """Who is served next there and on the line."""
    dispatcher, clock = asked.room.dispatcher, asked.call.services.clock
    view = dispatcher.engine.queue_view(QueueName(queue), clock.monotonic())
    live = (asked.room.calls.get(caller.call) for caller in view.waiting if not caller.virtual)
    return next((call for call in live if call is not None and dispatcher.waits(call.id)), None)


def _queue_at(call: Call, number: str) -> str:
    """The queue that this number leads a phone to; empty: none. Or the name of the queue itself, where it is digits."""
    if not number:
        return ""
    if number in call.services.config.queue:
        return number
    services = call.services
    now = datetime.fromtimestamp(services.clock.wall(), tz=UTC)
    wanted = Asked(number=number, ani=call.ani, kind="endpoint", name=call.identity.name)
    found = route(services.config, wanted, opening(services.calendars, now).open)
    queued = found is not None and not found.feature and found.target.kind == "queue"
    return found.target.name if found is not None and queued else ""
