"""A call that goes on from whom it was for to somebody else: who gave it on, why, and who may be told (RFC 7044, RFC 5806,
RFC 3892).

Told are trunks that are trusted; a trunk with `caller_id = "diversion"` is told who forwards, and nothing of before. A
call that nobody forwards pays for one look at an empty tuple.
"""

from dataclasses import replace

from softswitch.call.call import Call
from softswitch.call.leg import Leg
from softswitch.call.numbering import rules_for, written
from softswitch.config.trunks import Trunk
from softswitch.sip.history_info import Forwarded, Past, past_of
from softswitch.sip.message import Request

MOST = 10
"""Steps that are remembered of one call."""
NOTHING = Past()
WHY_OF_QUEUE = {
    "timeout": "no-answer",
    "full": "user-busy",
    "join empty": "unavailable",
    "empty": "unavailable",
}


def forwarded(call: Call, number: str, why: str, *, refused: bool = False) -> None:
    """`number` gives the call on."""
    note(call, Forwarded(number=number, why=why, refused=refused))


def put_through_by(call: Call, leg: Leg) -> None:
    """`leg` puts the far side through."""
    kind, _, name = leg.party.partition(":")
    note(call, Forwarded(number=name if kind == "endpoint" else call.dnis, why="deflection", transfer=True))


def note(call: Call, step: Forwarded) -> None:
    call.forwarded = (*call.forwarded, step)[-MOST:]


def led_outside(call: Call) -> None:
    """A caller from a trunk is sent out to another one: the number that he dialled gives him on, if nobody else did."""
    if call.identity.kind == "trunk" and not call.forwarded:
        forwarded(call, call.dnis, "unconditional")


def past_for(call: Call, name: str, request: Request | None, *, hidden: bool) -> Past:
    """What the trunk `name` is told of where the call has been; `hidden`: the caller wants nothing of it told."""
    trunk = call.config.trunk[name]
    steps = tuple(_as_written(call, name, trunk, step) for step in call.forwarded)
    if not trunk.trusted or hidden:
        return Past(steps=steps) if trunk.caller_id == "diversion" else NOTHING
    past = past_of(request) if request is not None and _believed(call) else NOTHING
    return replace(past, called=_number(call, name, trunk, call.dnis), steps=steps)


def _believed(call: Call) -> bool:
    """The caller is a trunk that is trusted, and it was he who called."""
    identity, session = call.identity, call.caller.session
    trunk = call.config.trunk.get(identity.name) if identity.kind == "trunk" else None
    return trunk is not None and trunk.trusted and session is not None and session.direction == "in"


def _as_written(call: Call, name: str, trunk: Trunk, step: Forwarded) -> Forwarded:
    return replace(step, number=_number(call, name, trunk, step.number))


def _number(call: Call, name: str, trunk: Trunk, number: str) -> str:
    """As this trunk knows it: a phone by the number it shows there, any other in the form that the trunk wants."""
    endpoint = call.config.endpoint.get(number)
    if endpoint is not None:
        number = endpoint.caller_number or trunk.caller_number or number
    elif trunk.caller_id == "diversion" and trunk.caller_number:
        number = trunk.caller_number
    if trunk.number_format == "as-is":
        return number
    e164 = call.services.trunking.e164(call.config, number, call.source)
    return written(e164, trunk.number_format, rules_for(call.config, "trunk", name))
