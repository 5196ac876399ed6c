"""Who hears whom, as a pure value: roles of the parties of one talk or conference to a matrix of gains.

Listen, whisper, barge and mute are nothing but such matrices. Owns the rule of each pair of roles; which command carries a
matrix out is for `hearing.py`.
"""

from collections.abc import Sequence
from enum import StrEnum

from softswitch.ids import LegId
from softswitch.value import value


class Role(StrEnum):
    PARTY = "party"
    """Somebody whose talk it is: a caller, a third party, a member of a conference."""
    AGENT = "agent"
    """The party that serves: the only one to whom is whispered."""
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    """A supervisor who takes part."""


TALKING = frozenset({Role.PARTY, Role.AGENT, Role.BARGE})
"""Those whom everybody hears."""
SUPERVISING = frozenset({Role.LISTEN, Role.WHISPER, Role.BARGE})


@value
class Member:
    leg: LegId
    role: Role = Role.PARTY
    muted: bool = False
    """Heard by nobody."""
    away: bool = False
    """On hold, or consulting somebody else: hears nobody and is heard by nobody."""


Gains = tuple[tuple[float, ...], ...]


def hears(listener: Member, speaker: Member) -> bool:
    """The rule: nobody hears himself, who is away or muted; a whisper reaches agents alone."""
    if listener.leg == speaker.leg or speaker.muted or speaker.away or listener.away:
        return False
    return speaker.role in TALKING or (speaker.role is Role.WHISPER and listener.role is Role.AGENT)


def gains(members: Sequence[Member]) -> Gains:
    """`gains[listener][speaker]` in the order of `members`, as `rtp.commands.Mix` takes them."""
    return tuple(
        tuple(1.0 if hears(listener, speaker) else 0.0 for speaker in members) for listener in members
    )


def pair(members: Sequence[Member]) -> tuple[LegId, LegId] | None:
    """The two who hear each other and nobody else, when that is all there is to hear."""
    present = [member for member in members if not member.away]
    if len(present) != 2:
        return None
    one, other = present
    if one.muted or other.muted or one.role not in TALKING or other.role not in TALKING:
        return None
    return one.leg, other.leg


def heard_by(members: Sequence[Member], leg: LegId) -> frozenset[LegId]:
    """Legs that this one hears."""
    listener = next(member for member in members if member.leg == leg)
    return frozenset(speaker.leg for speaker in members if hears(listener, speaker))
