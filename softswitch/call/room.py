"""What every stage is handed beside the call: the queue dispatcher and the recordings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.call.dispatcher import Dispatcher
    from softswitch.call.recordings import Recordings


@dataclass(frozen=True, slots=True)
class Room:
    dispatcher: "Dispatcher"
    recordings: "Recordings"
