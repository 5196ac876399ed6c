"""A description of ours without its SRTP keys, for what outlives the process, and with the agreed one put back.

RFC 4568 section 6.1. A line whose key nobody knows any more is left out; then the description is another one, and its
version says so (RFC 3264 section 8).
"""

import re
from dataclasses import replace

from softswitch.sip.sdp import Line, Lines, MediaDescription, SessionDescription
from softswitch.srtp_key import SrtpKey

_KEY = re.compile(r"\binline:[^ |\r\n]*")
_MASKED = "inline:"


def masked(description: SessionDescription) -> str:
    """As text, without a key."""
    text = description.serialize().decode("utf-8", "surrogateescape")
    return _KEY.sub(_MASKED, text) if _MASKED in text else text


def unmasked(text: str, key: SrtpKey | None) -> SessionDescription:
    """`key` is ours that was agreed on; None: nobody knows it. Raises SdpError."""
    description = SessionDescription.parse(text.encode("utf-8", "surrogateescape"))
    media = tuple(_with_key(each, key) for each in description.media)
    if sum(map(_lines, media)) == sum(map(_lines, description.media)):
        return replace(description, media=media)
    before = description.origin
    version = int(before.version) + 1 if before.version.isascii() and before.version.isdigit() else 1
    return replace(description, media=media).with_origin(replace(before, version=str(version)))


def _lines(media: MediaDescription) -> int:
    return len(tuple(media.lines))


def _with_key(media: MediaDescription, key: SrtpKey | None) -> MediaDescription:
    if not media.has("crypto"):
        return media
    kept: list[Line] = []
    for line in media.lines:
        if line.type == "a" and line.value.startswith("crypto:"):
            if key is None or line.value.split(" ")[1:2] != [key.suite]:
                continue
            line = Line("a", _KEY.sub(_MASKED + key.key, line.value))
        kept.append(line)
    return replace(media, lines=Lines(kept))
