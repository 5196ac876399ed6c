"""What every leg was told, so that it can be told again: the controller's memory for the day a worker dies.

Owns no ports and sends nothing. A group is what has to sit at one worker: the legs of one call and whoever hears them.
`replay` is the shortest list of commands that makes the scene again at a worker where the group's legs are open; digits on
their way are not part of it, and a prompt begins anew. Recordings are not either: whoever owns one knows its file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from softswitch.ids import LegId, MixId
from softswitch.rtp.commands import (
    Bridge,
    Command,
    Mix,
    Music,
    Play,
    SetPeer,
    StopPlay,
    Unbridge,
)
from softswitch.rtp.reports import PlayEnded, Report


@dataclass(slots=True, kw_only=True)
class LegScene:
    address: str
    """Local address it is bound to."""
    port: int
    party: LegId
    """First leg of those that were opened beside each other."""
    opaque: bool = False
    peer: SetPeer | None = None
    music: Music | None = None
    play: Play | None = None
    partner: LegId | None = None


@dataclass(slots=True)
class Scene:
    legs: dict[LegId, LegScene] = field(default_factory=dict)
    mixes: dict[MixId, Mix] = field(default_factory=dict)

    # --- what happens -----------------------------------------------------------------------------------------------

    def opened(
        self, leg: LegId, address: str, port: int, beside: LegId | None = None, *, opaque: bool = False
    ) -> None:
        """A leg has its port, at first or again."""
        near = self.legs.get(beside) if beside is not None else None
        known = self.legs.get(leg)
        if known is None:
            party = near.party if near is not None else leg
            self.legs[leg] = LegScene(address=address, port=port, party=party, opaque=opaque)
        else:
            known.port = port
            known.party = near.party if near is not None else known.party

    def leave(self, leg: LegId) -> None:
        """It hears nobody any more."""
        self._part(leg)
        self._leave_mixes(leg)

    def closed(self, leg: LegId) -> None:
        if leg in self.legs:
            self.leave(leg)
            del self.legs[leg]

    def told(self, command: Command) -> None:
        """Remember a command; what it asks of legs that are not there is not remembered."""
        match command:
            case SetPeer(leg=leg) if leg in self.legs:
                self.legs[leg].peer = command
            case Music(leg=leg) if leg in self.legs:
                self.legs[leg].music = command if command.prompt is not None else None
            case Play(leg=leg) if leg in self.legs:
                self.legs[leg].play = command
            case StopPlay(leg=leg) if leg in self.legs:
                self.legs[leg].play = None
            case Bridge(a=a, b=b) if a in self.legs and b in self.legs and a != b:
                self._bridge(a, b)
            case Unbridge(leg=leg):
                self._part(leg)
            case Mix():
                self._mix(command)
            case _:
                pass

    def heard(self, report: Report) -> None:
        """What a worker says has ended is not told again."""
        if isinstance(report, PlayEnded) and report.leg in self.legs:
            playing = self.legs[report.leg].play
            if playing is not None and playing.play == report.play:
                self.legs[report.leg].play = None

    def _bridge(self, a: LegId, b: LegId) -> None:
        for leg in (a, b):
            self._part(leg)
            self._leave_mixes(leg)
            self.legs[leg].play = None
        self.legs[a].partner, self.legs[b].partner = b, a

    def _part(self, leg: LegId) -> None:
        here = self.legs.get(leg)
        if here is None or here.partner is None:
            return
        there = self.legs.get(here.partner)
        here.partner = None
        if there is not None:
            there.partner = None

    def _mix(self, mix: Mix) -> None:
        self.mixes.pop(mix.mix, None)
        for leg in mix.legs:
            self._part(leg)
            self._leave_mixes(leg)
        if mix.legs:
            self.mixes[mix.mix] = mix

    def _leave_mixes(self, leg: LegId) -> None:
        if not self.mixes:  # of most switches, always
            return
        for mix in [each for each in self.mixes.values() if leg in each.legs]:
            self.mixes[mix.mix] = _without(mix, leg)
            if not self.mixes[mix.mix].legs:
                del self.mixes[mix.mix]

    # --- telling it again -------------------------------------------------------------------------------------------

    def groups(self, legs: Iterable[LegId]) -> list[tuple[LegId, ...]]:
        """Split a worker's legs into those that have to stay together, in the order in which they were opened."""
        wanted = {leg for leg in legs if leg in self.legs}
        together = {leg: {leg} for leg in wanted}
        for link in self._links():
            members = [leg for leg in link if leg in wanted]
            merged = set().union(*(together[leg] for leg in members))
            together.update(dict.fromkeys(merged, merged))
        groups: dict[int, list[LegId]] = {}
        for leg in self.legs:
            if leg in wanted:
                groups.setdefault(id(together[leg]), []).append(leg)
        return [tuple(group) for group in groups.values()]

    def _links(self) -> list[tuple[LegId, ...]]:
        """Who belongs to whom: opened beside each other, bridged, or in one mix."""
        parties: dict[LegId, list[LegId]] = {}
        for leg, here in self.legs.items():
            parties.setdefault(here.party, []).append(leg)
        pairs = [(leg, here.partner) for leg, here in self.legs.items() if here.partner is not None]
        return [*map(tuple, parties.values()), *pairs, *(mix.legs for mix in self.mixes.values())]

    def replay(self, group: Iterable[LegId]) -> list[Command]:
        """What brings the group's scene back at a worker that has opened its legs."""
        legs = [leg for leg in group if leg in self.legs]
        commands: list[Command] = [command for leg in legs for command in self.replay_leg(leg, playing=False)]
        for leg in legs:
            partner = self.legs[leg].partner
            if partner is not None and leg < partner:
                commands.append(Bridge(a=leg, b=partner))
        commands += [mix for mix in self.mixes.values() if not set(mix.legs).isdisjoint(legs)]
        commands += [play for leg in legs if (play := self.legs[leg].play) is not None]
        return commands

    def replay_leg(self, leg: LegId, *, playing: bool = True) -> list[Command]:
        """What one leg was told that concerns no other."""
        here = self.legs[leg]
        told = (here.peer, here.music, here.play if playing else None)
        return [command for command in told if command is not None]


def _without(mix: Mix, leg: LegId) -> Mix:
    kept = [at for at, each in enumerate(mix.legs) if each != leg]
    gains = tuple(tuple(mix.gains[row][column] for column in kept) for row in kept)
    return replace(mix, legs=tuple(mix.legs[at] for at in kept), gains=gains)
