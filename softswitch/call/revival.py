"""Calls of a process that died, made again of what was written down: dialogs, legs, recording, agent, place in the queue.

Who talked talks on as if nothing had been; a party who was consulted, and supervisors, are hung up, and the two talk. Who
waited keeps his place and his age; who was in a flow, was being put through, was parked or conferred enters that again.
What cannot be gone on with (a message being left, a feature code) ends with cause `restart`. Two steps: `revive` rebuilds
before SIP is served, so that no message finds half a call; `go_on` tells the story on.
"""

from dataclasses import dataclass, replace

from softswitch.call import stages
from softswitch.call.call import Call
from softswitch.call.contact import Contact
from softswitch.call.facing import begin_without
from softswitch.call.leg import Leg, nobody
from softswitch.call.lines import Line
from softswitch.call.media_address import media_address
from softswitch.call.party import section_of
from softswitch.call.reoffering import offer_now
from softswitch.call.room import Room
from softswitch.call.services import Services
from softswitch.call.set_peer import set_peer
from softswitch.call.snapshot import CallSnapshot, LegSnapshot, TalkSnapshot
from softswitch.call.stages import End, Stage, Talk, Wait
from softswitch.call.story import tell
from softswitch.call.stream_snapshot import Written, take_up_streams
from softswitch.call.termination import MEDIA_LOST, RESTART
from softswitch.call.trail import marks_of
from softswitch.errors import MediaError, OurError, PeerError
from softswitch.ids import CallId, LegId
from softswitch.rtp.commands import SetPeer
from softswitch.sip.extension_rules import rules_of
from softswitch.sip.masked_keys import unmasked
from softswitch.sip.offer_answer import Negotiated
from softswitch.sip.sdes import SECURE, fresh_keys
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.sip.session_snapshot import SEQUENCE_GAP, Described

ENTERED_AGAIN = (stages.Talk, stages.Wait, stages.Greet, stages.Dial, stages.Park, stages.Confer)
RESUMED = 'SIP;cause=200;text="Call resumed"'
"""Told to whoever was consulted."""


@dataclass(slots=True, kw_only=True)
class Revived:
    call: Call
    stage: Stage
    dismissed: tuple[Leg, ...]
    """Legs that the call has no use for any more."""
    silenced: frozenset[LegId]
    """Legs whose audio gave way in the last moment, to streams that no row knows of."""


def revive(services: Services, room: Room, snapshot: CallSnapshot, died: float) -> Revived:
    """The call is live again, though nobody acts for it before `go_on`. `died`: wall time at which the process before was
    known to live last. Raises OurError, PeerError, ValueError, TypeError or KeyError when it cannot be, and then nothing of
    it is left."""
    legs = {each.leg: _leg(services, each) for each in snapshot.legs}
    taken = services.media.take_up(snapshot.media)
    for leg in legs.values():
        survivor = taken.get(leg.id)
        leg.opened = survivor.opened if survivor is not None else None
        leg.told = survivor.peer if survivor is not None else None
    try:
        silenced = frozenset(leg.id for leg in legs.values() if _heeds_its_worker(leg))
        call = _call(services, snapshot, legs[snapshot.caller])
        for each in snapshot.legs:
            legs[each.leg].session = _session(services, call, legs[each.leg], each)
        contact = _contact(call, snapshot)
        stage = _stage(room, call, snapshot, legs, died)
    except BaseException:
        for leg in legs.values():
            if leg.session is not None:
                leg.session.finish()  # its peer is told as those of calls that cannot even be read (`farewells.py`)
            leg.release()
            leg.deliver = nobody
        for stream in taken.keys() - legs.keys():
            services.media.release_leg(stream)
        raise
    for each in snapshot.legs:
        _seize(services, call, legs[each.leg], each)
    written = (
        Written(leg=legs[each.leg], streams=each.streams, audio=each.audio, speaks=each.speaks)
        for each in snapshot.legs
        if each.leg in taken
    )
    take_up_streams(services, written, taken)
    if contact is not None:
        _recording(services, room, contact)
    room.calls[call.id] = call
    wanted = {call.caller.id, *((stage.other,) if isinstance(stage, Talk) else ())}
    dismissed = tuple(leg for leg in legs.values() if leg.id not in wanted)
    return Revived(call=call, stage=stage, dismissed=dismissed, silenced=silenced)


def _leg(services: Services, snapshot: LegSnapshot) -> Leg:
    leg = Leg(
        services,
        snapshot.leg,
        party=snapshot.party,
        direction=snapshot.direction,
        codecs=snapshot.codecs,
        latch=snapshot.latch,
    )
    leg.began, leg.answered, leg.sip_status = snapshot.began, snapshot.answered, 200
    leg.held, leg.address, leg.plays = snapshot.held, snapshot.address, snapshot.plays
    leg.negotiated = snapshot.negotiated
    return leg


def _heeds_its_worker(leg: Leg) -> bool:
    """What it agreed on is what its worker was told; True: its audio gave way."""
    agreed, told = leg.negotiated, leg.told
    if agreed is None or told is None:
        return False
    leg.negotiated = _as_told(agreed, told)
    leg.held = leg.negotiated.held
    return _gave_way(agreed, told)


def _gave_way(agreed: Negotiated, told: SetPeer) -> bool:
    """A fax took the place of audio in the last moment: nothing flows, and nobody holds."""
    return (agreed.send or agreed.receive or agreed.held) and not (told.send or told.receive or told.held)


def _as_told(agreed: Negotiated, told: SetPeer) -> Negotiated:
    """What was agreed in the last moment stands in no row, but the worker was told. Keys stand in none at all."""
    return replace(
        agreed,
        address=told.address,
        port=told.port,
        codec=told.codec,
        payload_type=told.payload_type,
        event_payload_type=told.event_payload_type,
        ptime_ms=told.ptime_ms,
        send=told.send,
        receive=told.receive,
        held=told.held,
        format_parameters=told.format_parameters,
        comfort_noise_type=told.comfort_noise_type,
        rtcp_mux=told.rtcp_mux,
        rtcp_port=told.rtcp_port,
        protocol=SECURE if told.key_in is not None and agreed.key_in is None else agreed.protocol,
        key_in=told.key_in or agreed.key_in,
        key_out=told.key_out or agreed.key_out,
    )


def _held_as_told(talk: TalkSnapshot, pair: tuple[Leg, Leg], died: float) -> TalkSnapshot:
    """A hold or its end that the row does not know of came right before the process died."""
    held = tuple(leg.id for leg in pair if leg.held)
    if set(held) == set(talk.held):
        return talk
    away_s, since = talk.away_s, talk.away_since
    if held and since is None:
        since = max(died, talk.began)
    elif not held and since is not None:
        away_s, since = away_s + max(0.0, died - since), None
    return replace(talk, held=held, away_s=away_s, away_since=since)


def _call(services: Services, snapshot: CallSnapshot, caller: Leg) -> Call:
    call = Call(services, CallId(snapshot.call), snapshot.identity, caller)
    call.ani, call.ani_name, call.dnis = snapshot.ani, snapshot.ani_name, snapshot.dnis
    call.language, call.priority, call.masked = snapshot.language, snapshot.priority, snapshot.masked
    call.privacy, call.forwarded = snapshot.privacy, snapshot.forwarded
    call.stages, call.figures, call.recorded = list(snapshot.stages), snapshot.figures, True
    for mark in marks_of(snapshot.trail):
        call.trail.mark(mark["at"], mark["what"], **mark["detail"])
    return call


def _session(services: Services, call: Call, leg: Leg, snapshot: LegSnapshot) -> Session:
    """Its dialog, and the keys as its worker knows them."""
    agreed, told = leg.negotiated or snapshot.negotiated, leg.told
    if agreed.key_in is not None:
        rtp = services.config.rtp
        leg.keys = fresh_keys(rtp.srtp_suites, services.entropy)
        if told is not None and told.key_out is not None:
            ours = told.key_out
            leg.keys = tuple(ours if key.suite == ours.suite else key for key in leg.keys)
    described = unmasked(snapshot.described, told.key_out if told is not None else None)
    leg.described = leg.offered = _newer(described)
    late = snapshot.negotiated.key_in is None and agreed.key_in is not None
    if late:
        leg.offer()  # encrypted in the last moment: what the row has would say again that it is in clear
    lost = late or (agreed.key_in is not None and told is None)  # and with it the key that it had
    kind, _, name = leg.party.partition(":")
    session = services.sip.take_up(
        snapshot.session,
        leg=leg.id,
        identity=call.identity if leg is call.caller else None,
        described=Described(
            now=leg.described.serialize(),
            before=b"" if lost else described.serialize(),
            answered_ago_s=services.clock.wall() - snapshot.answered,
        ),
        credentials=services.secrets.get((kind, name)) if (kind, leg.direction) == ("trunk", "out") else None,
        on_event=leg.on_session_event,
    )
    session.refresh.timer.extensions = rules_of(section_of(services.config, leg.party))
    return session


def _newer(described: SessionDescription) -> SessionDescription:
    """Its version well above it: what was described since the snapshot nobody knows (RFC 3264 section 8)."""
    origin = described.origin
    version = int(origin.version) if origin.version.isascii() and origin.version.isdigit() else 0
    return described.with_origin(replace(origin, version=str(version + SEQUENCE_GAP)))


def _stage(room: Room, call: Call, snapshot: CallSnapshot, legs: dict[LegId, Leg], died: float) -> Stage:
    """Where it goes on, with its agent or its place."""
    stage, visit, talk = snapshot.at, snapshot.visit, snapshot.talk
    if isinstance(stage, Talk):
        other = legs.get(talk.other if talk is not None else stage.other)
        if other is None:
            return End(termination=RESTART)
        stage = replace(stage, other=other.id)
        call.resumes = _held_as_told(talk, (call.caller, other), died) if talk is not None else None
        if visit is not None and visit.agent is not None:
            clock = call.services.clock
            since = clock.monotonic() - (clock.wall() - (talk.began if talk is not None else clock.wall()))
            room.dispatcher.take_up(call, visit.agent, other, visit.queue, since)
            resumed = call.resumes
            if resumed is not None and resumed is not talk:
                # The queue log has a line of this hold, or of its end, already: no second one is to be written.
                visit = replace(visit, held_since=resumed.away_since)
            room.dispatcher.visits.take_up(call.id, visit)
    elif isinstance(stage, Wait):
        stage = replace(stage, kept=True)
        if visit is not None and visit.agent is None:
            room.dispatcher.visits.take_up(call.id, visit)
    elif isinstance(stage, stages.Park):
        room.parked[stage.place] = call
    elif not isinstance(stage, ENTERED_AGAIN):
        return End(termination=RESTART)
    call.at = stage
    return stage


def _seize(services: Services, call: Call, leg: Leg, snapshot: LegSnapshot) -> None:
    incoming = leg.direction == "in"
    services.lines.seize(
        Line(leg.id, call.id, leg.party, queue_call=snapshot.queue_call, incoming=incoming, talking=True)
    )
    kind, _, name = leg.party.partition(":")
    if not incoming and kind == "trunk" and leg.session is not None:
        number = leg.session.remote.uri.user or ""
        account = snapshot.account or call.source
        services.trunking.began(call.config, leg.id, account, trunk=name, number=number)
        services.trunking.answered(call.config, leg.id, since=snapshot.answered)
    call.adopt(leg)
    if leg.opened is not None:
        services.legs[leg.id] = leg


def _contact(call: Call, snapshot: CallSnapshot) -> Contact | None:
    """Its recording; nobody knows yet where it runs."""
    known = snapshot.recording
    if known is None:
        return None
    return Contact(
        row=known.row,
        call=call,
        worker=None,
        spec=known.spec,
        kept=known.kept,
        parties={track: (leg, name) for track, leg, name in known.parties},
        used=set(known.used),
        reasons=set(known.reasons),
    )


def _recording(services: Services, room: Room, contact: Contact) -> None:
    """It goes on where it runs, or, when its worker is gone, in the same file at another."""
    opened = contact.call.caller.opened
    runs = services.media.take_up_recording(contact.row.recording)
    if not runs and opened is not None:
        return  # it ended by itself meanwhile
    contact.worker = opened.worker if runs and opened is not None else None
    room.recordings.take_up(contact)


async def go_on(room: Room, revived: Revived) -> None:
    """SIP is served again: hang up who is not needed, give media to whom a worker died too, and tell the story on."""
    call, stage = revived.call, revived.stage
    call.services.changed(call.id)  # our next sequence numbers are to be known after the next crash too
    for leg in revived.dismissed:
        leg.hang_up(None, RESUMED)
        room.recordings.leave(call, leg)
        leg.release()
        call.services.lines.free(leg.id)
        call.legs.pop(leg.id, None)
    try:
        await _anchor(room, call)
    except MediaError as error:
        call.log.error("a call from before the restart has no media", problem=str(error))
        room.recordings.give_up(call, "its media worker died with the switch")
        stage = End(termination=MEDIA_LOST)
    for leg in call.legs.values():
        if leg.id in revived.silenced:
            offer_now(leg)
        else:
            begin_without(leg)
    call.log.info("goes on after a restart", stage=call.stage)
    try:
        await tell(room, call, stage, again=True)
    finally:
        room.dispatcher.not_coming(call.id)  # it may have ended before it stood in its queue again


async def _anchor(room: Room, call: Call) -> None:
    """Legs whose worker is gone get new ports, and their peers are told. Raises MediaError."""
    services = call.services
    lost = [leg for leg in call.legs.values() if leg.opened is None]
    beside = next((leg.id for leg in call.legs.values() if leg.opened is not None), None)
    for leg in lost:
        address = media_address(services.config.rtp.address, leg.address)
        opened = await services.media.open_leg(leg.id, address, with_leg=beside)
        beside = beside or leg.id
        services.legs[leg.id] = leg
        agreed = leg.negotiated
        leg.moved(opened)
        if agreed is not None and agreed.key_in is None:
            leg.heed_nat()
            leg.told = set_peer(leg.id, agreed, services.config.rtp, leg.whereabouts)
            services.media.send(leg.told)
    contact = room.recordings.contact_of(call.id)
    if lost and contact is not None and contact.worker is None and call.caller.opened is not None:
        room.recordings.go_on(call, call.caller.opened.worker)


FAILURES = (OurError, PeerError, ValueError, TypeError, KeyError, AttributeError)
"""What `revive` may raise."""
