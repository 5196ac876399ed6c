"""A live call as a value: all that is needed to go on with it after this process has died, and none of its keys.

Written when something has changed that a restart must know (`snapshots.py`), read at the next start (`revival.py`).
JSON, read as strictly as what media workers say; whoever reads it takes any error for a call that cannot go on.
"""

from dataclasses import replace
from typing import Any, Final, Self

import msgspec

from softswitch.call.call import Call, Figures
from softswitch.call.contact import Contact
from softswitch.call.conversation import Conversation
from softswitch.call.leg import Leg
from softswitch.call.room import Room
from softswitch.call.stages import Stage, from_journal
from softswitch.call.stream_snapshot import StreamSnapshot, stream_snapshots
from softswitch.call.streams import AUDIO
from softswitch.call.visits import Visit
from softswitch.compact import compact, decoder
from softswitch.config.schema import Config
from softswitch.ids import LegId, RecordingId
from softswitch.sip.history_info import Forwarded
from softswitch.sip.identity import Identity
from softswitch.sip.masked_keys import masked
from softswitch.sip.offer_answer import Negotiated
from softswitch.sip.open_invite import OpenInvite
from softswitch.sip.privacy import OPEN, Privacy
from softswitch.sip.sdp import Line, Lines
from softswitch.sip.session_snapshot import SessionSnapshot, snapshot_of
from softswitch.store.rows import RecordingRow
from softswitch.tap import RecordingSpec
from softswitch.value import value

VERSION: Final = 1
"""Rows of before have it as long as they can be read."""


@value(tagged=False)
class LegSnapshot:
    leg: LegId
    party: str
    direction: str
    codecs: tuple[str, ...]
    began: float
    answered: float
    address: str
    """What its peer is told."""
    negotiated: Negotiated
    """Without keys: their suites alone."""
    described: str
    session: SessionSnapshot
    latch: bool = False
    held: bool = False
    plays: int = 0
    queue_call: bool = False
    streams: tuple[StreamSnapshot, ...] = ()
    """Besides audio."""
    audio: int = 0
    speaks: bool = True
    account: str = ""
    """Who is charged, of a call out."""


@value(tagged=False)
class TalkSnapshot:
    """What a talk has come to; the parties are those it began with, whoever consults somebody meanwhile."""

    other: LegId
    began: float
    """Wall."""
    away_s: float
    away_since: float | None
    """Wall; None: they talk."""
    held: tuple[LegId, ...]


@value(tagged=False)
class RecordingSnapshot:
    row: RecordingRow
    spec: RecordingSpec
    kept: bool
    parties: tuple[tuple[int, LegId, str], ...]
    used: tuple[int, ...]
    reasons: tuple[str, ...]


@value(tagged=False)
class CallSnapshot:
    version: int
    call: str
    stage: tuple[str, dict[str, Any]]
    """As the journal has it: its name and its arguments, without what is written nowhere."""
    identity: Identity
    ani: str
    ani_name: str
    dnis: str
    language: str
    priority: int
    masked: bool
    stages: tuple[tuple[str, float], ...]
    trail: str
    figures: Figures
    caller: LegId
    legs: tuple[LegSnapshot, ...]
    visit: Visit | None = None
    talk: TalkSnapshot | None = None
    recording: RecordingSnapshot | None = None
    privacy: Privacy = OPEN
    forwarded: tuple[Forwarded, ...] = ()
    open: tuple[OpenInvite, ...] = ()
    """Phones that rang; they are told that it is over."""

    @classmethod
    def of(cls, room: Room, call: Call, invites: tuple[OpenInvite, ...] = ()) -> Self | None:
        """None while there is nothing to go on with: the caller is not answered yet, or the call is over."""
        if call.at is None or call.over is not None or not call.recorded:
            return None
        conversation = room.talks.get(call.id)
        caller = conversation.first_caller if conversation is not None else call.caller
        legs = [one for leg in call.legs.values() if (one := _leg(call, leg)) is not None]
        if caller.id not in [leg.leg for leg in legs]:
            return None
        contact = room.recordings.contact_of(call.id)
        return cls(
            version=VERSION,
            call=call.id,
            stage=call.at_written(call.at),
            identity=call.identity,
            ani=call.ani,
            ani_name=call.ani_name,
            dnis=call.dnis,
            language=call.language,
            priority=call.priority,
            masked=call.masked,
            stages=tuple(call.stages),
            trail=call.trail.text(),
            figures=call.figures,
            caller=caller.id,
            legs=tuple(legs),
            visit=room.dispatcher.visits.of(call.id),
            talk=_talk(call, conversation) if conversation is not None else None,
            recording=_recording(contact) if contact is not None else None,
            privacy=call.privacy,
            forwarded=call.forwarded,
            open=invites,
        )

    def to_json(self) -> str:
        return compact(self)

    @classmethod
    def from_json(cls, text: str) -> "CallSnapshot":
        """Raises ValueError, TypeError or KeyError when it is none of ours."""
        snapshot = _decoded(text)
        if snapshot.version != VERSION:
            raise ValueError("a snapshot of another version")
        from_journal(*snapshot.stage)
        return snapshot

    @property
    def at(self) -> Stage:
        return from_journal(*self.stage)

    @property
    def media(self) -> tuple[LegId, ...]:
        """All that it has at media workers."""
        return tuple(each for leg in self.legs for each in (leg.leg, *(stream.id for stream in leg.streams)))

    @property
    def recording_id(self) -> RecordingId | None:
        return self.recording.row.recording if self.recording is not None else None


def _leg(call: Call, leg: Leg) -> LegSnapshot | None:
    """None for one that is not established."""
    session, negotiated, described = leg.session, leg.negotiated, leg.described
    if session is None or negotiated is None or described is None or leg.answered is None:
        return None
    dialog = snapshot_of(session, lambda: read_later(call.config))
    if dialog is None:
        return None
    line = call.services.lines.line(leg.id)
    plan = leg.streams.agreed if leg.streams is not None else AUDIO
    return LegSnapshot(
        leg=leg.id,
        party=leg.party,
        direction=leg.direction,
        codecs=leg.codecs,
        latch=leg.latch,
        began=leg.began,
        answered=leg.answered,
        held=leg.held,
        address=leg.address,
        plays=leg.plays,
        queue_call=line is not None and line.queue_call,
        negotiated=without_keys(negotiated),
        described=masked(described),
        session=dialog,
        streams=stream_snapshots(leg),
        audio=plan.audio,
        speaks=plan.speaks,
        account=call.services.trunking.account_of(leg.id),
    )


def read_later(config: Config) -> set[str]:
    """Headers of a caller's INVITE that go on to trunks and are read by flows."""
    passed = (name for trunk in config.trunk.values() for name in trunk.headers_pass)
    return {*passed, *config.routing.flow_headers}


def without_keys(negotiated: Negotiated) -> Negotiated:
    """The suites stay: a session that was encrypted never goes back to clear."""
    if negotiated.key_in is None or negotiated.key_out is None:
        return negotiated
    return replace(
        negotiated,
        key_in=replace(negotiated.key_in, key=""),
        key_out=replace(negotiated.key_out, key=""),
    )


def _talk(call: Call, conversation: Conversation) -> TalkSnapshot | None:
    """None while they do not talk yet."""
    clock = call.services.clock
    wall_less = clock.wall() - clock.monotonic()
    if conversation.began is None:
        return None
    since = conversation.away_since
    pair = (conversation.first_caller.id, conversation.first_other.id)
    return TalkSnapshot(
        other=pair[1],
        began=conversation.began + wall_less,
        away_s=conversation.away_s,
        away_since=since + wall_less if since is not None else None,
        held=tuple(leg for leg in conversation.held if leg in pair),
    )


def _recording(contact: Contact) -> RecordingSnapshot:
    return RecordingSnapshot(
        row=contact.row,
        spec=contact.spec,
        kept=contact.kept,
        parties=tuple((track, leg, name) for track, (leg, name) in contact.parties.items()),
        used=tuple(contact.used),
        reasons=tuple(contact.reasons),
    )


def _lines(kind: type, written: Any) -> Lines:
    """What is not read by the names of its fields."""
    if kind is not Lines:
        raise NotImplementedError(f"{kind.__name__} has no form in a row")
    return Lines(msgspec.convert(written, tuple[Line, ...]))


_decoded: Final = decoder(CallSnapshot, made=_lines)
