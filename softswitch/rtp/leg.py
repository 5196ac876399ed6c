"""What a leg has beside its row in the table: names, addresses and the machines that are touched seldom."""

from math import inf
from typing import TYPE_CHECKING

from softswitch.codec import CODECS, Codec
from softswitch.ids import LegId, RecordingId
from softswitch.rtp.dtmf import EventReceiver
from softswitch.rtp.latch import Latch
from softswitch.rtp.outlet import Outlet, why_silent
from softswitch.rtp.rtcp_session import RtcpSession
from softswitch.rtp.voice import Voice

if TYPE_CHECKING:
    from softswitch.rtp.commands import SetPeer
    from softswitch.rtp.decoded import DecodedStream
    from softswitch.rtp.group import Group


class Leg:
    """Slots and no dataclass: the tick reads them."""

    __slots__ = (
        "_outlet",
        "address",
        "codec",
        "decoded",
        "events",
        "format_parameters",
        "group",
        "hears",
        "id",
        "in_sum",
        "keys_to",
        "latch",
        "opened",
        "port",
        "ptime_ms",
        "recording",
        "rtcp",
        "silent_told",
        "slot",
        "sole",
        "told",
        "voice",
        "why_silent",
    )

    def __init__(self, leg: LegId, slot: int, port: int, now: float) -> None:
        self.id = leg
        self.slot = slot
        self.port = port
        self.opened = now
        self.address = ""
        """Local address it is bound to."""
        self.told: SetPeer | None = None
        """What was said of its peer last, for a controller that comes back."""
        self.latch = Latch(leg)
        self.events: EventReceiver | None = None
        """Made with the first key that is heard."""
        self.voice = Voice()
        self.rtcp = RtcpSession()
        self.recording: RecordingId | None = None
        self.silent_told = -inf
        """When it was reported last that its peer is silent; never, while it is not."""
        self.codec: Codec = CODECS["PCMU"]
        self.format_parameters = ""
        self.ptime_ms = 20
        self.why_silent = ""
        """Why nothing can be made here in its codec; empty when it can."""
        self.decoded: DecodedStream | None = None
        self._outlet: Outlet | None = None
        self.group: Group | None = None
        """Its bridge or mix."""
        self.hears = False
        """Somebody of its group."""
        self.sole = False
        """What it hears is one speaker's stream, which can be relayed as it is."""
        self.in_sum = False
        """Its group's mix is made for it."""
        self.keys_to: Leg | None = None
        """The other side of a bridge of two codecs: keys are made anew for it."""

    def __repr__(self) -> str:
        return f"<Leg {self.id} slot={self.slot} port={self.port} {self.codec.name} {self.latch!r}>"

    def speaks(self, codec: Codec, ptime_ms: int, format_parameters: str) -> bool:
        """What was negotiated; whether anything changed."""
        if (codec, ptime_ms, format_parameters) == (self.codec, self.ptime_ms, self.format_parameters):
            return False
        self.codec, self.ptime_ms, self.format_parameters = codec, ptime_ms, format_parameters
        self.why_silent = why_silent(codec)
        self._outlet = self.decoded = None
        return True

    @property
    def outlet(self) -> Outlet:
        """Made when it is first needed. Raises CodecMissing where `why_silent` says so."""
        if self._outlet is None:
            self._outlet = Outlet(self.codec, self.ptime_ms, self.format_parameters)
        return self._outlet

    @property
    def summed(self) -> bool:
        """Whether it has to be given a mix: several speakers, one of another codec or level, or a prompt over one."""
        return self.hears and (not self.sole or self.voice.playing) and not self.why_silent
