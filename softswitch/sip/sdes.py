"""Keys of SRTP in SDP: the `a=crypto` lines of RFC 4568, with the suites of RFC 7714.

Owns how a line is read and written, which offered line is taken, and whether an answer's line fits what was offered.
A line that cannot be used is passed over, as section 5.1.2 asks: an unknown suite, several keys or an MKI (section 6.1
wants it for several keys only, and it would travel in every packet), and session parameters other than the replay
window, because each of them takes protection away or changes the keys. So nothing weaker is ever agreed on.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from softswitch.sip.sdp import Line, MediaDescription, SdpError
from softswitch.srtp_key import SUITES, SrtpKey

CLEAR: Final = "RTP/AVP"
SECURE: Final = "RTP/SAVP"

_LINE = re.compile(
    r"([0-9]{1,9}) +([A-Za-z0-9_]{1,40}) +(?i:inline):([A-Za-z0-9+/]{1,128})={0,2}"
    r"(?:\|(2\^[0-9]{1,2}|[1-9][0-9]{0,15}))?((?: +[^ ]{1,60}){0,8}) *"
)
_WINDOW = re.compile(r"WSH=([0-9]{2,5})")
_LONGEST_LIFE: Final = 1 << 48
"""Packets that one key may protect (RFC 3711 section 9.2)."""
_LEAST_WINDOW: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """What we bring to an offer or answer that may be, or must be, encrypted."""

    keys: tuple[SrtpKey, ...]
    """Ours, one for each suite, best first; as fresh as the session."""
    mandatory: bool
    """Nothing is offered, answered or accepted in clear."""
    protocol: str = CLEAR
    """Profile of our own offers. RTP/AVP with keys is understood by phones that encrypt and by those that do not, in
    one INVITE; RTP/SAVP would be refused by the latter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crypto:
    """One line. `str` is the line with its key, for SDP only; `repr` keeps the key to itself."""

    tag: int
    key: SrtpKey

    @classmethod
    def parse(cls, value: str) -> "Crypto | None":
        """None: a line that cannot be used."""
        match = _LINE.fullmatch(value)
        if match is None:
            return None
        tag, suite, text, life, parameters = match.groups()
        key = _read_key(suite.upper(), text)
        if key is None or not _life_is_good(life) or not all(map(_is_harmless, parameters.split())):
            return None
        return cls(tag=int(tag), key=key)

    def __str__(self) -> str:
        return f"{self.tag} {self.key.suite} inline:{self.key.key}"


def fresh_keys(suites: tuple[str, ...], entropy: Callable[[int], bytes]) -> tuple[SrtpKey, ...]:
    """A new master key and salt for each suite."""
    return tuple(
        SrtpKey(suite=suite, key=base64.b64encode(entropy(SUITES[suite])).decode()) for suite in suites
    )


def offer_lines(encryption: Encryption) -> list[Line]:
    """`a=crypto` for each of our keys, tagged 1, 2, 3 …"""
    cryptos = (Crypto(tag=tag, key=key) for tag, key in enumerate(encryption.keys, start=1))
    return [Line("a", f"crypto:{crypto}") for crypto in cryptos]


def usable(media: MediaDescription) -> list[Crypto]:
    """The lines of a stream that can be used, in the peer's order."""
    found: dict[int, Crypto] = {}
    for value in media.attributes("crypto"):
        crypto = Crypto.parse(value)
        if crypto is not None:
            found.setdefault(crypto.tag, crypto)
    return list(found.values())


def answer_to(media: MediaDescription, encryption: Encryption) -> tuple[Crypto, Crypto] | None:
    """The offerer's first line that we can serve, and ours under the same tag (section 5.1.2)."""
    ours = {key.suite: key for key in encryption.keys}
    for theirs in usable(media):
        if (key := ours.get(theirs.key.suite)) is not None:
            return theirs, Crypto(tag=theirs.tag, key=key)
    return None


def agreed(offered: MediaDescription, answered: MediaDescription) -> tuple[SrtpKey, SrtpKey] | None:
    """The peer's key and ours after its answer, None when it answered without (section 5.1.3); raises SdpError when what
    it chose was not offered."""
    if not answered.has("crypto"):
        return None
    ours = {crypto.tag: crypto.key for crypto in usable(offered)}
    theirs = usable(answered)
    key = ours.get(theirs[0].tag) if len(theirs) == 1 else None
    if key is None or key.suite != theirs[0].key.suite:
        raise SdpError("an answer with keys that were not asked for", sip_status=488)
    return theirs[0].key, key


def _read_key(suite: str, text: str) -> SrtpKey | None:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    if len(data) != SUITES.get(suite):
        return None
    return SrtpKey(suite=suite, key=base64.b64encode(data).decode())


def _life_is_good(life: str | None) -> bool:
    if life is None:
        return True
    packets = 1 << int(life[2:]) if life.startswith("2^") else int(life)
    return packets <= _LONGEST_LIFE


def _is_harmless(parameter: str) -> bool:
    """One marked with `-` may be passed over (section 6.3.7); of the others only a window we satisfy."""
    window = _WINDOW.fullmatch(parameter)
    return parameter.startswith("-") or (window is not None and int(window[1]) >= _LEAST_WINDOW)
