"""The latest messages of every dialog, in memory: bounded in messages a dialog, in bytes and in age.

`record` is all that the way of a message through the switch pays: a tuple of references appended to a list. Sorting by
Call-ID happens later, in `settle`, for many at once. Dialogs of calls have a shelf of their own: whoever floods the
switch with requests that it never lets in pushes out their like and not the calls.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge

from softswitch.sip.source import Source
from softswitch.trace.reading import call_id_of

Recorded = tuple[float, bool, bytes, Source]
"""Wall time, whether we sent it, the bytes, the peer. A plain tuple: nothing is cheaper to make."""

PENDING = 256
"""So many are sorted at once."""
OVERHEAD = 200
"""Bytes that a message takes beside its own."""
OTHERS_SHARE = 4
"""One part in so many of the bytes is for dialogs that are no calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    messages: int
    """Of one dialog; 0 keeps none."""
    bytes: int
    """All together."""
    keep_s: float
    """Age, since its last message, at which a dialog that is over is forgotten."""


@dataclass(slots=True)
class Dialogue:
    """The messages of one Call-ID."""

    call_id: bytes
    call: str = ""
    """The call that it is a leg of; empty for registrations and the like."""
    leg: str = ""
    party: str = ""
    """`trunk:NAME` or `endpoint:NAME`, where it is known."""
    records: list[Recorded] = field(default_factory=list)
    bytes: int = 0
    last: float = 0.0
    left_out: int = 0
    """Messages from its middle that had to go."""

    def drop_from_middle(self, most: int) -> int:
        """The beginning stays, for that is what the rest is understood by. How many bytes that was."""
        gone = self.records.pop(most // 4)
        self.left_out += 1
        return len(gone[2]) + OVERHEAD


Listener = Callable[[Dialogue, Recorded], None]


class _Shelf:
    """Dialogues by Call-ID, the longest silent first."""

    def __init__(self) -> None:
        self.dialogues: OrderedDict[bytes, Dialogue] = OrderedDict()
        self.bytes = 0

    def put(self, dialogue: Dialogue) -> None:
        self.dialogues[dialogue.call_id] = dialogue
        self.bytes += dialogue.bytes + OVERHEAD

    def drop(self, dialogue: Dialogue) -> None:
        del self.dialogues[dialogue.call_id]
        self.bytes -= dialogue.bytes + OVERHEAD


class MessageMemory:
    """`alive` says of a call whether it is going on: its messages stay, however old."""

    def __init__(self, limits: Limits, *, wall: Callable[[], float], alive: Callable[[str], bool]) -> None:
        self.limits = limits
        self.listeners: list[Listener] = []
        """Told of each message when it is sorted in."""
        self._wall = wall
        self._alive = alive
        self._pending: list[Recorded] = []
        self._calls = _Shelf()
        self._others = _Shelf()
        self._of_call: dict[str, list[Dialogue]] = {}

    def record(self, outgoing: bool, data: bytes, peer: Source) -> None:
        """The hot path."""
        pending = self._pending
        pending.append((self._wall(), outgoing, data, peer))
        if len(pending) >= PENDING:
            self.settle()

    def link(self, call_id: str, *, call: str, leg: str, party: str) -> None:
        """This Call-ID is a leg of that call."""
        key = call_id.encode("utf-8", "surrogateescape")
        dialogue = self._others.dialogues.get(key)
        if dialogue is not None:
            self._others.drop(dialogue)
        else:
            dialogue = self._calls.dialogues.get(key) or Dialogue(key, last=self._wall())
        dialogue.call, dialogue.leg, dialogue.party = call, leg, party
        if key not in self._calls.dialogues:
            self._calls.put(dialogue)
            self._of_call.setdefault(call, []).append(dialogue)

    def settle(self) -> None:
        """Sort in what has been recorded."""
        pending, self._pending = self._pending, []
        calls, others, most, listeners = self._calls, self._others, self.limits.messages, self.listeners
        of_calls = calls.dialogues
        for record in pending:
            data = record[2]
            if data[:1] <= b" ":  # a keep-alive
                continue
            key = call_id_of(data)
            shelf, dialogue = calls, of_calls.get(key)
            if dialogue is None:
                shelf, dialogue = others, others.dialogues.get(key)
                if dialogue is None:
                    dialogue = Dialogue(key)
                    shelf.put(dialogue)
            records, more = dialogue.records, len(data) + OVERHEAD
            records.append(record)
            if len(records) > most:
                more -= dialogue.drop_from_middle(most)
            dialogue.last = record[0]
            dialogue.bytes += more
            shelf.bytes += more
            shelf.dialogues.move_to_end(key)
            for listener in listeners:
                listener(dialogue, record)
        if pending:
            self._bound(calls, self.limits.bytes - self.limits.bytes // OTHERS_SHARE)
            self._bound(others, self.limits.bytes // OTHERS_SHARE)

    def _bound(self, shelf: _Shelf, most: int) -> None:
        while shelf.bytes > most and shelf.dialogues:
            self._forget(shelf, next(iter(shelf.dialogues.values())))

    def sweep(self) -> None:
        """Sort in, and forget what is over and old."""
        self.settle()
        now = self._wall()
        for shelf in (self._calls, self._others):
            for _ in range(len(shelf.dialogues)):
                oldest = next(iter(shelf.dialogues.values()))
                if oldest.last > now - self.limits.keep_s:
                    break
                if oldest.call and self._alive(oldest.call):
                    oldest.last = now
                    shelf.dialogues.move_to_end(oldest.call_id)
                else:
                    self._forget(shelf, oldest)

    def _forget(self, shelf: _Shelf, dialogue: Dialogue) -> None:
        shelf.drop(dialogue)
        legs = self._of_call.get(dialogue.call)
        if legs is not None and dialogue in legs:
            legs.remove(dialogue)
            if not legs:
                del self._of_call[dialogue.call]

    # --- reading --------------------------------------------------------------------------------------------------------

    def of_call(self, call: str, also: Iterable[str] = ()) -> list[Dialogue]:
        """The legs of a call that are still known; `also`: Call-IDs that have become its legs later."""
        self.settle()
        found = list(self._of_call.get(call, ()))
        for call_id in also:
            dialogue = self.dialogue(call_id)
            if dialogue is not None and dialogue not in found:
                found.append(dialogue)
        return found

    def dialogue(self, call_id: str) -> Dialogue | None:
        self.settle()
        key = call_id.encode("utf-8", "surrogateescape")
        return self._calls.dialogues.get(key) or self._others.dialogues.get(key)

    @property
    def size(self) -> tuple[int, int]:
        """Dialogues and bytes kept, apart from what is to be sorted in yet."""
        shelves = (self._calls, self._others)
        return sum(len(shelf.dialogues) for shelf in shelves), sum(shelf.bytes for shelf in shelves)


def in_order(dialogues: Iterable[Dialogue]) -> Iterator[tuple[Dialogue, Recorded]]:
    """All their messages by time."""
    streams = [
        [(record[0], at, dialogue, record) for record in dialogue.records]
        for at, dialogue in enumerate(dialogues)
    ]
    for _, _, dialogue, record in merge(*streams, key=lambda entry: entry[:2]):
        yield dialogue, record
