"""A switch that only exists for the control API: fixed views, and a list of the commands it was given."""

from dataclasses import dataclass, field, replace

from softswitch.api.control import CdrSearch, RecordingSearch
from softswitch.api.errors import NotPossible, UnknownThing
from softswitch.api.past_views import CdrDetailView, CdrView, QueueVisitView, RecordingView
from softswitch.api.status_views import AlarmView, SipView, StatusView, StorageView, WorkerView
from softswitch.api.views import (
    AgentView,
    CallDetailView,
    CallerView,
    CallView,
    LegView,
    LineView,
    OfferView,
    ProblemView,
    QueueDetailView,
    QueueView,
    RegistrationView,
    ReloadView,
    StageView,
    StopView,
    TrunkView,
)
from softswitch.testing.callbacks import FakeCallbacks
from softswitch.testing.events import FakeEvents
from softswitch.testing.feeds import FakeFeed
from softswitch.testing.flows import FakeFlows
from softswitch.testing.reports import FakeReports
from softswitch.testing.rights import FakeRights
from softswitch.testing.security import FakeSecurity
from softswitch.testing.steering import FakeSteering
from softswitch.testing.texts import FakeTexts
from softswitch.testing.tracing import FakeTrace
from softswitch.testing.trunking import FakeTrunking
from softswitch.testing.voice import FakeVoice
from softswitch.testing.why import FakeWhy

CALL = "01ARZ3NDEKTSV4RRFFQ6"
RECORDING = "01ARZ3NDEKTSV4RRFFR7"
START = 1_780_000_000.0


@dataclass
class FakeControl:
    """Implements `SwitchControl`. Change its fields to change what it shows."""

    ani: str = "+34600000001"
    commands: list[tuple[object, ...]] = field(default_factory=list)
    searches: list[object] = field(default_factory=list)
    reload_problems: tuple[ProblemView, ...] = ()
    is_ready: bool = True
    recording_file: str = f"/var/lib/softswitch/recordings/2026-05-29/{RECORDING}.wav"
    recording_seconds: float | None = 65.0
    steering: FakeSteering = field(default_factory=FakeSteering)
    trunking: FakeTrunking = field(default_factory=FakeTrunking)
    events: FakeEvents = field(default_factory=FakeEvents)
    feed: FakeFeed = field(default_factory=FakeFeed)
    trace: FakeTrace = field(default_factory=FakeTrace)
    security: FakeSecurity = field(default_factory=FakeSecurity)
    why: FakeWhy = field(default_factory=FakeWhy)
    reports: FakeReports = field(default_factory=FakeReports)
    texts: FakeTexts = field(default_factory=FakeTexts)
    callbacks: FakeCallbacks = field(default_factory=FakeCallbacks)
    flows: FakeFlows = field(default_factory=FakeFlows)
    rights: FakeRights = field(default_factory=FakeRights)
    voice: FakeVoice = field(default_factory=FakeVoice)

    def status(self) -> StatusView:
        worker = WorkerView(
            worker=1,
            pid=4243,
            engine="sockets",
            legs=2,
            recordings=1,
            packets_in=1000,
            packets_out=990,
            cpu_s=0.5,
            late_ms=0.25,
            packets_lost=10,
        )
        return StatusView(
            version="0.1.0",
            node="sw1",
            pid=4242,
            started=START,
            uptime_s=3725.0,
            draining=False,
            calls=1,
            max_calls=2000,
            calls_total=7,
            engine="sockets",
            workers=(worker,),
            alarms=(AlarmView(name="disk", message="below 200 MB free", since=START),),
            storage=StorageView(state="ok", database="sqlite:///softswitch.db", spooled=0),
            sip=SipView(
                listen=("udp://0.0.0.0:5060",),
                messages_in=23,
                messages_out=31,
                calls_in=7,
                refusals={"401": 9},
                requests_in={"INVITE": 7},
                responses_out={"200": 7, "486": 1},
                malformed=3,
            ),
        )

    def ready(self) -> bool:
        return self.is_ready

    def calls(self) -> tuple[CallView, ...]:
        return (
            CallView(
                call=CALL,
                stage="talk",
                source="trunk:north",
                ani=self.ani,
                dnis="+34910000000",
                started=START,
                duration_s=65.0,
                answered=True,
                queue="sales",
                agent="ana",
                other="agent:ana",
                recording=RECORDING,
            ),
        )

    async def call(self, call: str) -> CallDetailView:
        self._known_call(call)
        leg = LegView(
            leg="leg1",
            direction="in",
            party="trunk:north",
            state="confirmed",
            sip_call_id="a@b",
            codec="PCMA",
        )
        stages = (StageView(stage="greet", entered=START), StageView(stage="talk", entered=START + 30))
        return CallDetailView(call=self.calls()[0], stages=stages, legs=(leg,), offers=(_offer(),))

    async def hangup(self, call: str) -> None:
        self._known_call(call)
        self.commands.append(("hangup", call))

    def lines(self) -> tuple[LineView, ...]:
        return (
            LineView(kind="trunk", name="north", display_name="", state="in use", calls=1),
            LineView(kind="endpoint", name="1001", display_name="Ana", state="unreachable", calls=0),
        )

    def queues(self) -> tuple[QueueView, ...]:
        return (
            QueueView(
                queue="sales",
                strategy="longest-idle",
                waiting=1,
                agents=2,
                logged_in=1,
                idle=0,
                talking=1,
                offered=10,
                answered=6,
                abandoned=2,
                overflowed=1,
                answered_in_sl=3,
                abandoned_in_sl=1,
                servicelevel_s=20.0,
                longest_wait_s=12.0,
            ),
        )

    def queue(self, name: str) -> QueueDetailView:
        if name != "sales":
            raise UnknownThing(f"there is no queue {name!r}", hint="known are sales")
        caller = CallerView(call=CALL, position=1, ani=self.ani, priority=0, waited_s=12.0, ringing=("ana",))
        return QueueDetailView(queue=self.queues()[0], callers=(caller,), agents=self.agents())

    def agents(self) -> tuple[AgentView, ...]:
        return (
            AgentView(
                agent="ana",
                name="Ana",
                endpoint="1001",
                status="available",
                reason="",
                state="talking",
                state_s=35.0,
                queues=("sales",),
                skills={"sales": 5},
            ),
        )

    async def agent_login(self, agent: str, endpoint: str) -> AgentView:
        return self._agent("login", agent, endpoint)

    async def agent_logout(self, agent: str) -> AgentView:
        return self._agent("logout", agent)

    async def agent_pause(self, agent: str, reason: str) -> AgentView:
        return replace(self._agent("pause", agent, reason), status="paused", reason=reason)

    async def agent_resume(self, agent: str) -> AgentView:
        return self._agent("resume", agent)

    async def agent_wrapup(self, agent: str, extend_s: float) -> AgentView:
        return self._agent("wrapup", agent, extend_s)

    async def agent_endpoint(self, agent: str, endpoint: str) -> AgentView:
        return self._agent("endpoint", agent, endpoint)

    def trunks(self) -> tuple[TrunkView, ...]:
        return (
            TrunkView(
                trunk="north",
                host="sip:192.0.2.10",
                state="up",
                reason="",
                since=START,
                channels=1,
                max_channels=30,
            ),
        )

    def registrations(self) -> tuple[RegistrationView, ...]:
        return (
            RegistrationView(
                endpoint="1001",
                contact="sip:1001@192.0.2.7",
                source="udp:192.0.2.7:5060",
                expires_s=1800.0,
                registered=START,
                user_agent="phone",
            ),
        )

    async def reload(self) -> ReloadView:
        if self.reload_problems:
            return ReloadView(problems=self.reload_problems)
        return ReloadView(changed=("queue.sales", "rtp.ports"), needs_restart=("rtp.ports",))

    async def stop(self, now: bool) -> StopView:
        self.commands.append(("stop", now))
        return StopView(calls=1, now=now)

    async def recordings(self, search: RecordingSearch) -> tuple[RecordingView, ...]:
        self.searches.append(search)
        return (self._recording(),)

    async def recording(self, recording: str) -> RecordingView:
        if recording != RECORDING:
            raise UnknownThing(f"there is no recording {recording!r}")
        return self._recording()

    async def recording_start(self, call: str) -> RecordingView:
        self._known_call(call)
        self.commands.append(("record", call))
        return self._recording()

    async def recording_stop(self, call: str) -> RecordingView:
        self._known_call(call)
        raise NotPossible(f"{call} is not being recorded", hint="`softswitch recording start` begins it")

    async def recording_mask(self, call: str, on: bool) -> None:
        self._known_call(call)
        self.commands.append(("mask" if on else "unmask", call))

    async def cdrs(self, search: CdrSearch) -> tuple[CdrView, ...]:
        self.searches.append(search)
        return (self._cdr(),)

    async def cdr(self, call: str) -> CdrDetailView:
        self._known_call(call)
        visit = QueueVisitView(
            queue="sales",
            entered=START,
            left=START + 12,
            outcome="answered",
            wait_s=12.0,
            position=1,
            original_position=2,
            agent="ana",
        )
        return CdrDetailView(
            cdr=self._cdr(), visits=(visit,), offers=(_offer(),), recordings=(self._recording(),)
        )

    def _agent(self, *command: object) -> AgentView:
        self.commands.append(command)
        if command[1] != "ana":
            raise UnknownThing(f"there is no agent {command[1]!r}", hint="known are ana")
        return self.agents()[0]

    def _known_call(self, call: str) -> None:
        if call != CALL:
            raise UnknownThing(f"there is no call {call!r}", hint="`softswitch calls` lists those alive")

    def _recording(self) -> RecordingView:
        return RecordingView(
            recording=RECORDING,
            call=CALL,
            file=self.recording_file,
            began=START + 12,
            seconds=self.recording_seconds,
            state="ended",
            queue="sales",
            agent="ana",
        )

    def _cdr(self) -> CdrView:
        return CdrView(
            call=CALL,
            node="sw1",
            source="trunk:north",
            ani=self.ani,
            ani_name="",
            dnis="+34910000000",
            started=START,
            answered=START + 1,
            bridged=START + 12,
            ended=START + 77,
            ended_by="caller",
            cause="normal",
            sip_status=200,
            last_stage="talk",
            queue="sales",
            agent="ana",
            talk_s=65.0,
        )


def _offer() -> OfferView:
    candidates = [
        {"agent": "ana", "score": [0.0, 12.5], "skipped": ""},
        {"agent": "kate", "score": [], "skipped": "paused"},
    ]
    return OfferView(
        offer="offer1",
        queue="sales",
        agent="ana",
        offered=START + 5,
        result="answered",
        rang_s=7.0,
        why={"strategy": "longest-idle", "candidates": candidates},
    )
