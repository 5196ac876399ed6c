"""What is known of one watched resource: items with the serial of their last change, and the bodies made of them.

A body is made once for each change and shared by all who watch: those who have seen the same serial get the same bytes.
What has ended is kept for a while, so that partial states can name it (RFC 4235 section 4.3, RFC 3680 section 5).
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

MOST_ENDED = 16
"""Ended items that are remembered; who has missed more gets the full state."""


class ResourceKey(NamedTuple):
    package: str
    """Event package: `dialog`."""
    name: str
    """What is watched, as the source of states calls it: `endpoint:1001`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One part of a state, in the two forms that watchers may see."""

    plain: bytes
    """Without who the others are."""
    detailed: bytes


@dataclass(slots=True)
class _Kept:
    item: Item
    serial: int
    live: bool


class ResourceState:
    """Holds nothing that is not watched; see `Notifier`."""

    __slots__ = ("_bodies", "_ended", "_forgotten", "_items", "serial")

    def __init__(self) -> None:
        self.serial = 0
        """Rises with each change."""
        self._items: dict[str, _Kept] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._forgotten = 0
        """Serial of the last ended item that is forgotten."""
        self._bodies: dict[tuple[int, bool], bytes] = {}

    @property
    def live(self) -> bool:
        """Something is going on."""
        return len(self._items) > len(self._ended)

    def put(self, key: str, item: Item) -> bool:
        """Begin or change an item; False when it is that already."""
        known = self._items.get(key)
        if known is not None and known.live and known.item == item:
            return False
        self._ended.pop(key, None)
        self._change(key, item, live=True)
        return True

    def end(self, key: str, item: Item) -> bool:
        """The item is over, as `item` says; False when it was over already."""
        known = self._items.get(key)
        if known is None or not known.live:
            return False
        self._change(key, item, live=False)
        self._ended[key] = None
        while len(self._ended) > MOST_ENDED:
            oldest = self._ended.popitem(last=False)[0]
            self._forgotten = max(self._forgotten, self._items.pop(oldest).serial)
        return True

    def _change(self, key: str, item: Item, *, live: bool) -> None:
        self.serial += 1
        self._items.pop(key, None)
        self._items[key] = _Kept(item, self.serial, live)
        self._bodies.clear()

    def live_keys(self) -> tuple[str, ...]:
        return tuple(key for key, kept in self._items.items() if kept.live)

    def full(self, *, detailed: bool) -> bytes:
        """All that is going on."""
        return self._body(-1, detailed)

    def since(self, serial: int, *, detailed: bool) -> bytes | None:
        """What has changed after `serial`; None when that is not known any more."""
        return self._body(serial, detailed) if serial >= self._forgotten else None

    def _body(self, since: int, detailed: bool) -> bytes:
        body = self._bodies.get((since, detailed))
        if body is None:
            chosen = [
                kept.item.detailed if detailed else kept.item.plain
                for kept in self._items.values()
                if (kept.live if since < 0 else kept.serial > since)
            ]
            body = self._bodies[since, detailed] = b"".join(chosen)
        return body
