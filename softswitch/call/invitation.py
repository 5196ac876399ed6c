"""What a party that is rung is shown of the caller (RFC 3261 section 8.1.1, RFC 3323, RFC 3325), and of where he was."""

from softswitch.call.call import Call
from softswitch.call.forwarding import past_for
from softswitch.call.numbering import rules_for, written
from softswitch.call.ringing import Invitation
from softswitch.call.trunk_headers import trunk_headers
from softswitch.sip.asserted_identity import asserted_by
from softswitch.sip.extension_rules import rules_of
from softswitch.sip.message import Request
from softswitch.sip.privacy import HIDDEN, OPEN, Privacy, privacy_of

DEFAULT_MAX_FORWARDS = 70
_TOLD_BY_PAST = frozenset({"history-info", "diversion"})
"""Also where `headers_pass` names them: never twice."""


def invitation_for(call: Call, party: str) -> Invitation:
    """Number and name, and what stops loops and carries identity to those who may know it."""
    kind, _, name = party.partition(":")
    session = call.caller.session
    request = session.request if session is not None else None
    privacy = call.privacy
    received = request.max_forwards if request is not None else None
    hops = (DEFAULT_MAX_FORWARDS if received is None else received) - 1
    if kind == "trunk":
        return _to_trunk(call, name, request, privacy, hops)
    phone = call.config.endpoint.get(name)
    return Invitation(
        number=call.ani,
        display_name=call.ani_name,
        extensions=rules_of(phone),
        privacy=privacy,
        max_forwards=hops,
        referred_by=_referred_by(call),
    )


def _to_trunk(
    call: Call, name: str, request: Request | None, privacy: Privacy, max_forwards: int
) -> Invitation:
    trunk = call.config.trunk[name]
    phone = call.identity.kind == "endpoint"
    own = call.config.endpoint[call.identity.name].caller_number if phone else ""
    keeps = trunk.caller_id == "diversion" and not phone
    number = call.ani if keeps else own or trunk.caller_number or call.ani
    if trunk.number_format != "as-is":
        e164 = call.services.trunking.e164(call.config, number, call.source)
        number = written(e164, trunk.number_format, rules_for(call.config, "trunk", name))
    tells = trunk.trusted or not (privacy.user or privacy.headers)
    past = None
    if trunk.trusted or call.forwarded:
        past = past_for(call, name, request, hidden=privacy.headers or privacy.history)
    extra, told = trunk_headers(trunk, request if tells else None), trunk.trusted and past is not None
    return Invitation(
        number=number,
        display_name=call.ani_name,
        asserted=trunk.trusted,
        caller_id=trunk.caller_id,
        user_phone=trunk.user_phone,
        extra=tuple(each for each in extra if not (told and each[0].lower() in _TOLD_BY_PAST)),
        privacy=privacy,
        max_forwards=max_forwards,
        past=past,
        referred_by=_referred_by(call) if trunk.trusted else "",
        extensions=rules_of(trunk),
    )


def wished_privacy(call: Call, request: Request) -> Privacy:
    """What the caller's own INVITE wants hidden."""
    privacy = privacy_of(request)
    identity = call.identity
    if privacy is not OPEN or identity.kind != "trunk" or "Remote-Party-ID" not in request.headers:
        return privacy
    trusted = call.config.trunk[identity.name].trusted
    return HIDDEN if trusted and asserted_by(request).private else OPEN


def _referred_by(call: Call) -> str:
    """The user part of whoever put the caller through (RFC 3892), as we know him: not as he says."""
    return call.forwarded[-1].number if call.forwarded and call.forwarded[-1].transfer else ""
