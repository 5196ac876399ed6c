"""What the switch stands on: clock, chance, network, media workers and prompts. Tests put it on another world."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from softswitch.app.recognisers import Recognisers
from softswitch.app.smtp import Mailer, SmtpMailer
from softswitch.call.alarms import Alarms
from softswitch.call.prompt_paths import PromptFinder
from softswitch.call.recognition import Recognition
from softswitch.call.services import Asks, Media, Services
from softswitch.call.speech import ProgramSpeaker, Speaker
from softswitch.clock import Clock, SystemClock, entropy
from softswitch.config.media import Quality, Rtp
from softswitch.ids import LegId, WorkerId
from softswitch.ivr.lookups import Lookups
from softswitch.ivr.prompts import PromptLibrary
from softswitch.rtp.adoption import NOTHING, Wanted
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import LegStats, Report
from softswitch.rtp.seat import WorkerView
from softswitch.rtp.seating import OpenedLeg
from softswitch.sip.resolver import Resolver
from softswitch.sip.wire import Wire


class MediaRoom(Media, Protocol):
    """What the switch as a whole needs of `rtp.pool.MediaPool`, beside what calls do."""

    async def start(self, wanted: Wanted = NOTHING) -> None: ...

    def end_rest(self) -> None: ...

    async def stop(self) -> None: ...

    async def stats(self, legs: Iterable[LegId]) -> list[LegStats]: ...

    def views(self) -> list[WorkerView]: ...


class MediaMaker(Protocol):
    def __call__(
        self,
        config: Rtp,
        /,
        *,
        socket_dir: str,
        clock: Clock,
        on_report: Callable[[WorkerId, Report], None],
        on_worker_died: Callable[[WorkerId, int, frozenset[LegId]], None],
        on_worker_started: Callable[[WorkerId, int], None],
        on_legs_moved: Callable[[tuple[OpenedLeg, ...]], None],
        on_legs_lost: Callable[[WorkerId, frozenset[LegId]], None],
        cores: int,
        quality: Quality,
    ) -> MediaRoom: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    clock: Clock = field(default_factory=SystemClock)
    entropy: Callable[[int], bytes] = entropy
    media: MediaMaker = MediaPool
    prompts: Callable[[str, str], PromptFinder] = PromptLibrary.of
    """Folder and language of the configuration to a library."""
    lookups: Callable[[], Asks] = Lookups
    """Made once; asks web services and data bases."""
    wire: Wire | None = None
    """None: sockets."""
    speaker: Speaker = field(default_factory=ProgramSpeaker)
    """What speaks texts."""
    recognition: Callable[[Services, Alarms, Path], Recognition] = Recognisers
    """With the place of its socket."""
    mailer: Mailer = field(default_factory=SmtpMailer)
    """What hands mails to a server."""
    resolver: Resolver | None = None
    """None: DNS."""
