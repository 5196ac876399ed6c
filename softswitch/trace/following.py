"""Which messages somebody who follows live wants to see. One message of a call that matches brings all of that call."""

from dataclasses import dataclass

from softswitch.trace.memory import Dialogue, Recorded
from softswitch.trace.reading import told

MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Empty means any; all that is given must fit."""

    call: str = ""
    """Our id of a call, or a SIP Call-ID."""
    number: str = ""
    """Part of a number in the request line, From, To or P-Asserted-Identity."""
    peer: str = ""
    """`trunk:NAME`, `endpoint:NAME`, a bare name, or an address."""
    method: str = ""
    """Requests of this method and their responses."""


class Following:
    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._matched: dict[str, None] = {}
        """Calls, and Call-IDs of what is no call, one message of which had the number."""

    def wants(self, dialogue: Dialogue, record: Recorded) -> bool:
        wanted = self._wanted
        call_id = dialogue.call_id.decode("utf-8", "replace")
        if wanted.call and wanted.call not in (dialogue.call, call_id):
            return False
        if wanted.peer and not self._is_peer(dialogue, record):
            return False
        if not wanted.number and not wanted.method:
            return True
        says = told(record[2])
        if wanted.method and says.method != wanted.method.upper():
            return False
        return not wanted.number or self._has_number(dialogue.call or call_id, says.numbers)

    def _is_peer(self, dialogue: Dialogue, record: Recorded) -> bool:
        peer = self._wanted.peer
        return peer in (
            dialogue.party,
            dialogue.party.partition(":")[2],
            record[3].address,
            f"{record[3].address}:{record[3].port}",
        )

    def _has_number(self, key: str, numbers: tuple[str, ...]) -> bool:
        if key in self._matched:
            return True
        if not any(self._wanted.number in number for number in numbers):
            return False
        if len(self._matched) >= MOST_REMEMBERED:
            self._matched.pop(next(iter(self._matched)))
        self._matched[key] = None
        return True
