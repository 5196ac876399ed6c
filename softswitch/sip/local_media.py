"""What we say of ourselves in an offer or answer of RFC 3264: address, port and codecs, and the lines that tell of them.

Lines without keys are the same for nearly every call, and made once. What of it is said to whom is `offer_answer`'s.
"""

from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache

from softswitch.sip import codec_lines
from softswitch.sip.sdes import Encryption
from softswitch.sip.sdp import Head, Line, Lines, MediaDescription
from softswitch.value import value

LARGEST_PTIME_OF = {"L16": 10}
"""In milliseconds: 20 would be 640 bytes, more than the media workers take in a packet."""
_NO_NAME, _ALL_TIME = Line("s", "-"), Line("t", "0 0")


@value(tagged=False)
class LocalMedia:
    """Our side of an offer or answer."""

    address: str
    port: int
    codecs: tuple[str, ...]
    """Best first."""
    telephone_event: bool = True
    session_id: int
    version: int
    ptime_ms: int = 20
    comfort_noise: bool = False
    """Offer and answer comfort noise (RFC 3389)."""
    rtcp_mux: bool = False
    """Offer RTCP on the port of RTP (RFC 5761); it is answered in any case."""
    encryption: Encryption | None = None
    """None: encrypted profiles are refused."""
    payload_types: Mapping[str, int] = field(default_factory=dict)
    """Encodings that have a payload type in this session already."""


def session_lines(local: LocalMedia) -> Lines:
    """What stands above the m-lines."""
    family = "IP6" if ":" in local.address else "IP4"
    origin = f"- {local.session_id} {local.version} IN {family} {local.address}"
    return Head.of(origin, _own_lines(family, local.address))


@lru_cache(maxsize=128)
def _own_lines(family: str, address: str) -> Lines:
    """We have few addresses."""
    return Lines((_NO_NAME, Line("c", f"IN {family} {address}"), _ALL_TIME))


def audio(
    local: LocalMedia, given: Mapping[str, int], direction: str, protocol: str, extra: list[Line]
) -> MediaDescription:
    """The m-line of our audio and what stands below it; `given` are encodings and their payload types."""
    # Keys are of this call alone, and gone with it.
    keyed = bool(extra) and any(line.value.startswith("crypto:") for line in extra)
    make = _lines if keyed else _remembered_lines
    numbers, lines = make(tuple(given.items()), local.ptime_ms, direction, tuple(extra))
    return MediaDescription("audio", local.port, protocol, numbers, lines)


@lru_cache(maxsize=128)
def _remembered_lines(
    given: tuple[tuple[str, int], ...], ptime_ms: int, direction: str, extra: tuple[Line, ...]
) -> tuple[tuple[str, ...], Lines]:
    """Without keys the same for nearly every call."""
    return _lines(given, ptime_ms, direction, extra)


def _lines(
    given: tuple[tuple[str, int], ...], ptime_ms: int, direction: str, extra: tuple[Line, ...]
) -> tuple[tuple[str, ...], Lines]:
    """Formats of an m-line of ours, and what stands below it."""
    lines = codec_lines.lines_of(dict(given))
    largest = LARGEST_PTIME_OF.get(given[0][0]) if given else None
    lines.append(Line("a", f"ptime:{min(ptime_ms, largest or ptime_ms)}"))
    if largest is not None:
        lines.append(Line("a", f"maxptime:{largest}"))
    return tuple(str(number) for _, number in given), Lines([*lines, *extra, Line("a", direction)])
