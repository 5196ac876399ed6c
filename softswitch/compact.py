"""JSON without blanks, for rows and frames: one encoder for all.

In C by msgspec, which writes values (`value.py`) as they stand, without what has its default, and reads them typed. What
that has no form for takes Python's own way: keys that are no text, and text that is no Unicode. What came from a peer in
bytes that are no UTF-8, a name in Latin-1, is half a surrogate pair in memory; no database takes it but as an escape.
"""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")
_HALVES = re.compile("[\ud800-\udfff]")


def encoder(*, default: Callable[[Any], Any] | None = None) -> Callable[[Any], str]:
    """Of values, which hold no circle; `default` makes one of any other."""
    encode = msgspec.json.Encoder(enc_hook=default).encode

    def compacted(value: Any) -> str:
        try:
            return encode(value).decode()
        except (TypeError, ValueError, OverflowError):
            plain = msgspec.to_builtins(value, builtin_types=(), enc_hook=default)
            text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False, default=default)
            return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)

    return compacted


def decoder(kind: type[Kind], *, made: Callable[[type, Any], Any] | None = None) -> Callable[[str], Kind]:
    """Of JSON that must be of `kind`; `made` reads what msgspec has no form for. What it gives raises ValueError."""
    decode = msgspec.json.Decoder(kind, dec_hook=made).decode

    def decoded(text: str) -> Kind:
        try:
            try:
                return decode(text)
            except ValueError:  # half a surrogate pair is none of its letters
                return msgspec.convert(json.loads(text), kind, dec_hook=made)
        except RecursionError as error:
            raise ValueError("JSON that is nested too deep") from error

    return decoded


compact = encoder()
