"""The calls of a phone as the dialogs of RFC 4235, for busy lamps: made of `call/lines`, one line one dialog.

The other side's name, and the tags by which a ringing phone's call can be picked up (RFC 3891), stand in the form for
those who may see them.
"""

from collections.abc import Iterator, Mapping

from softswitch.call.call import Call
from softswitch.call.lines import Line, Lines
from softswitch.call.services import Services
from softswitch.ids import CallId, LegId
from softswitch.sip.dialog_info import DialogStateName, WatchedDialog, item
from softswitch.sip.resource_state import Item

Items = Iterator[tuple[str, Item]]


class WatchedLines:
    def __init__(self, services: Services, calls: Mapping[CallId, Call]) -> None:
        self._services = services
        self._calls = calls

    def items(self, endpoint: str) -> Items:
        """Its calls now."""
        lines: Lines = self._services.lines
        for line in lines.of(f"endpoint:{endpoint}"):
            yield line.leg, self.item(line)

    def item(self, line: Line, *, over: bool = False) -> Item:
        state: DialogStateName = "trying"
        if over:
            state = "terminated"
        elif line.talking:
            state = "confirmed"
        elif line.ringing:
            state = "early"
        remote, display = self._other(line)
        call_id, ours, theirs = self._tags(line)
        return item(
            WatchedDialog(
                id=line.leg,
                state=state,
                user=line.party.partition(":")[2],
                direction="initiator" if line.incoming else "recipient",
                remote=remote,
                remote_display=display,
                call_id=call_id,
                local_tag=theirs,
                remote_tag=ours,
            )
        )

    def _other(self, line: Line) -> tuple[str, str]:
        call = self._calls.get(line.call)
        if call is None:
            return "", ""
        return (call.dnis, "") if line.leg == call.caller.id else (call.ani, call.ani_name)

    def _tags(self, line: Line) -> tuple[str, str, str]:
        """Call-ID, our tag and the phone's, where its dialog is known."""
        leg = self._services.legs.get(LegId(line.leg))
        session = (leg.session if leg is not None else None) or line.session
        dialog = session.dialog if session is not None else None
        if dialog is None:
            return "", "", ""
        return dialog.state.call_id, dialog.state.local_tag, dialog.state.remote_tag
