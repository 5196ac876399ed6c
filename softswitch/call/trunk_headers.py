"""Headers of a calling party's INVITE that a trunk gets too, and those its configuration adds. Pure.

What is passed on is never parsed, only bounded: a STIR/SHAKEN `Identity` (RFC 8224) stays as it was signed, or is left out
as a whole when it is larger than any signature. Headers of our own dialog are never taken from anybody.
"""

from collections.abc import Iterator

from softswitch.config.trunk_formats import OURS
from softswitch.config.trunks import Trunk
from softswitch.sip.message import Request

MAX_PASSED_BYTES = 16_384
"""Of all headers passed on; a header that would exceed it is left out."""
MAX_PASSED = 16


def trunk_headers(trunk: Trunk, received: Request | None) -> tuple[tuple[str, str], ...]:
    """Those passed on, then those added."""
    passed = tuple(_passed(trunk, received)) if received is not None and trunk.headers_pass else ()
    return (*passed, *trunk.headers_add.items())


def _passed(trunk: Trunk, received: Request) -> Iterator[tuple[str, str]]:
    left, count = MAX_PASSED_BYTES, 0
    added = {name.lower() for name in trunk.headers_add}
    for name in trunk.headers_pass:
        if name.lower() in OURS or name.lower() in added:
            continue
        for value in received.headers.get_all(name):
            left -= len(name) + len(value) + 4
            count += 1
            if left < 0 or count > MAX_PASSED:
                return
            yield name, value
