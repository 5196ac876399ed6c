"""What a leg's party hears of us at its media worker, and what the worker tells of the party.

Nothing is taken back that was never given: a worker is told to stop only what may be playing there.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.call.events import CallEvent, DigitHeard, LegSilent, PromptsEnded
from softswitch.call.prompt_paths import found_prompt, found_prompts
from softswitch.call.services import Services
from softswitch.ids import LegId
from softswitch.rtp.commands import Bridge, Music, Play, StopPlay, Unbridge
from softswitch.rtp.reports import DigitPressed, PeerSilent, PlayEnded

if TYPE_CHECKING:
    from softswitch.call.leg import Leg


class LegSound:
    """The half of a `Leg` that is sound."""

    def __init__(self, services: Services, leg: LegId, deliver: Callable[[CallEvent], None]) -> None:
        self.id = leg
        self.deliver = deliver
        """Where it says what the call has to know: whoever owns it at that moment."""
        self._services = self.services = services
        self.plays = 0
        self._may_play = self._may_have_music = True  # until it is opened here, nobody knows

    def begin_quiet(self) -> None:
        """Its port is new."""
        self._may_play = self._may_have_music = False

    def play(self, names: tuple[str, ...], language: str) -> int:
        """Play prompts by name; returns the number that `PromptsEnded` repeats. Names nobody has are left out."""
        self.plays += 1
        self._may_play = True
        paths = found_prompts(self._services.prompts, names, language)
        self._services.media.send(Play(leg=self.id, play=self.plays, prompts=paths))
        return self.plays

    def stop_play(self) -> None:
        if self._may_play:
            self._may_play = False
            self._services.media.send(StopPlay(leg=self.id))

    def music(self, name: str | None, language: str = "en") -> None:
        path = found_prompt(self._services.prompts, name, language) if name else None
        if path is None and not self._may_have_music:
            return
        self._may_have_music = path is not None
        self._services.media.send(Music(leg=self.id, prompt=path))

    def bridge(self, other: "Leg") -> None:
        self._services.media.send(Bridge(a=self.id, b=other.id))

    def unbridge(self) -> None:
        self._services.media.send(Unbridge(leg=self.id))

    def on_media_report(self, report: DigitPressed | PlayEnded | PeerSilent) -> None:
        if isinstance(report, DigitPressed):
            self.deliver(DigitHeard(self.id, report.digit, report.method))
        elif isinstance(report, PlayEnded):
            if report.play == self.plays:
                self._may_play = False
            self.deliver(PromptsEnded(self.id, report.play, report.completed, report.problem))
        else:
            self.deliver(LegSilent(self.id, report.silent_s))
