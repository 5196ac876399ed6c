"""Tells the media worker who hears whom: two by a bridge, more by a mix, and nothing twice.

Owns which bridge or mix it has told so far, so that whoever changes the members need not know what was before.
"""

from collections.abc import Iterable

from softswitch.call.matrix import Member, gains, pair
from softswitch.call.services import Services
from softswitch.ids import LegId, MixId
from softswitch.rtp.commands import Bridge, Mix, Unbridge


class Hearing:
    """All legs sit on one worker."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._mix = MixId("")
        """Named when it is first needed: most talks are a bridge."""
        self._mixing: Mix | None = None
        self._bridged: tuple[LegId, LegId] | None = None

    def __repr__(self) -> str:
        return f"<Hearing mix={self._mixing} bridge={self._bridged}>"

    def set(self, members: Iterable[Member]) -> None:
        """From now on these hear each other as their roles say; those who are away hear nobody."""
        present = [member for member in members if not member.away]
        two = pair(present)
        if two is not None:
            self._end_mix()
            if self._bridged is None or (self._bridged != two and self._bridged != two[::-1]):
                self._unbridge()
                self._bridged = two
                self._services.media.send(Bridge(a=two[0], b=two[1]))
            return
        if len(present) < 2:
            self.end()
            return
        self._mix = self._mix or MixId(self._services.new_id())
        mix = Mix(mix=self._mix, legs=tuple(member.leg for member in present), gains=gains(present))
        if mix != self._mixing:
            self._unbridge()
            self._mixing = mix
            self._services.media.send(mix)

    def end(self) -> None:
        """Nobody hears anybody."""
        self._end_mix()
        self._unbridge()

    def leave(self) -> None:
        """As `end`, where the two legs of a bridge are closed at once: that ends it too."""
        self._end_mix()
        self._bridged = None

    def _end_mix(self) -> None:
        if self._mixing is not None:
            self._mixing = None
            self._services.media.send(Mix(mix=self._mix, legs=(), gains=()))

    def _unbridge(self) -> None:
        if self._bridged is not None:
            self._services.media.send(Unbridge(leg=self._bridged[0]))
            self._bridged = None
