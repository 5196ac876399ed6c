"""What of a caller's INVITE is of use after its answer, and so has to outlive the process: whoever is called for its caller
later is told of it (Max-Forwards of RFC 3261 section 8.1.1.6, History-Info of RFC 7044, Diversion of RFC 5806, what a
configuration passes on or has flows read).

Nothing else is kept: what nobody reads is no business of a file on a disk, and may prove who somebody is. Of an INVITE of
ours nothing is: nobody is called for whom we have called, and what a configuration adds to it may be a secret. A header is
kept whole or not at all: half a list would tell something else.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from softswitch.config.trunk_formats import OURS
from softswitch.sip.dialog import DialogState
from softswitch.sip.grammar import is_unsafe
from softswitch.sip.header_names import header_key
from softswitch.sip.headers import Headers
from softswitch.sip.message import Request

MOST_BYTES: Final = 16_384
"""As many as are ever passed on (`call/trunk_headers`)."""
MOST_HEADERS: Final = 64
"""Lines: more than are passed on, and a History-Info of one entry a line."""
ALWAYS: Final = ("max-forwards", "history-info", "diversion")
_NEVER: Final = OURS - set(ALWAYS)

Kept = tuple[tuple[str, str], ...]


def kept_of(request: Request | None, names: Iterable[str] = ()) -> Kept:
    """Folded long names and values, by names in order; those that stand first come first where not all have room.
    `names`: what a configuration reads beside those of `ALWAYS`."""
    if request is None:
        return ()
    wanted, headers, left = _wanted(frozenset(names)), request.headers, MOST_BYTES
    kept: list[tuple[str, str]] = []
    for key in dict.fromkeys(filter(wanted.__contains__, headers.keys)):
        values = headers.get_all(key)
        size = _size(key, values)
        if size is not None and size <= left and len(kept) + len(values) <= MOST_HEADERS:
            left -= size
            kept += [(key, value) for value in values]
    return tuple(kept)


@lru_cache(maxsize=16)
def _wanted(names: frozenset[str]) -> frozenset[str]:
    """One configuration names the same in each call."""
    return frozenset({*ALWAYS, *map(header_key, names)}) - _NEVER


def _size(key: str, values: list[str]) -> int | None:
    """Bytes; None when one is no Unicode, or would be refused when it is read again."""
    text = "".join(values)
    if is_unsafe(text):
        return None
    if text.isascii():
        return len(text) + len(key) * len(values)
    try:
        return len(text.encode()) + len(key.encode()) * len(values)
    except UnicodeEncodeError:
        return None


def invite_of(kept: Kept, dialog: DialogState) -> Request | None:
    """An INVITE with no more than that; None when nothing is known of it. Raises ValueError."""
    return Request("INVITE", dialog.remote_target, Headers(kept)) if kept else None
