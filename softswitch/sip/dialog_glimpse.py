"""Which dialog a request belongs to, seen without parsing it: for when strangers are not heard at all.

A phone that has changed its address in the middle of a call is a stranger there, and its BYE must be heard all the same.
What is found here is only a reason to parse the message, never what it is served by.
"""

import re

_LOOKED_AT = 4096
_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([!-~]+)", re.IGNORECASE)
_TO_TAG = re.compile(rb"\r\n(?:to|t)[ \t]*:[^\r\n]*;[ \t]*tag[ \t]*=[ \t]*([^\s;,]+)", re.IGNORECASE)


def dialog_named_in(data: bytes) -> tuple[str, str] | None:
    """Call-ID and To-tag; None where there is one of them only."""
    head = data[:_LOOKED_AT]
    tag = _TO_TAG.search(head)
    call_id = _CALL_ID.search(head) if tag is not None else None
    if tag is None or call_id is None:
        return None
    return call_id[1].decode("ascii"), tag[1].decode("utf-8", "surrogateescape")
