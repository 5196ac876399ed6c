"""INVITEs of a call that have no final response yet, in either direction: what a restart has to bring to an end.

A caller who is not answered cannot be gone on with, since what was to come is not known; he gets 503, and phones that ring
get CANCEL. Written into the call's row (`snapshots.py`), alone while the call is not answered, or beside dialogs in which
nothing is agreed on yet; brought to an end by `farewells.py`.
"""

from collections.abc import Iterator
from typing import Final

from softswitch.call.call import Call
from softswitch.call.farewell import Parting, parting_of
from softswitch.call.leg import Leg
from softswitch.call.ringing import Ringing
from softswitch.call.room import Room
from softswitch.compact import compact
from softswitch.sip.open_invite import OpenInvite, open_invite_of

VERSION: Final = 1


def open_invites(room: Room, call: Call) -> tuple[OpenInvite, ...]:
    """Without those whose call is over: they have been told."""
    if call.over is not None:
        return ()
    caller = call.caller
    found: list[OpenInvite | None] = []
    if caller.session is not None and caller.answered is None:
        found.append(open_invite_of(caller.session))
    for ringing in _rings(room, call):
        if not ringing.settled:
            found += open_rings(ringing)
    return tuple([one for one in found if one is not None])


def open_rings(ringing: Ringing, *, answered: bool = False) -> Iterator[OpenInvite | None]:
    """Of one party; `answered`: also the try that has been."""
    kind, _, name = ringing.leg.party.partition(":")
    for session in ringing.sessions:
        yield open_invite_of(session, answered=answered, trunk=name if kind == "trunk" else "")


def established(call: Call) -> tuple[Parting, ...]:
    """Dialogs of a call that cannot be gone on with: its caller is not answered, or his answer to our offer is missing."""
    if call.over is not None:
        return ()
    found = [parting_of(leg, call.config) for leg in call.legs.values() if _stands(leg)]
    return tuple(one for one in found if one is not None)


def _stands(leg: Leg) -> bool:
    return leg.session is not None and leg.answered is not None


def unanswered(call: Call, invites: tuple[OpenInvite, ...], partings: tuple[Parting, ...] = ()) -> str:
    """The row of a call that cannot be gone on with."""
    return compact({"version": VERSION, "call": call.id, "open": invites, "legs": partings})


def _rings(room: Room, call: Call) -> Iterator[Ringing]:
    if call.rings is not None:
        yield call.rings.ringing
    conversation = room.talks.get(call.id)
    if conversation is not None and conversation.consult is not None:
        yield conversation.consult.attempt.ringing
    for underway in room.dispatcher.offers.of_call(call.id):
        yield underway.ringing
