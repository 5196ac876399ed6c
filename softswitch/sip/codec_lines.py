"""The formats of an audio m-line: payload types, `rtpmap` and `fmtp` of codecs, telephone-event and comfort noise.

Names are compared without regard to case, together with clock and channels; static payload types of RFC 3551 need no
`rtpmap`. Of several telephone-events (RFC 4733) the one of 8,000 ticks is taken, whatever the audio's clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from softswitch.codec import CODECS, Codec
from softswitch.sip.sdp import Line, MediaDescription, RtpMap

EVENT: Final = "telephone-event"
COMFORT_NOISE: Final = "CN"
EVENT_PAYLOAD_TYPE: Final = 101
COMFORT_NOISE_TYPE: Final = 13
CLOCK: Final = 8000
"""Of telephone-event and comfort noise."""
WITH_COMFORT_NOISE: Final = frozenset({"PCMU", "PCMA", "G722"})
"""The others have a silence of their own (RFC 3389 section 2)."""

_USUAL = {"opus": 111, "L16": 97, EVENT: EVENT_PAYLOAD_TYPE, COMFORT_NOISE: COMFORT_NOISE_TYPE}
_FORMATS_REMEMBERED = 8
"""Different m-lines over the same attributes."""
_LONGEST_REMEMBERED = 512
"""Characters of payload types; an m-line may be as long as a message."""
_FIRST_DYNAMIC, _END = 96, 128
_OURS = {"opus": "useinbandfec=1", "G729": "annexb=no", EVENT: "0-15"}
"""What our own `fmtp` says. G.729 without Annex B: its silence frames are not decoded here (RFC 4856 section 2.1.9)."""

_STATIC = {
    codec.payload_type: RtpMap(codec.name, codec.clock, codec.channels)
    for codec in CODECS.values()
    if codec.payload_type is not None
} | {COMFORT_NOISE_TYPE: RtpMap(COMFORT_NOISE, CLOCK)}
_BY_NAME = {(codec.name.lower(), codec.clock, codec.channels): codec for codec in CODECS.values()}


@dataclass(slots=True)
class Formats:
    """What the formats of an m-line stand for; one for all descriptions with the same lines. For reading only."""

    encodings: Mapping[int, RtpMap]
    """Each payload type with its encoding, in order; those nobody explains are left out."""
    codecs: Mapping[int, Codec]
    """The payload types that are codecs we know."""
    numbers: Mapping[str, int]
    """Encodings at 8,000 ticks by their names in lower case, the first of each."""
    terms: dict[tuple[int, int], Any] = field(default_factory=dict)
    """What `offer_answer` has read of the other lines, for a payload type and a packet time."""


def formats(media: MediaDescription) -> Formats:
    known = media.lines.known
    found: Formats | None = known.get(media.formats)
    if found is None:
        found = _formats(media)
        if len(known) < _FORMATS_REMEMBERED and sum(map(len, media.formats)) <= _LONGEST_REMEMBERED:
            known[media.formats] = found
    return found


def _formats(media: MediaDescription) -> Formats:
    named = media.rtpmaps
    encodings: dict[int, RtpMap] = {}
    codecs: dict[int, Codec] = {}
    numbers: dict[str, int] = {}
    for number in media.payload_types:
        rtpmap = named.get(number) or _STATIC.get(number)
        if rtpmap is None or number in encodings:
            continue
        encodings[number] = rtpmap
        name = rtpmap.encoding.lower()
        codec = _BY_NAME.get((name, rtpmap.clock, rtpmap.channels))
        if codec is not None:
            codecs[number] = codec
        if rtpmap.clock == CLOCK:
            numbers.setdefault(name, number)
    return Formats(encodings, codecs, numbers)


def codecs(media: MediaDescription) -> Mapping[int, Codec]:
    """The payload types that are codecs we know."""
    return formats(media).codecs


def payload_type_of(media: MediaDescription, encoding: str) -> int | None:
    """Of telephone-event or comfort noise at 8,000 ticks."""
    return formats(media).numbers.get(encoding.lower())


def parameters_of(media: MediaDescription, payload_type: int) -> str:
    """What the first `a=fmtp` of a payload type says, empty when there is none."""
    for value in media.attributes("fmtp"):
        number, _, rest = value.partition(" ")
        if number == str(payload_type):
            return rest.strip(" ")
    return ""


def numbered(encodings: Iterable[str], used: Mapping[str, int]) -> Mapping[str, int]:
    """A payload type for each encoding of an offer: the one it has in this session (`used`, RFC 3264 section 8.3.2), else
    its static or usual one, else the next that is free."""
    return _numbered(tuple(encodings), tuple(used.items()))


@lru_cache(maxsize=128)
def _numbered(encodings: tuple[str, ...], before: tuple[tuple[str, int], ...]) -> Mapping[str, int]:
    used = dict(before)
    given: dict[str, int] = {}
    taken = set(used.values())
    for encoding in encodings:
        number = used.get(encoding)
        if number is None:
            static = CODECS[encoding].payload_type if encoding in CODECS else None
            usual = _USUAL[encoding] if static is None else static
            free = (each for each in range(_FIRST_DYNAMIC, _END) if each not in taken)
            number = usual if usual not in taken else next(free)
        given[encoding] = number
        taken.add(number)
    return given


def lines_of(given: Mapping[str, int]) -> list[Line]:
    """`rtpmap` and `fmtp` of an m-line of ours: first the codecs, then the rest."""
    lines: list[Line] = []
    for encoding, number in given.items():
        codec = CODECS.get(encoding)
        clock = CLOCK if codec is None else codec.clock
        channels = f"/{codec.channels}" if codec is not None and codec.channels > 1 else ""
        lines.append(Line("a", f"rtpmap:{number} {encoding}/{clock}{channels}"))
        if encoding in _OURS:
            lines.append(Line("a", f"fmtp:{number} {_OURS[encoding]}"))
    return lines
