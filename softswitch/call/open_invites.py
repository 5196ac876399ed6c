"""INVITEs of a call that have no final response yet, in either direction: what a restart has to bring to an end.

A caller who is not answered cannot be gone on with, since what was to come is not known; he gets 503, and phones that ring
get CANCEL. So does the phone of a supervisor whom we rang, or BYE when he listens: no call has his leg. Written into the
call's row (`snapshots.py`), alone while the call is not answered.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from softswitch.call.call import Call
from softswitch.call.ringing import Ringing
from softswitch.call.room import Room
from softswitch.compact import compact, decoder
from softswitch.sip.open_invite import OpenInvite, open_invite_of
from softswitch.sip.session import Session

VERSION: Final = 1


class _Row(msgspec.Struct):
    """What the row of any call tells of them."""

    stage: Any = None
    open: tuple[OpenInvite, ...] = ()


_read: Final = decoder(_Row)


def open_invites(room: Room, call: Call) -> tuple[OpenInvite, ...]:
    """Without those whose call is over: they have been told."""
    if call.over is not None:
        return ()
    found = [open_invite_of(session) for session in _sessions(room, call)]
    found += [open_invite_of(session, answered=True) for session in room.supervisions.rung_for(call.id)]
    return tuple(one for one in found if one is not None)


def unanswered(call: Call, invites: tuple[OpenInvite, ...]) -> str:
    """The row of a call that is not answered yet."""
    return compact({"version": VERSION, "call": call.id, "open": invites})


def read_open(text: str) -> tuple[OpenInvite, ...]:
    """Of any call's row. Raises ValueError when it is none of ours."""
    return _read(text).open


def is_answered(text: str) -> bool:
    """A row of a call that may go on. Raises ValueError."""
    return _read(text).stage is not None


def _sessions(room: Room, call: Call) -> Iterator[Session]:
    if call.caller.session is not None and call.caller.answered is None:
        yield call.caller.session
    for ringing in _rings(room, call):
        if not ringing.settled:
            yield from ringing.sessions


def _rings(room: Room, call: Call) -> Iterator[Ringing]:
    if call.rings is not None:
        yield call.rings.ringing
    conversation = room.talks.get(call.id)
    if conversation is not None and conversation.consult is not None:
        yield conversation.consult.attempt.ringing
    for underway in room.dispatcher.offers.of_call(call.id):
        yield underway.ringing
