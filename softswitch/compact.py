"""JSON without blanks, for rows and frames: one encoder for all.

In C by msgspec, which writes values (`value.py`) as they stand, without what has its default. What that has no form for
takes Python's own encoder: keys that are no text, and text of a peer that is no Unicode, which is mended.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec


def encoder(*, default: Callable[[Any], Any] | None = None) -> Callable[[Any], str]:
    """Of values, which hold no circle; `default` makes one of any other."""
    encode = msgspec.json.Encoder(enc_hook=default).encode

    def compacted(value: Any) -> str:
        try:
            return encode(value).decode()
        except (TypeError, ValueError, OverflowError):
            plain = msgspec.to_builtins(value, builtin_types=(), enc_hook=default)
            text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False, default=default)
            return text.encode("utf-8", "replace").decode()

    return compacted


compact = encoder()
