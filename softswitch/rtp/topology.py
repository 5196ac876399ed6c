"""Who hears whom, and how: relayed as it came, or as a sum.

A listener is relayed when it hears one speaker at gain 1 whose codec it takes (µ-law and A-law are one here: the relay
translates them by table), as long as no prompt is played over it; a speaker is relayed to one listener, first to one that
it hears itself. Everybody else hears a sum of `mixer.py`.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.codec import G711
from softswitch.ids import MixId
from softswitch.rtp.commands import Mix
from softswitch.rtp.group import F32, Group
from softswitch.rtp.leg import Leg
from softswitch.rtp.mixer import Mixer
from softswitch.rtp.playout import Playout
from softswitch.rtp.refusal import CommandError
from softswitch.rtp.reports import CommandRefused, Report
from softswitch.rtp.table import NOBODY, LegTable

LARGEST_GAIN: Final = 16.0
MAX_LEGS: Final = 200
"""Of one mix: the product of its gains has to fit well into a tick."""
_BRIDGE: Final[F32] = np.array(((0, 1), (1, 0)), np.float32)
_NOBODY_LEFT: Final[F32] = np.zeros((0, 0), np.float32)


class Topology:
    def __init__(
        self,
        table: LegTable,
        playout: Playout,
        mixer: Mixer,
        company: npt.NDArray[np.int32],
        report: Callable[[Report], None],
    ) -> None:
        """`company`: by slot, whom a leg talks with; kept up here."""
        self._table = table
        self._company = company
        self._playout = playout
        self._mixer = mixer
        self._report = report
        self._mixes: dict[MixId, Group] = {}

    def bridge(self, a: Leg, b: Leg, now: float) -> None:
        group = a.group
        if group is not None and group.id is None and group is b.group:
            return
        for leg in (a, b):
            if leg.group is not None:
                self.leave(leg, now)
            if leg.voice.play is not None:
                self._playout.stop_play(leg, now)
        group = Group(None, [a, b], _BRIDGE)
        a.group = b.group = group
        self._settle(group, now)
        self._tell_silent(group, "Bridge")

    def unbridge(self, leg: Leg, now: float) -> None:
        """End its bridge; a mix is changed by `Mix` only."""
        if leg.group is not None and leg.group.id is None:
            self.leave(leg, now)

    def leave(self, leg: Leg, now: float) -> None:
        """Out of its bridge, which ends, or out of its mix, which goes on without it."""
        group = leg.group
        if group is None:
            return
        going = group.legs if group.id is None else [leg]
        self._keep(group, [each for each in group.legs if each not in going])
        self._settle(group, now)
        for each in going:
            self._out(each, now)

    def mix(self, command: Mix, found: list[Leg | None], now: float) -> None:
        """`found`: the leg of each name, None where there is none; those are left out and told of."""
        gains = _gains(command)
        legs = [leg for leg in found if leg is not None]
        group = self._mixes.get(command.mix)
        if group is None:
            group = Group(command.mix, [], _NOBODY_LEFT)
        gone = [leg for leg in group.legs if leg not in legs]
        for leg in legs:
            if leg.group is not group:
                self.leave(leg, now)
            leg.group = group
        chosen = [at for at, leg in enumerate(found) if leg is not None]
        group.legs, group.gains = legs, gains[np.ix_(chosen, chosen)]
        self._mixes[command.mix] = group
        self._settle(group, now)
        for leg in gone:
            self._out(leg, now)
        self._tell_silent(group, "Mix")
        if len(legs) < len(found):
            missing = [name for name, leg in zip(command.legs, found, strict=True) if leg is None]
            raise CommandError(f"there is no such leg: {', '.join(missing)[:200]}; the others are mixed")

    def changed(self, leg: Leg, now: float) -> None:
        """Its codec, or what goes with it, was negotiated anew."""
        if leg.group is not None:
            self._settle(leg.group, now)
            self._tell_silent(leg.group, "SetPeer")

    def _keep(self, group: Group, legs: list[Leg]) -> None:
        if not legs:  # a bridge that ends, mostly: each call's
            group.legs, group.gains = [], _NOBODY_LEFT
            return
        chosen = [group.legs.index(leg) for leg in legs]
        group.legs, group.gains = legs, group.gains[np.ix_(chosen, chosen)]

    def _out(self, leg: Leg, now: float) -> None:
        leg.group = leg.keys_to = None
        leg.hears = leg.sole = leg.in_sum = False
        self._table.partner[leg.slot] = self._company[leg.slot] = NOBODY
        self._playout.refresh(leg, now)

    def _settle(self, group: Group, now: float) -> None:
        """Work out anew who is relayed to whom in a group; end one that is empty."""
        legs = group.legs
        if group.id is not None:
            self._choose(group)
            if not legs:
                self._mixes.pop(group.id, None)
        elif legs:
            self._pair(*legs)
        self._mixer.update(group, now)
        for leg in legs:
            self._playout.refresh(leg, now)

    def _pair(self, a: Leg, b: Leg) -> None:
        """The two of a bridge hear each other at gain 1. Each call has one: no matrix is asked for it."""
        relayed = takes(a, b)
        for leg, other in ((a, b), (b, a)):
            leg.hears, leg.sole, leg.keys_to = True, relayed, None if relayed else other
            self._table.partner[leg.slot] = other.slot if relayed else NOBODY
            self._company[leg.slot] = other.slot

    def _choose(self, group: Group) -> None:
        """Whom of a mix each leg is relayed."""
        legs, heard = group.legs, (group.gains != 0).tolist()
        hearing = group.gains.argmax(axis=0).tolist() if legs else []
        for at, (leg, row) in enumerate(zip(legs, heard, strict=True)):
            leg.hears, leg.sole, leg.keys_to = any(row), False, None
            self._table.partner[leg.slot] = NOBODY
            self._company[leg.slot] = legs[hearing[at]].slot if heard[hearing[at]][at] else NOBODY
        for listener, speaker in _relayed(group):
            legs[listener].sole = True
            self._table.partner[legs[speaker].slot] = legs[listener].slot
        if len(legs) == 2:
            for listener, speaker in ((0, 1), (1, 0)):
                if heard[listener][speaker] and not legs[listener].sole:
                    legs[speaker].keys_to = legs[listener]

    def _tell_silent(self, group: Group, command: str) -> None:
        for leg in group.legs:
            if leg.hears and not leg.sole and leg.why_silent:
                self._report(CommandRefused(command=command, problem=leg.why_silent, leg=leg.id))


def _relayed(group: Group) -> list[tuple[int, int]]:
    """Pairs of listener and speaker of a mix; no speaker occurs twice."""
    alone = np.flatnonzero((group.gains != 0).sum(axis=1) == 1)
    wanted = [(int(at), int(group.gains[at].argmax())) for at in alone]
    wanted = [
        (at, speaker)
        for at, speaker in wanted
        if group.gains[at, speaker] == 1 and takes(group.legs[at], group.legs[speaker])
    ]
    wanted.sort(key=lambda pair: group.gains[pair[1], pair[0]] == 0)
    return list({speaker: (at, speaker) for at, speaker in reversed(wanted)}.values())


def takes(listener: Leg, speaker: Leg) -> bool:
    """Whether the speaker's payloads can be sent to the listener as they are. A decoder of Opus takes every stream of it
    (RFC 7587 section 6.1: the parameters are wishes), and L16 has one rate here."""
    one, other = listener.codec.name, speaker.codec.name
    return one == other or (one in G711 and other in G711)


def _gains(command: Mix) -> F32:
    count = len(command.legs)
    if count > MAX_LEGS:
        raise CommandError(f"a mix has at most {MAX_LEGS} legs")
    if len(set(command.legs)) != count:
        raise CommandError("a leg is in a mix once")
    if len(command.gains) != count or any(len(row) != count for row in command.gains):
        raise CommandError("a mix takes one row of gains for each leg, and in it one gain for each")
    gains = np.array(command.gains, np.float32).reshape(count, count)
    if not ((gains >= 0) & (gains <= LARGEST_GAIN)).all() or np.diagonal(gains).any():
        raise CommandError(f"gains are 0 to {LARGEST_GAIN:g}, and nobody hears himself")
    return gains
