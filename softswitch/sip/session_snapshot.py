"""A confirmed session as a value that outlives the process, and the session made of it again.

RFC 3261 section 12.2.2 permits requests within a dialog after a crash. What was sent since the snapshot is not known: our
numbers go on well above it (gaps are allowed), the peer's are accepted from the last one known. Whatever was open then, an
offer or a REFER, is given up, but for the ACK of a caller (`answered_invite.py`). Holds no keys: a description that has
some is the owner's business.
"""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from softswitch.config.secret import Secret
from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.answered_invite import (
    AnsweredInvite,
    AnsweringLayer,
    answered_invite_of,
    take_up_answered,
)
from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.dialog import Dialog, DialogState
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.events import SessionEvent
from softswitch.sip.guard import Guard
from softswitch.sip.identity import Identity
from softswitch.sip.kept_invite import Kept, invite_of, kept_of
from softswitch.sip.repeated_bye import RepeatedBye
from softswitch.sip.session import Session
from softswitch.sip.session_state import SessionState
from softswitch.sip.session_timer import Refresher
from softswitch.sip.source import Source
from softswitch.value import value

SEQUENCE_GAP: Final = 1000
"""More requests than one dialog of ours ever sends between two snapshots."""
_REFRESHED_WITHIN: Final = 20
"""The first refresh is due within this part of the interval; sessions spread over it."""


@value(tagged=False)
class SessionSnapshot:
    """Plain values only."""

    dialog: DialogState
    direction: Literal["in", "out"]
    remote: str
    """As `Session.remote`."""
    flow: Source
    contact: str
    via_host: str
    sticky: bool
    interval_s: int = 0
    """Of the session timer; 0: none runs."""
    refresher: str = ""
    by_update: bool = False
    invite: Kept = ()
    """What of a caller's INVITE may be asked for later."""
    answered: AnsweredInvite | None = None
    """A caller's, as long as it may be repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What we describe ourselves by."""

    now: bytes
    before: bytes
    """When the snapshot was made; empty: not known any more."""
    answered_ago_s: float


class RestoringLayer(AnsweringLayer, Protocol):
    """What of the stack is needed to take up a session again."""

    guard: Guard

    def add_session(self, session: Session) -> None: ...


def snapshot_of(session: Session, read_later: Callable[[], Iterable[str]] = tuple) -> SessionSnapshot | None:
    """None when it is not established; one whose BYE waits still is. `read_later`: headers of a caller's INVITE that the
    configuration reads; asked once for a session."""
    client, refresh = session.client, session.refresh
    established = session.state in (SessionState.ANSWERED, SessionState.CONFIRMED) or session.bye_waits
    if client is None or not established:
        return None
    if session.kept is None:
        session.kept = kept_of(session.request, read_later()) if session.direction == "in" else ()
    return SessionSnapshot(
        dialog=client.dialog.state,
        direction=session.direction,
        remote=str(session.remote),
        flow=client.flow,
        contact=client.contact,
        via_host=client.via_host,
        sticky=client.sticky,
        interval_s=refresh.timer.interval_s,
        refresher=refresh.timer.refresher.value if refresh.timer.refresher is not None else "",
        by_update=refresh.by_update,
        invite=session.kept,
        answered=answered_invite_of(session),
    )


def restored(
    layer: RestoringLayer,
    snapshot: SessionSnapshot,
    *,
    leg: LegId,
    identity: Identity | None,
    described: Described,
    credentials: Secret | None,
    on_event: Callable[[SessionEvent], None],
) -> Session:
    """The session goes on, known to the stack. Raises PeerError when what was written cannot be read."""
    snapshot.flow.check()
    if snapshot.answered is not None:
        snapshot.answered.peer.check()
    state = replace(
        snapshot.dialog, early=False, local_sequence=snapshot.dialog.local_sequence + SEQUENCE_GAP
    )
    common = layer.common("Server" if snapshot.direction == "in" else "User-Agent")
    session = Session(
        layer,
        leg=leg,
        direction=snapshot.direction,
        identity=identity,
        call_id=state.call_id,
        local_tag=state.local_tag,
        remote=Address.parse(snapshot.remote),
        common=common,
        on_event=on_event,
    )
    client = DialogClient(
        layer,
        Dialog(state),
        snapshot.flow,
        contact=snapshot.contact,
        via_host=snapshot.via_host,
        sticky=snapshot.sticky,
        memory=ChallengeMemory(credentials, layer.entropy) if credentials is not None else None,
        common=common,
    )
    try:
        _take_up(layer, session, client, snapshot, described)
    except BaseException:
        session.finish()
        raise
    return session


def _take_up(
    layer: RestoringLayer,
    session: Session,
    client: DialogClient,
    snapshot: SessionSnapshot,
    described: Described,
) -> None:
    state, leg = client.dialog.state, session.leg
    session.state = SessionState.CONFIRMED
    session.repeated_bye = RepeatedBye(layer)
    if snapshot.direction == "in":  # rows of before have something of our own INVITEs too
        session.kept_invite = invite_of(snapshot.invite, state)
    session.adopt(client, described=described.now, heard=None)
    if snapshot.interval_s and snapshot.refresher:
        spread = zlib.crc32(leg.encode()) % 1000 / 1000
        session.refresh.resume(
            snapshot.interval_s,
            Refresher(snapshot.refresher),
            by_update=snapshot.by_update,
            within_s=snapshot.interval_s / _REFRESHED_WITHIN * spread,
        )
    layer.add_session(session)
    address = snapshot.flow.address
    layer.guard.proved(address, layer.now())
    if snapshot.direction == "in" and layer.guard.quotas.take("dialogs", address, 0):
        layer.guard.quotas.dialog_begins(state.call_id, state.local_tag, address)
    if snapshot.answered is not None:
        take_up_answered(
            layer,
            session,
            snapshot.answered,
            age_s=described.answered_ago_s,
            contact=snapshot.contact,
            described=described.before,
        )
