"""Feature codes that agents dial at their phones: log in, log out, pause with a reason, resume; each is confirmed."""

from hmac import compare_digest

from softswitch.acd.errors import Refused
from softswitch.acd.values import AgentStatus
from softswitch.call.call import Call
from softswitch.call.desk import Desk
from softswitch.call.people_feature import people_feature, with_pin
from softswitch.call.room import Room
from softswitch.call.routing import OF_PEOPLE
from softswitch.call.stages import Feature, PickUp, Retrieve, Say, Stage, Supervise, VoiceMail
from softswitch.call.termination import By, Cause, Termination, by_switch
from softswitch.config.acts import Act
from softswitch.ids import AgentId, EndpointName

DONE = Termination(By.SWITCH, Cause.NORMAL, 200)
REFUSED = by_switch(Cause.NOT_ALLOWED, 403)

_SPOKEN = {
    "login": "agent-login",
    "logout": "agent-logout",
    "pause": "agent-paused",
    "resume": "agent-resumed",
}
_ACTS = {
    "login": Act.AGENT_LOGIN,
    "logout": Act.AGENT_LOGOUT,
    "pause": Act.AGENT_PAUSE,
    "resume": Act.AGENT_RESUME,
}


async def feature(room: Room, call: Call, stage: Feature) -> Stage:
    desk = room.dispatcher.desk
    endpoint = EndpointName(call.identity.name)
    elsewhere = stage.feature == "login" and bool(stage.argument)
    if stage.feature == "supervise":
        whom = with_pin(room, call, stage.argument, Act.SPY_LISTEN)
        return _denied("supervise-denied") if whom is None else Supervise(agent=AgentId(whom))
    if stage.feature == "pickup":
        return PickUp(extension=stage.argument)
    if stage.feature == "voicemail":
        own = call.config.endpoint[endpoint].mailbox
        return VoiceMail(box=stage.argument or own, trusted=stage.argument in ("", own))
    if stage.feature == "park":
        digits = stage.argument
        return Retrieve(place=int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 5 else 0)
    if stage.feature in OF_PEOPLE:
        return await people_feature(room, call, stage)
    agent = _named(room, call, stage.argument) if elsewhere else desk.agent_at(endpoint)
    done = False
    if agent is not None and _may(room, stage, agent, endpoint):
        done = _done(call, desk, stage, agent, endpoint)
        _note(room, stage, agent, endpoint, "done" if done else "failed")
    if not done:
        call.log.info("feature refused", feature=stage.feature, endpoint=endpoint)
        return _denied("agent-denied")
    call.log.info("feature", feature=stage.feature, agent=agent)
    return Say(prompts=(_SPOKEN[stage.feature],), termination=DONE)


def _may(room: Room, stage: Feature, agent: AgentId, endpoint: EndpointName) -> bool:
    """What an agent does with himself; a role may take it from him."""
    permissions = room.gate.permissions
    actor = permissions.as_agent(agent, endpoint)
    return not room.gate.missing(actor, _ACTS[stage.feature], permissions.agent(agent))


def _note(room: Room, stage: Feature, agent: AgentId, endpoint: EndpointName, result: str) -> None:
    permissions = room.gate.permissions
    actor = permissions.as_agent(agent, endpoint)
    room.gate.note(actor, _ACTS[stage.feature], permissions.agent(agent), result=result)


def _done(call: Call, desk: Desk, stage: Feature, agent: AgentId, endpoint: EndpointName) -> bool:
    if stage.feature in ("pause", "resume") and not desk.is_logged_in(agent):
        return False
    match stage.feature:
        case "login":
            desk.login(agent, endpoint)
        case "logout":
            desk.status(agent, AgentStatus.LOGGED_OUT, "")
        case "pause":
            reason = _reason(call, stage.argument)
            if reason is None:
                return False
            try:
                desk.status(agent, AgentStatus.PAUSED, reason)
            except Refused as error:
                call.log.info("pause refused", agent=agent, problem=str(error))
                return False
        case "resume":
            desk.resume(agent)
    return True


def _reason(call: Call, argument: str) -> str | None:
    """`argument` is the number of a reason; none is the first, an unknown one is refused."""
    reasons = call.config.features.pause_reasons
    if not argument:
        return reasons[0] if reasons else ""
    number = int(argument) if argument.isascii() and argument.isdigit() and len(argument) < 4 else 0
    return reasons[number - 1] if 1 <= number <= len(reasons) else None


def _named(room: Room, call: Call, argument: str) -> AgentId | None:
    """`argument` is an agent's id directly followed by his PIN; agents without a PIN sit at their own phone only."""
    dialled, found = argument.encode(), None
    for name, settings in call.config.agent.items():
        if settings.pin and compare_digest(dialled, (name + settings.pin).encode()):
            found = AgentId(name)
    phone = room.gate.permissions.by_phone(call.identity.name)
    return found if room.gate.proved_agent(phone, found is not None) else None


def _denied(prompt: str) -> Stage:
    return Say(prompts=(prompt,), termination=REFUSED, early=True)
