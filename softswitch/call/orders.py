"""What people in charge, feature keys and supervisors want of a talk that is under way; each reaches its call's mailbox."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.config.target import Target
from softswitch.ids import LegId, QueueName

if TYPE_CHECKING:
    from softswitch.call.call import Call
    from softswitch.call.joining import Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOrdered:
    """Put the far side of `by` through to `target`, and let `by` go."""

    target: Target
    by: LegId
    dialled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultOrdered:
    """Ring `target` for `by`, while the far side hears music."""

    target: Target
    by: LegId
    dialled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferOrdered:
    """As `TransferOrdered`, but `by` stays until somebody answers, and gets the far side back when nobody does."""

    target: Target
    by: LegId
    dialled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinOrdered:
    """Put the far side of `by` through to somebody whom `by` had in another call, and who is this call's already."""

    by: LegId
    taken: "Taken"
    ending: "Call"
    """That other call; it waits until this one is written down with whom it has taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceOrdered:
    """The caller of another call takes the place of `leg`, one of the two."""

    leg: LegId
    by: "Call"


@dataclass(frozen=True, slots=True)
class PickedUp:
    """The caller of another call answers in place of whoever rings for this one."""

    by: "Call"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkOrdered:
    """Park the far side of `by`, and let `by` go."""

    by: LegId
    place: int = 0
    """Reserved already; 0: the next free one, which `by` is told."""


@dataclass(frozen=True, slots=True)
class CompleteOrdered:
    """The consulting party leaves the other two together."""


@dataclass(frozen=True, slots=True)
class ReturnOrdered:
    """Back from the consultation; the third party is hung up."""


@dataclass(frozen=True, slots=True)
class ThreeWayOrdered:
    """All three talk."""


@dataclass(frozen=True, slots=True)
class TakeOverOrdered:
    """A supervisor becomes the serving party."""

    supervision: str


@dataclass(frozen=True, slots=True)
class PickupOrdered:
    """Whoever waits, is parked or hears it ring is to be put through to this phone instead."""

    extension: str


@dataclass(frozen=True, slots=True)
class MoveOrdered:
    """Whoever waits is to wait in another queue, as old as he is."""

    queue: QueueName


@dataclass(frozen=True, slots=True)
class PriorityOrdered:
    """Whoever waits has another priority from now on."""

    priority: int


@dataclass(frozen=True, slots=True)
class RemovedFromConference:
    """A moderator wants him out."""


Order = (
    TransferOrdered
    | ReferOrdered
    | JoinOrdered
    | ReplaceOrdered
    | PickedUp
    | ParkOrdered
    | ConsultOrdered
    | CompleteOrdered
    | ReturnOrdered
    | ThreeWayOrdered
    | TakeOverOrdered
    | PickupOrdered
    | MoveOrdered
    | PriorityOrdered
    | RemovedFromConference
)
