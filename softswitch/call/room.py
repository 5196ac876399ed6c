"""What every stage is handed beside the call: queues, recordings, talks under way, supervisors and conferences."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from softswitch.ids import CallId

if TYPE_CHECKING:
    from softswitch.call.call import Call
    from softswitch.call.conference import Conferences
    from softswitch.call.conversation import Conversation
    from softswitch.call.dispatcher import Dispatcher
    from softswitch.call.gate import Gate
    from softswitch.call.recordings import Recordings
    from softswitch.call.supervisions import Supervisions


@dataclass(frozen=True, slots=True)
class Room:
    dispatcher: "Dispatcher"
    recordings: "Recordings"
    supervisions: "Supervisions"
    conferences: "Conferences"
    gate: "Gate"
    """Who may do what by phone."""
    talks: "dict[CallId, Conversation]" = field(default_factory=dict)
    """Calls in which people talk now."""
    calls: "dict[CallId, Call]" = field(default_factory=dict)
    """Every live call."""
    parked: "dict[int, Call]" = field(default_factory=dict)
    """Who is parked where."""
