"""One direction's key of SDES-SRTP (RFC 4568), between negotiation and the media worker. Never shown, never logged."""

from dataclasses import dataclass, field
from typing import Final

SUITES: Final = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
"""Crypto-suite of RFC 4568 and RFC 7714 to the bytes of its master key and salt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpKey:
    suite: str
    key: str = field(repr=False)
    """Base64 of master key and salt, as `inline:` has it."""
