"""JSON without blanks, for rows and frames: one encoder for all.

`json.dumps` makes an encoder for each text, and `JSONEncoder.encode` still makes its inner one each time: a row's worth of
JSON then costs twice as much.
"""

import json
import re
from collections.abc import Callable
from typing import Any


def encoder(*, default: Callable[[Any], Any] | None = None) -> Callable[[Any], str]:
    """Of plain values, which hold no circle; `default` makes one of any other."""
    form = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False, default=default)
    inner = getattr(json.encoder, "c_make_encoder", None)
    if inner is None:
        return form.encode
    quoted = json.encoder.encode_basestring
    pieces = inner(None, form.default, quoted, None, ":", ",", False, False, True)
    return lambda value: "".join(pieces(value, 0))


compact = encoder()

_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """JSON with the same values that is Unicode: what came as bytes that are no UTF-8, a display name in Latin-1, is half a
    surrogate pair in memory, and no database takes it but as an escape."""
    return text if text.isascii() else _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
