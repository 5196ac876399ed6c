"""What a leg has beside its row in the table: names, addresses and the machines that are touched seldom."""

from softswitch.ids import LegId, RecordingId
from softswitch.rtp.dtmf import EventReceiver
from softswitch.rtp.latch import Latch
from softswitch.rtp.rtcp import RtcpSession
from softswitch.rtp.voice import Voice


class Leg:
    """Slots and no dataclass: the tick reads them."""

    __slots__ = (
        "events",
        "id",
        "latch",
        "opened",
        "port",
        "recording",
        "rtcp",
        "silent_told",
        "slot",
        "voice",
    )

    def __init__(self, leg: LegId, slot: int, port: int, now: float) -> None:
        self.id = leg
        self.slot = slot
        self.port = port
        self.opened = now
        self.latch = Latch(leg)
        self.events = EventReceiver()
        self.voice = Voice()
        self.rtcp = RtcpSession()
        self.recording: RecordingId | None = None
        self.silent_told = False

    def __repr__(self) -> str:
        return f"<Leg {self.id} slot={self.slot} port={self.port} {self.latch!r}>"
