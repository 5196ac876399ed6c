"""What is being recorded, and the row of each recording from its first second to its last."""

from dataclasses import dataclass, replace

import structlog

from softswitch.call.call import Call
from softswitch.call.events import RecordingOver
from softswitch.call.leg import Leg
from softswitch.call.services import Services
from softswitch.facts import RecordingEnded, RecordingStarted
from softswitch.ids import AgentId, CallId, QueueName, RecordingId, WorkerId
from softswitch.rtp.commands import StartRecording, StopRecording
from softswitch.store.rows import RecordingRow
from softswitch.tap import RecordingReport, RecordingSpec

_log = structlog.get_logger(__name__)
_LAWS = ("PCMU", "PCMA")


@dataclass(slots=True)
class Running:
    row: RecordingRow
    call: Call
    worker: WorkerId | None
    """Whose process writes it."""


class Recordings:
    """A call has at most one recording at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running: dict[RecordingId, Running] = {}
        self._of_call: dict[CallId, RecordingId] = {}

    def running(self) -> frozenset[RecordingId]:
        """Recordings whose file is not closed yet."""
        return frozenset(self._running)

    def is_recording(self, call: CallId) -> bool:
        return call in self._of_call

    def of_call(self, call: CallId) -> RecordingRow | None:
        recording = self._of_call.get(call)
        return self._running[recording].row if recording is not None else None

    def start(
        self,
        call: Call,
        tracks: tuple[Leg, ...],
        *,
        queue: QueueName | None = None,
        agent: AgentId | None = None,
        box: str = "",
        max_s: float = 0.0,
    ) -> RecordingId | None:
        """Record what is received from `tracks`, caller first; None when no recording can be made (an alarm says why)."""
        if call.id in self._of_call:
            return self._of_call[call.id]
        services = self._services
        recording, began = services.new_recording(), services.clock.wall()
        problem = services.files.problem()
        if problem:
            call.log.error("not recorded", problem=problem)
            services.alarms.raise_("recording", problem)
            return None
        name = services.files.name(
            wall=began, recording=recording, call=call.id, queue=queue or "", agent=agent or ""
        )
        wanted = services.config.recording.encoding
        encoding = (
            wanted if wanted != "auto" else (call.caller.codec if call.caller.codec in _LAWS else "PCM16")
        )
        row = RecordingRow(
            recording=recording,
            call=call.id,
            path=name,
            began=began,
            queue=queue,
            agent=agent,
            ani=call.ani,
            dnis=call.dnis,
            box=box,
            encoding=encoding,
            channels=len(tracks),
        )
        opened = tracks[0].opened
        self._running[recording] = Running(row, call, opened.worker if opened is not None else None)
        self._of_call[call.id] = recording
        services.store.recording(row)
        path = str(services.files.path(name))
        spec = RecordingSpec(
            recording=recording, path=path, channels=len(tracks), encoding=encoding, max_s=max_s
        )
        services.media.send(StartRecording(spec=spec, tracks=tuple(leg.id for leg in tracks)))
        services.bus.publish(
            RecordingStarted(
                call=call.id, recording=recording, wall=began, monotonic=services.clock.monotonic()
            )
        )
        return recording

    def stop(self, call: CallId) -> None:
        """End this call's recording; its row is completed when the worker has closed the file."""
        recording = self._of_call.pop(call, None)
        if recording is not None:
            self._services.media.send(StopRecording(recording=recording))

    def on_report(self, report: RecordingReport) -> None:
        """A recording has ended: asked to, by its limit, or because the disk said no."""
        if report.recording not in self._running:
            return
        if report.state == "failed":
            self._services.alarms.raise_("recording", report.problem)
        elif not self._services.files.problem():
            self._services.alarms.clear("recording")
        self._ended(report)

    def _ended(self, report: RecordingReport) -> None:
        running = self._running.pop(report.recording)
        services, call = self._services, running.call
        state = "failed" if report.state == "failed" else "ended"
        services.store.recording(
            replace(
                running.row,
                seconds=report.seconds,
                gaps=report.gaps,
                gap_s=report.gap_s,
                state=state,
                problem=report.problem,
            )
        )
        if state == "failed":
            _log.error("recording failed", recording=report.recording, call=call.id, problem=report.problem)
        if self._of_call.get(call.id) == report.recording:
            del self._of_call[call.id]
            call.post(RecordingOver(report))
        services.bus.publish(
            RecordingEnded(
                call=call.id,
                recording=report.recording,
                seconds=report.seconds,
                gaps=report.gaps,
                wall=services.clock.wall(),
                monotonic=services.clock.monotonic(),
            )
        )

    def lost(self, worker: WorkerId, problem: str) -> None:
        """The worker that made these recordings is dead: what is on disk is what there is."""
        for running in [each for each in self._running.values() if each.worker == worker]:
            seconds = self._services.files.repair(running.row.path) or 0.0
            self._ended(
                RecordingReport(
                    recording=running.row.recording,
                    state="failed",
                    seconds=seconds,
                    gaps=0,
                    gap_s=0.0,
                    problem=problem,
                )
            )
