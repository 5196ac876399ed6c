"""What is being recorded, and the row of each recording from its first second to its last.

A call has one recording for all its talks: it begins with the first, is silent while nobody talks, follows transfers,
conferences and another turn in a queue, and ends with the call. A message left in a box is a recording of its own.
"""

from dataclasses import replace

import structlog

from softswitch.call.call import Call
from softswitch.call.contact import BETWEEN, ORDERED, Contact, name_of
from softswitch.call.events import RecordingOver
from softswitch.call.leg import Leg
from softswitch.call.services import Services
from softswitch.facts import RecordingEnded, RecordingStarted
from softswitch.ids import AgentId, CallId, LegId, QueueName, RecordingId, WorkerId
from softswitch.rtp.commands import (
    KeepRecording,
    MarkRecording,
    PauseRecording,
    RecordLeg,
    StartRecording,
    StopRecording,
)
from softswitch.store.rows import RecordingRow
from softswitch.tap import RecordingReport, RecordingSpec

_log = structlog.get_logger(__name__)
_LAWS = ("PCMU", "PCMA")


class Recordings:
    """A call has at most one recording at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running: dict[RecordingId, Contact] = {}
        self._of_call: dict[CallId, RecordingId] = {}

    # --- reading ------------------------------------------------------------------------------------------------------

    def running(self) -> frozenset[RecordingId]:
        """Recordings whose file is not closed yet."""
        return frozenset(self._running)

    def is_recording(self, call: CallId) -> bool:
        """What is said now goes to disk (or would, but for a mask)."""
        contact = self.contact_of(call)
        return contact is not None and contact.kept and not contact.reasons

    def of_call(self, call: CallId) -> RecordingRow | None:
        """The recording of a live call, paused or not."""
        contact = self.contact_of(call)
        return contact.row if contact is not None and contact.kept else None

    def contact_of(self, call: CallId) -> Contact | None:
        recording = self._of_call.get(call)
        return self._running.get(recording) if recording is not None else None

    def take_up(self, contact: Contact) -> None:
        """It began before this process did."""
        self._running[contact.row.recording], self._of_call[contact.call.id] = contact, contact.row.recording

    # --- a call's talks ------------------------------------------------------------------------------------------------

    def talk_begins(
        self,
        call: Call,
        other: Leg,
        *,
        when: str,
        queue: QueueName | None = None,
        agent: AgentId | None = None,
    ) -> RecordingId | None:
        """Two parties talk; `when` is `always`, `never` or `on-demand`. None: this is not recorded, or not yet."""
        contact = self.contact_of(call.id)
        if contact is None:
            if when == "always":
                return self.start(call, (call.caller, other), queue=queue, agent=agent)
            if when == "on-demand" and call.config.recording.keep_before_s > 0:
                self._begin(call, (call.caller, other), queue=queue, agent=agent, armed=True)
            return None
        self.party(call, other, name_of(call, other, agent))
        if not contact.kept:
            if when == "always":
                self._keep(contact)
            return contact.row.recording if contact.kept else None
        was = BETWEEN in contact.reasons
        contact.reasons.discard(BETWEEN)
        if when == "always":
            contact.reasons.discard(ORDERED)
        elif when == "never":
            contact.reasons.add(ORDERED)
        if was:
            self._tell_pause(contact)
        return contact.row.recording

    def talk_ends(self, call: Call, other: LegId) -> None:
        """They talk no more; the recording is silent until somebody does, or the call ends."""
        self.mask(call, False)
        self._leave(call, other)
        contact = self.contact_of(call.id)
        if contact is not None and contact.kept and BETWEEN not in contact.reasons and call.over is None:
            contact.reasons.add(BETWEEN)
            self._tell_pause(contact)

    def start(
        self,
        call: Call,
        tracks: tuple[Leg, ...],
        *,
        queue: QueueName | None = None,
        agent: AgentId | None = None,
        box: str = "",
        max_s: float = 0.0,
        silence_s: float = 0.0,
    ) -> RecordingId | None:
        """Record what is received from `tracks`, caller first, or go on with it; None when no recording can be made (an
        alarm says why). A message in a box never goes into the recording of a talk."""
        contact = self.contact_of(call.id)
        if contact is not None and (box or contact.row.box):
            self.stop(call.id)
            contact = None
        if contact is None:
            contact = self._begin(
                call, tracks, queue=queue, agent=agent, box=box, max_s=max_s, silence_s=silence_s
            )
            return contact.row.recording if contact is not None else None
        for leg in tracks:
            self.party(call, leg, name_of(call, leg, agent))
        if not contact.kept:
            self._keep(contact)
        elif contact.reasons:
            contact.reasons.clear()
            self._tell_pause(contact)
        return contact.row.recording if contact.kept else None

    def stop(self, call: CallId) -> None:
        """End this call's recording; its row is completed when the worker has closed the file."""
        recording = self._of_call.pop(call, None)
        contact = self._running.get(recording) if recording is not None else None
        if contact is None:
            return
        if contact.worker is None:
            self.lost_one(contact, "the call ended while its media moved to another worker")
        else:
            self._services.media.send(StopRecording(recording=contact.row.recording))

    # --- parties, marks, silence ----------------------------------------------------------------------------------------

    def party(self, call: Call, leg: Leg, name: str) -> None:
        """This leg is heard in the recording from now on, on a track of its own; nothing when the call has none."""
        contact = self.contact_of(call.id)
        if contact is None or contact.track_of(leg.id) is not None:
            return
        track = contact.seat(leg.id, name, caller=leg is call.caller)
        if track is None:
            call.log.warning("a party is not recorded: all tracks are taken", party=name)
            return
        self._send(RecordLeg(recording=contact.row.recording, track=track, leg=leg.id, name=name))

    def leave(self, call: Call, leg: Leg) -> None:
        """This leg is heard no more."""
        self._leave(call, leg.id)

    def _leave(self, call: Call, leg: LegId) -> None:
        contact = self.contact_of(call.id)
        track = contact.unseat(leg) if contact is not None else None
        if contact is not None and track is not None:
            self._send(RecordLeg(recording=contact.row.recording, track=track, leg=None))

    def mark(self, call: Call, kind: str, text: str = "") -> None:
        """What happens to the call now, for the side file: `hold`, `resume`, `transfer`, `queued`, `conference` …"""
        contact = self.contact_of(call.id)
        if contact is not None:
            self._send(MarkRecording(recording=contact.row.recording, kind=kind, text=text))

    def mask(self, call: Call, on: bool) -> None:
        """Card data is being told: the recording is silent, and keys of this call are written nowhere."""
        if on == call.masked:
            return
        call.masked = on
        contact = self.contact_of(call.id)
        if contact is not None:
            self._send(PauseRecording(recording=contact.row.recording, paused=on, masked=True))
        call.log.info("masked" if on else "unmasked")

    def pause(self, call: Call, on: bool) -> None:
        """Silence from now on because somebody wants it."""
        contact = self.contact_of(call.id)
        if contact is None or on == (ORDERED in contact.reasons):
            return
        (contact.reasons.add if on else contact.reasons.discard)(ORDERED)
        if BETWEEN not in contact.reasons:
            self._tell_pause(contact)

    def _tell_pause(self, contact: Contact) -> None:
        self._send(PauseRecording(recording=contact.row.recording, paused=bool(contact.reasons)))

    def _send(self, command: RecordLeg | MarkRecording | PauseRecording | KeepRecording) -> None:
        self._services.media.send(command)

    # --- beginning ------------------------------------------------------------------------------------------------------

    def _begin(
        self,
        call: Call,
        tracks: tuple[Leg, ...],
        *,
        queue: QueueName | None = None,
        agent: AgentId | None = None,
        box: str = "",
        max_s: float = 0.0,
        silence_s: float = 0.0,
        armed: bool = False,
    ) -> Contact | None:
        services = self._services
        problem = services.files.problem()
        if problem:
            call.log.error("not recorded", problem=problem)
            services.alarms.raise_("recording", problem)
            return None
        row = self._row(call, queue, agent, box)
        spec = RecordingSpec(
            recording=row.recording,
            path=str(services.files.path(row.path)),
            channels=row.channels,
            encoding=row.encoding,
            max_s=max_s,
            armed_s=call.config.recording.keep_before_s if armed else 0.0,
            masked=call.masked,
            silence_s=silence_s,
        )
        opened = tracks[0].opened
        worker = opened.worker if opened is not None else None
        contact = Contact(row=row, call=call, worker=worker, spec=spec, kept=not armed)
        self._running[row.recording] = contact
        self._of_call[call.id] = row.recording
        names = tuple(name_of(call, leg, agent) for leg in tracks)
        for leg, name in zip(tracks, names, strict=True):
            contact.seat(leg.id, name, caller=leg is call.caller)
        if not armed:
            self._in_store(contact)
        legs = tuple(leg.id for leg in tracks)
        services.media.send(StartRecording(spec=spec, tracks=legs, names=() if box else names))
        if call.masked:
            self._send(PauseRecording(recording=row.recording, paused=True, masked=True))
        return contact

    def _row(self, call: Call, queue: QueueName | None, agent: AgentId | None, box: str) -> RecordingRow:
        services, config = self._services, call.config.recording
        recording, began = services.new_recording(), services.clock.wall()
        name = services.files.name(
            wall=began, recording=recording, call=call.id, queue=queue or "", agent=agent or ""
        )
        wanted = services.config.recording.encoding
        auto = call.caller.codec if call.caller.codec in _LAWS else "PCM16"
        by_party = config.party_tracks if config.tracks == "party" else 2
        return RecordingRow(
            recording=recording,
            call=call.id,
            path=name,
            began=began,
            queue=queue,
            agent=agent,
            ani=call.ani,
            dnis=call.dnis,
            box=box,
            encoding=wanted if wanted != "auto" else auto,
            channels=1 if box else by_party,
        )

    def _keep(self, contact: Contact) -> None:
        """The key was pressed: what was only in memory is kept."""
        clock = self._services.clock
        armed_for = clock.wall() - contact.row.began
        before = min(armed_for, contact.spec.armed_s)
        contact.row = replace(contact.row, began=clock.wall() - before)
        contact.kept = True
        self._send(KeepRecording(recording=contact.row.recording))
        self._in_store(contact)

    def _in_store(self, contact: Contact) -> None:
        services, row = self._services, contact.row
        services.store.recording(row)
        services.bus.publish(
            RecordingStarted(
                call=row.call, recording=row.recording, wall=row.began, monotonic=services.clock.monotonic()
            )
        )

    # --- what workers tell ------------------------------------------------------------------------------------------------

    def go_on(self, call: Call, worker: WorkerId) -> None:
        """Its worker is dead, its legs (in a conference, those of other calls too) are at another: it goes on there."""
        contact = self.contact_of(call.id)
        if contact is None:
            return
        contact.worker = worker
        since = self._services.clock.wall() - contact.row.began
        spec = replace(contact.spec, masked=call.masked)
        if contact.kept:
            spec = replace(spec, armed_s=0.0, continues_s=max(0.0, since))
        known = sorted(contact.parties.items(), key=lambda seat: (seat[1][0] not in call.legs, seat[0]))
        present = [(track, leg, name) for track, (leg, name) in known if leg in self._services.legs]
        contact.parties = {track: (leg, name) for track, leg, name in present}
        if not present:
            self.lost_one(contact, "the media worker died")
            return
        self._services.media.send(StartRecording(spec=spec, tracks=(present[0][1],), names=(present[0][2],)))
        recording = contact.row.recording
        for track, leg, name in present:
            if track != 0 or leg != present[0][1]:
                self._send(RecordLeg(recording=recording, track=track, leg=leg, name=name))
        if contact.reasons:
            self._tell_pause(contact)
        if call.masked:
            self._send(PauseRecording(recording=recording, paused=True, masked=True))

    def on_report(self, report: RecordingReport) -> None:
        """A recording has ended: asked to, by its limit, or because the disk said no."""
        contact = self._running.get(report.recording)
        if contact is None:
            return
        if report.problem:
            self._services.alarms.raise_("recording", report.problem)
        elif not self._services.files.problem():
            self._services.alarms.clear("recording")
        self._ended(contact, report)

    def _ended(self, contact: Contact, report: RecordingReport) -> None:
        services, call = self._services, contact.call
        del self._running[report.recording]
        went_on = self._of_call.get(call.id) == report.recording
        if went_on:
            del self._of_call[call.id]
        if not contact.kept:
            return
        state = "failed" if report.state == "failed" else "ended"
        services.store.recording(
            replace(
                contact.row,
                seconds=report.seconds,
                gaps=report.gaps,
                gap_s=report.gap_s,
                state=state,
                problem=report.problem,
                bytes=services.files.size(contact.row.path),
            )
        )
        if state == "failed":
            _log.error("recording failed", recording=report.recording, call=call.id, problem=report.problem)
        if went_on:
            call.post(RecordingOver(report))
        services.bus.publish(
            RecordingEnded(
                call=call.id,
                recording=report.recording,
                seconds=report.seconds,
                gaps=report.gaps,
                box=contact.row.box,
                wall=services.clock.wall(),
                monotonic=services.clock.monotonic(),
            )
        )

    def end_all(self, problem: str) -> None:
        """The disk is about to be full: every recording ends well while it still can; calls go on."""
        for contact in tuple(self._running.values()):
            self.mark(contact.call, "failed", problem)
            self.stop(contact.call.id)
        self._services.alarms.raise_("recording", problem)

    def lost(self, worker: WorkerId, problem: str, *, but: frozenset[CallId] = frozenset()) -> None:
        """The worker that made these recordings is dead: what is on disk is what there is. Those of the calls in `but` wait
        for `go_on`."""
        for contact in [each for each in self._running.values() if each.worker == worker]:
            if contact.call.id not in but or self._of_call.get(contact.call.id) != contact.row.recording:
                self.lost_one(contact, problem)
            else:
                contact.worker = None

    def give_up(self, call: Call, problem: str) -> None:
        """The worker that recorded this call is dead, and the call with it."""
        contact = self.contact_of(call.id)
        if contact is not None:
            self.lost_one(contact, problem)

    def lost_one(self, contact: Contact, problem: str) -> None:
        seconds = self._services.files.repair(contact.row.path) or 0.0
        recording = contact.row.recording
        self._ended(
            contact,
            RecordingReport(
                recording=recording, state="failed", seconds=seconds, gaps=0, gap_s=0.0, problem=problem
            ),
        )
