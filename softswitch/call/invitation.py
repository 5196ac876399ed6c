"""What a party that is rung is shown of the caller (RFC 3261 section 8.1.1, RFC 3325)."""

from softswitch.call.call import Call
from softswitch.call.ringing import Invitation

DEFAULT_MAX_FORWARDS = 70


def invitation_for(call: Call, party: str) -> Invitation:
    """Number and name, and what stops loops and carries identity to those who may know it."""
    kind, _, name = party.partition(":")
    number = call.ani
    asserted = False
    if kind == "trunk":
        trunk = call.config.trunk[name]
        own = (
            call.config.endpoint[call.identity.name].caller_number if call.identity.kind == "endpoint" else ""
        )
        number = own or trunk.caller_number or call.ani
        asserted = trunk.trusted
    session = call.caller.session
    request = session.request if session is not None else None
    received = request.max_forwards if request is not None else None
    return Invitation(
        number=number,
        display_name=call.ani_name,
        asserted=asserted,
        max_forwards=(DEFAULT_MAX_FORWARDS if received is None else received) - 1,
    )
