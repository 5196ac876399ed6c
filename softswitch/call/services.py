"""What a call may use of the rest of the switch, as the few surfaces it needs: each a Protocol, so that story tests can
run whole calls over a fake network and virtual time.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from softswitch.bus import Bus
from softswitch.call.alarms import Alarms
from softswitch.call.audio_alarms import AudioAlarms
from softswitch.call.lines import Lines
from softswitch.call.prompt_paths import PromptFinder
from softswitch.call.trunking import Trunking
from softswitch.clock import Clock, entropy
from softswitch.config.lookups import Lookup
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.hours import CalendarHours
from softswitch.ids import CallId, EndpointName, LegId, RecordingId, TrunkName
from softswitch.ivr.actions import LookedUp
from softswitch.recorder.files import RecordingFolder
from softswitch.rtp.adoption import Survivor
from softswitch.rtp.commands import Command
from softswitch.rtp.reports import LegStats
from softswitch.rtp.seating import OpenedLeg
from softswitch.sip.address import Address
from softswitch.sip.events import SessionEvent
from softswitch.sip.identity import Identity
from softswitch.sip.invite_plan import DIRECT, InviteWay
from softswitch.sip.open_invite import OpenInvite
from softswitch.sip.refer_server import Refer
from softswitch.sip.registrar import Binding
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.sip.session_snapshot import Described, SessionSnapshot
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.store.queue_log_file import QueueLog
from softswitch.store.store import Store

if TYPE_CHECKING:
    from softswitch.call.leg import Leg
    from softswitch.call.voice import Voice


class Sip(Protocol):
    """The part of `sip.endpoint.SipEndpoint` that calls use."""

    def invite(
        self,
        *,
        leg: LegId,
        destination: Uri | Binding,
        from_: Address,
        to: Address,
        sdp: SessionDescription,
        headers: Iterable[tuple[str, str]] = (),
        credentials: Secret | None = None,
        way: InviteWay = DIRECT,
        on_event: Callable[[SessionEvent], None],
    ) -> Session: ...

    def local_address_for(self, destination: Source) -> tuple[str, int]: ...

    def located(self, destination: Uri | Binding) -> Source | None: ...

    async def locate(self, destination: Uri | Binding) -> Source | None: ...

    def trunk_is_up(self, trunk: TrunkName) -> bool: ...

    def trunk_is_silent(self, trunk: TrunkName) -> bool: ...

    def session(self, call_id: str, local_tag: str) -> Session | None: ...

    def bindings(self, endpoint: EndpointName) -> tuple[Binding, ...]: ...

    def take_up(
        self,
        snapshot: SessionSnapshot,
        *,
        leg: LegId,
        identity: Identity | None,
        described: Described,
        credentials: Secret | None,
        on_event: Callable[[SessionEvent], None],
    ) -> Session: ...

    def go_on(self) -> None: ...

    def end_open(self, invite: OpenInvite, status: int, reason: str) -> None: ...

    def notify_messages(self, destination: Uri | Binding, *, user: str, counts: tuple[int, int]) -> None: ...


class Media(Protocol):
    """The part of `rtp.pool.MediaPool` that calls use."""

    async def open_leg(
        self, leg: LegId, address: str, *, with_leg: LegId | None = None, opaque: bool = False
    ) -> OpenedLeg: ...

    def open_leg_at_once(
        self, leg: LegId, address: str, *, with_leg: LegId | None = None
    ) -> OpenedLeg | None: ...

    async def move_leg(self, leg: LegId, *, beside: LegId) -> OpenedLeg: ...

    def send(self, command: Command) -> None: ...

    def close_leg(self, leg: LegId) -> Awaitable[LegStats | None]: ...

    def release_leg(self, leg: LegId) -> None: ...

    def take_up(self, legs: tuple[LegId, ...]) -> Mapping[LegId, Survivor]: ...

    def take_up_recording(self, recording: RecordingId) -> bool: ...


class Asks(Protocol):
    """The part of `ivr.lookups.Lookups` that calls use."""

    async def ask(
        self, name: str, lookup: Lookup, parameters: Mapping[str, str], secret: Secret | None
    ) -> LookedUp: ...

    async def close(self) -> None: ...


async def not_stored(call: CallId) -> None:
    """Where nothing is written down."""


@dataclass(slots=True, kw_only=True)
class Services:
    config: Config
    """Replaced at a reload; a call keeps the one it began with."""
    calendars: Mapping[str, CalendarHours]
    """Of `config`."""
    secrets: Mapping[tuple[str, str], Secret]
    """Of `config`, by `("trunk", NAME)` and `("endpoint", NAME)`."""
    clock: Clock
    bus: Bus
    store: Store
    queue_log: QueueLog
    sip: Sip
    media: Media
    prompts: PromptFinder
    lookups: Asks
    voice: "Voice"
    files: RecordingFolder
    lines: Lines
    trunking: Trunking
    alarms: Alarms
    audio: AudioAlarms
    """Who cannot be heard."""
    legs: dict[LegId, "Leg"]
    """Every leg that has a port, for what the media workers report."""
    new_id: Callable[[], str]
    node: str
    on_refer: "Callable[[Leg, Refer], None]" = lambda leg, refer: refer.refuse(603)
    """Who judges the REFERs of legs that talk."""
    changed: Callable[[CallId], None] = lambda call: None
    """Hears of each call that is to be written down anew, so that it outlives a crash."""
    changed_now: Callable[[CallId], None] = lambda call: None
    """The same where a crash within the next tenth of a second is not to forget it."""
    stored: Callable[[CallId], Awaitable[None]] = not_stored
    """The same, and returns when a crash will not forget it; it never takes long."""
    leaves: "Callable[[Leg], None]" = lambda leg: None
    """Hears of each leg that is hung up and cannot be told so yet: a crash is not to forget that."""
    agreed: Callable[[LegId], None] = lambda leg: None
    """The same of a leg that has settled an offer with its peer."""
    entropy: Callable[[int], bytes] = entropy
    """For keys."""

    def new_call(self) -> CallId:
        return CallId(self.new_id())

    def new_leg(self) -> LegId:
        return LegId(self.new_id())

    def new_recording(self) -> RecordingId:
        return RecordingId(self.new_id())
