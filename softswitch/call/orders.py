"""What people in charge, feature keys and supervisors want of a talk that is under way; each reaches its call's mailbox."""

from dataclasses import dataclass

from softswitch.config.target import Target
from softswitch.ids import LegId


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
class RemovedFromConference:
    """A moderator wants him out."""


Order = (
    TransferOrdered
    | ConsultOrdered
    | CompleteOrdered
    | ReturnOrdered
    | ThreeWayOrdered
    | TakeOverOrdered
    | RemovedFromConference
)
