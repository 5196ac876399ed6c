"""What a party that is rung is shown of the caller (RFC 3261 section 8.1.1, RFC 3325)."""

from softswitch.call.call import Call
from softswitch.call.ringing import Invitation
from softswitch.sip.address import Address
from softswitch.sip.uri import Uri

DEFAULT_MAX_FORWARDS = 70


def invitation_for(call: Call, party: str) -> Invitation:
    """From, and the headers that stop loops and carry identity to those who may know it."""
    kind, _, name = party.partition(":")
    host = call.config.sip.external_address or call.config.sip.realm
    number = call.ani
    headers = []
    if kind == "trunk":
        trunk = call.config.trunk[name]
        own = (
            call.config.endpoint[call.identity.name].caller_number if call.identity.kind == "endpoint" else ""
        )
        number = own or trunk.caller_number or call.ani
        if trunk.trusted:
            headers.append(("P-Asserted-Identity", f"<sip:{number}@{host}>"))
    session = call.caller.session
    request = session.request if session is not None else None
    received = request.max_forwards if request is not None else None
    headers.append(("Max-Forwards", str((DEFAULT_MAX_FORWARDS if received is None else received) - 1)))
    uri = Uri(scheme="sip", user=number, host=host)
    return Invitation(from_=Address(uri, display_name=call.ani_name), headers=tuple(headers))
