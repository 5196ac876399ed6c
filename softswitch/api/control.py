"""What the control API asks of the running switch: one Protocol, implemented by the composition root.

Reading methods answer at once from memory and are called often (metrics, live board); what touches the database, a
phone or a worker is a coroutine. An id that does not exist raises `UnknownThing`, a request that cannot be met now
`NotPossible`; storage that fails raises `StorageError`.
"""

from dataclasses import dataclass
from typing import Protocol

from softswitch.api.callback_control import CallbackControl
from softswitch.api.events_control import EventsControl
from softswitch.api.feed import FeedControl
from softswitch.api.flow_control import FlowControl
from softswitch.api.past_views import CdrDetailView, CdrView, RecordingView
from softswitch.api.report_control import ReportControl
from softswitch.api.rights_control import RightsControl
from softswitch.api.security_control import SecurityControl
from softswitch.api.status_views import StatusView
from softswitch.api.steering_control import SteeringControl
from softswitch.api.text_control import TextControl
from softswitch.api.trace import TraceControl
from softswitch.api.trunk_control import TrunkControl
from softswitch.api.views import (
    AgentView,
    CallDetailView,
    CallView,
    LineView,
    QueueDetailView,
    QueueView,
    RegistrationView,
    ReloadView,
    StopView,
    TrunkView,
)
from softswitch.api.voice_control import VoiceControl
from softswitch.api.why import WhyControl


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrSearch:
    """Empty and None mean any. Newest first."""

    since: float | None = None
    """Wall seconds of the call's start; `until` is excluded."""
    until: float | None = None
    number: str = ""
    """Found anywhere in the calling or the called number."""
    queue: str = ""
    agent: str = ""
    cause: str = ""
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSearch:
    """Empty and None mean any. Newest first."""

    since: float | None = None
    until: float | None = None
    number: str = ""
    queue: str = ""
    agent: str = ""
    call: str = ""
    box: str = ""
    limit: int = 100
    offset: int = 0


class SwitchControl(Protocol):
    @property
    def flows(self) -> FlowControl:
        """Versions of flows."""

    @property
    def trunking(self) -> TrunkControl:
        """Groups of trunks, routes put to the test, toll fraud."""

    @property
    def steering(self) -> SteeringControl:
        """Transfers, supervisors, conferences."""

    @property
    def trace(self) -> TraceControl:
        """SIP messages, and the self-test."""

    @property
    def security(self) -> SecurityControl:
        """Bans, rates, load."""

    @property
    def reports(self) -> ReportControl:
        """The past in figures."""

    @property
    def why(self) -> WhyControl:
        """Reasons of calls, offers and idleness."""

    @property
    def events(self) -> EventsControl:
        """Subscriptions and messages in boxes."""

    @property
    def feed(self) -> FeedControl:
        """What happens, and who hears it."""

    @property
    def callbacks(self) -> CallbackControl:
        """Callers who are called back."""

    @property
    def rights(self) -> RightsControl:
        """Who may do what, and the audit trail."""

    @property
    def texts(self) -> TextControl:
        """Instant messages to phones."""

    @property
    def voice(self) -> VoiceControl:
        """Messages with their mails, surveys."""

    def status(self) -> StatusView: ...

    def ready(self) -> bool:
        """True while new calls are taken: listening, a media worker alive, not draining."""

    def calls(self) -> tuple[CallView, ...]: ...

    async def call(self, call: str) -> CallDetailView: ...

    async def hangup(self, call: str) -> None:
        """Ends the call with `Termination` by `admin`."""

    def lines(self) -> tuple[LineView, ...]: ...

    def queues(self) -> tuple[QueueView, ...]: ...

    def queue(self, name: str) -> QueueDetailView: ...

    def agents(self) -> tuple[AgentView, ...]: ...

    async def agent_login(self, agent: str, endpoint: str) -> AgentView:
        """`endpoint` empty: the phone of the configuration."""

    async def agent_logout(self, agent: str) -> AgentView: ...

    async def agent_pause(self, agent: str, reason: str) -> AgentView: ...

    async def agent_resume(self, agent: str) -> AgentView:
        """Takes calls again; also ends wrap-up."""

    async def agent_wrapup(self, agent: str, extend_s: float) -> AgentView:
        """Gives him more wrap-up; 0 ends it."""

    async def agent_endpoint(self, agent: str, endpoint: str) -> AgentView:
        """He sits at another phone from now on; his status stays."""

    def trunks(self) -> tuple[TrunkView, ...]: ...

    def registrations(self) -> tuple[RegistrationView, ...]: ...

    async def reload(self) -> ReloadView:
        """Reads the configuration again; with any problem nothing changes."""

    async def stop(self, now: bool) -> StopView:
        """Drain (refuse new calls, end with the last one), or with `now` end all calls and stop."""

    async def recordings(self, search: RecordingSearch) -> tuple[RecordingView, ...]: ...

    async def recording(self, recording: str) -> RecordingView: ...

    async def recording_start(self, call: str) -> RecordingView:
        """Record this bridged call from now on; what is already being recorded is answered as it is."""

    async def recording_stop(self, call: str) -> RecordingView:
        """Silence from now on; the same recording goes on when it is started again."""

    async def recording_mask(self, call: str, on: bool) -> None:
        """Card data is being told: the recording is silent, and keys of the call are written nowhere."""

    async def cdrs(self, search: CdrSearch) -> tuple[CdrView, ...]: ...

    async def cdr(self, call: str) -> CdrDetailView: ...
