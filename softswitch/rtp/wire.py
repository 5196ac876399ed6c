"""Commands and reports as bytes: four bytes of length, then one JSON object. Used by both ends of the Unix socket.

Decoding is strict: a known type, exactly its fields, each of its declared type; nothing is converted on the way and no
code is ever run (that is why this is not pickle).
"""

import json
from collections.abc import Iterator

import msgspec
import numpy as np

from softswitch.errors import OurError
from softswitch.rtp.commands import Command
from softswitch.rtp.reports import Report

MAX_FRAME = 1 << 20
"""Longest body; an AskStats for 2,000 legs has 50 kB."""
_LENGTH_BYTES = 4

_LONGEST_REASON = 200
"""Characters; what was sent stands in some of them."""


def _scalar(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form on the wire")


_ENCODER = msgspec.json.Encoder(enc_hook=_scalar)
_COMMANDS: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_REPORTS: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


class WireError(OurError):
    """Bytes on the Unix socket that are no command or report."""


def encode(value: Command | Report) -> bytes:
    """One frame, length included. A field that has its default is left out: of most, nothing else is to be told."""
    try:
        body = _ENCODER.encode(value)
    except UnicodeEncodeError:  # bytes of a peer that are no UTF-8
        body = json.dumps(msgspec.to_builtins(value), ensure_ascii=False).encode("utf-8", "replace")
    if len(body) > MAX_FRAME:
        raise WireError(f"{type(value).__name__} takes {len(body)} bytes; at most {MAX_FRAME} are allowed")
    return len(body).to_bytes(_LENGTH_BYTES) + body


class FrameReader:
    """Cuts a byte stream into bodies; holds at most one frame and what one read brought."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every body that is complete with `data`, to be read to the end; raises WireError on an announced length over
        `MAX_FRAME`."""
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while (begin := at + _LENGTH_BYTES) <= size:
            length = int.from_bytes(data[at:begin])
            if length > MAX_FRAME:
                raise WireError(f"a frame of {length} bytes was announced")
            if begin + length > size:
                break
            at = begin + length
            yield data[begin:at]
        self._rest = data[at:]


def decode_command(body: bytes) -> Command:
    try:
        return _COMMANDS.decode(body)
    except _UNREADABLE as error:
        raise WireError(str(error)[:_LONGEST_REASON]) from error


def decode_report(body: bytes) -> Report:
    try:
        return _REPORTS.decode(body)
    except _UNREADABLE as error:
        raise WireError(str(error)[:_LONGEST_REASON]) from error
