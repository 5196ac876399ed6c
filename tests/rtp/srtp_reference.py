"""SRTP and SRTCP after RFC 3711 and RFC 7714, on the primitives of `cryptography`: the second opinion on libsrtp."""

import base64
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from softswitch.srtp_key import SrtpKey

_TAG = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}
_KEY_BYTES = {"AEAD_AES_256_GCM": 32}


def keystream(key: bytes, counter: int, size: int) -> bytes:
    """AES in counter mode over zeros (RFC 3711 section 4.1.1)."""
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter.to_bytes(16))).encryptor()
    return encryptor.update(bytes(size)) + encryptor.finalize()


def derive(master: bytes, salt: bytes, label: int, size: int) -> bytes:
    """RFC 3711 section 4.3.1 with a key derivation rate of zero; a salt of 12 bytes is that of RFC 7714 section 11."""
    x = int.from_bytes(salt.ljust(14, b"\0")) ^ (label << 48)
    return keystream(master, x << 16, size)


@dataclass
class Reference:
    """One direction: `protect` and `unprotect` one packet of a given rollover counter."""

    key: SrtpKey

    def __post_init__(self) -> None:
        data = base64.b64decode(self.key.key)
        size = _KEY_BYTES.get(self.key.suite, 16)
        master, salt = data[:size], data[size:]
        self.gcm = self.key.suite.startswith("AEAD")
        self.session = {
            control: (
                derive(master, salt, 3 * control, size),
                derive(master, salt, 3 * control + 1, 20),
                derive(master, salt, 3 * control + 2, len(salt)),
            )
            for control in (False, True)
        }

    def protect(self, packet: bytes, roc: int = 0) -> bytes:
        key, authentication, salt = self.session[False]
        header, payload = packet[:12], packet[12:]
        ssrc, sequence = int.from_bytes(packet[8:12]), int.from_bytes(packet[2:4])
        if self.gcm:
            iv = (ssrc << 48 | roc << 16 | sequence) ^ int.from_bytes(salt)
            return header + AESGCM(key).encrypt(iv.to_bytes(12), payload, header)
        counter = int.from_bytes(salt) << 16 ^ ssrc << 64 ^ (roc << 16 | sequence) << 16
        sent = header + _xor(payload, keystream(key, counter, len(payload)))
        tag = hmac.digest(authentication, sent + roc.to_bytes(4), "sha1")
        return sent + tag[: _TAG[self.key.suite]]

    def unprotect(self, packet: bytes, roc: int = 0) -> bytes:
        if self.gcm:
            key, _, salt = self.session[False]
            ssrc, sequence = int.from_bytes(packet[8:12]), int.from_bytes(packet[2:4])
            iv = (ssrc << 48 | roc << 16 | sequence) ^ int.from_bytes(salt)
            return packet[:12] + AESGCM(key).decrypt(iv.to_bytes(12), packet[12:], packet[:12])
        tag = _TAG[self.key.suite]
        clear = self.protect(packet[:-tag], roc)[:-tag]  # counter mode is its own inverse
        assert self.protect(clear, roc) == packet, "not authentic"
        return clear

    def protect_control(self, packet: bytes, index: int) -> bytes:
        key, authentication, salt = self.session[True]
        header, payload, ssrc = packet[:8], packet[8:], int.from_bytes(packet[4:8])
        trailer = (1 << 31 | index).to_bytes(4)
        if self.gcm:
            iv = (ssrc << 48 | index) ^ int.from_bytes(salt)
            return header + AESGCM(key).encrypt(iv.to_bytes(12), payload, header + trailer) + trailer
        counter = int.from_bytes(salt) << 16 ^ ssrc << 64 ^ index << 16
        sent = header + _xor(payload, keystream(key, counter, len(payload))) + trailer
        return sent + hmac.digest(authentication, sent, "sha1")[:10]


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
