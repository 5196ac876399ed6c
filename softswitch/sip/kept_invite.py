"""What of an INVITE is of use after its answer, and so has to outlive the process: whoever is called for its caller later
is told of it (Max-Forwards of RFC 3261 section 8.1.1.6, History-Info of RFC 7044, Diversion of RFC 5806, what a
configuration passes on or has flows read).

Left out are the headers of its dialog and transaction, which are kept elsewhere, and its credentials, which are kept
nowhere. A header is kept whole or not at all: half a list would tell something else.
"""

from typing import Final

from softswitch.config.trunk_formats import OURS
from softswitch.sip.dialog import DialogState
from softswitch.sip.grammar import is_unsafe
from softswitch.sip.headers import Headers
from softswitch.sip.message import Request

MOST_BYTES: Final = 16_384
"""As many as are ever passed on (`call/trunk_headers`)."""
_LEFT_OUT: Final = OURS - {"max-forwards"}

Kept = tuple[tuple[str, str], ...]


def kept_of(request: Request | None) -> Kept:
    """Folded long names and values, by names in order; those that stand first come first where not all have room."""
    if request is None:
        return ()
    headers, left, kept = request.headers, MOST_BYTES, []
    for key in dict.fromkeys(headers.keys):
        if key in _LEFT_OUT:
            continue
        values = headers.get_all(key)
        size = sum(map(len, values)) + len(key) * len(values)
        if size <= left and all(map(_can_be_kept, values)):
            left -= size
            kept += [(key, value) for value in values]
    return tuple(kept)


def _can_be_kept(value: str) -> bool:
    """It is Unicode, and none that would be refused when it is read again."""
    if is_unsafe(value):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def invite_of(kept: Kept, dialog: DialogState) -> Request | None:
    """An INVITE with no more than that; None when nothing is known of it. Raises ValueError."""
    return Request("INVITE", dialog.remote_target, Headers(kept)) if kept else None
