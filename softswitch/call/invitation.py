"""What a party that is rung is shown of the caller (RFC 3261 section 8.1.1, RFC 3325)."""

from softswitch.call.call import Call
from softswitch.call.numbering import rules_for, written
from softswitch.call.ringing import Invitation
from softswitch.call.trunk_headers import trunk_headers
from softswitch.sip.privacy import privacy_of

DEFAULT_MAX_FORWARDS = 70


def invitation_for(call: Call, party: str) -> Invitation:
    """Number and name, and what stops loops and carries identity to those who may know it."""
    kind, _, name = party.partition(":")
    number = call.ani
    session = call.caller.session
    request = session.request if session is not None else None
    trunk = None
    if kind == "trunk":
        trunk = call.config.trunk[name]
        own = (
            call.config.endpoint[call.identity.name].caller_number if call.identity.kind == "endpoint" else ""
        )
        number = own or trunk.caller_number or call.ani
        e164 = call.services.trunking.e164(call.config, number, call.source)
        if trunk.number_format != "as-is":
            number = written(e164, trunk.number_format, rules_for(call.config, "trunk", name))
    received = request.max_forwards if request is not None else None
    return Invitation(
        number=number,
        display_name=call.ani_name,
        asserted=trunk is not None and trunk.trusted,
        caller_id=trunk.caller_id if trunk is not None else "from",
        user_phone=trunk is not None and trunk.user_phone,
        extra=trunk_headers(trunk, request) if trunk is not None else (),
        privacy=privacy_of(request) if request is not None else (),
        max_forwards=(DEFAULT_MAX_FORWARDS if received is None else received) - 1,
    )
