"""Secrets are taken out of a SIP message before anybody sees it: on the screen, in a file, or on the way to Homer.

Owns what counts as a secret: credentials (RFC 3261 section 22, RFC 7616: the proof, not the challenge), SRTP keys in SDP
(`a=crypto` of RFC 4568, `a=key-mgmt` of RFC 4567, `k=`), ICE passwords (RFC 8839), digits told in an INFO body, and PINs
dialled after a feature code. A mask is as long as what it hides, so lengths in the message stay true.
"""

import re

MASK = b"*"

_CREDENTIALS = re.compile(
    rb"^((?:Proxy-)?Authorization[ \t]*:[ \t]*)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_DIGEST = re.compile(rb"Digest[ \t\r\n]", re.IGNORECASE)
_PROOF = re.compile(rb"\b(response[ \t]*=[ \t]*\"?)([^\",\s]+)", re.IGNORECASE)
_KEYS = re.compile(
    rb"^(a=crypto:[^\r\n]*?inline:|a=key-mgmt:[^\s]*[ \t]+|k=[a-z0-9]+:|a=ice-pwd:)([^\s|;]+)",
    re.IGNORECASE | re.MULTILINE,
)
_MORE_KEYS = re.compile(rb"([;,]inline:)([^\s|;]+)", re.IGNORECASE)
_DIGITS = re.compile(
    rb"^(Signal[ \t]*=[ \t]*|[ \t]*d[ \t]*=[ \t]*)([0-9A-D*#]+)", re.IGNORECASE | re.MULTILINE
)
_DTMF = re.compile(rb"^(?:Content-Type|c)[ \t]*:[ \t]*application/dtmf", re.IGNORECASE | re.MULTILINE)


def masked(data: bytes, *codes: str) -> bytes:
    """The message without its secrets, of the same length. `codes`: what a PIN is dialled after."""
    if _CREDENTIALS.search(data):
        data = _CREDENTIALS.sub(_hide_credentials, data)
    if b"\na=" in data or b"\nk=" in data:
        data = _MORE_KEYS.sub(_hide, _KEYS.sub(_hide, data))
    if _DTMF.search(data):
        data = _hide_digits(data)
    for code in filter(None, map(str.encode, codes)):
        if b":" + code in data:
            data = re.sub(rb"(sips?:" + re.escape(code) + rb")([^@;>\s]+)(?=@)", _hide, data)
    return data


def _hide(match: "re.Match[bytes]") -> bytes:
    return match[1] + MASK * len(match[2])


def _hide_credentials(match: "re.Match[bytes]") -> bytes:
    """Of Digest its proof, of other schemes all that follows the scheme."""
    name, value = match[1], match[2]
    if _DIGEST.match(value):
        return name + _PROOF.sub(_hide, value)
    scheme, blank, rest = value.partition(b" ")
    return name + scheme + blank + MASK * len(rest)


def _hide_digits(data: bytes) -> bytes:
    """A bare body (`application/dtmf`) is one digit; dtmf-relay names it."""
    head, blank, body = data.partition(b"\r\n\r\n")
    hidden = _DIGITS.sub(_hide, body)
    if hidden == body and len(body.strip()) <= 2:
        hidden = MASK * len(body)
    return head + blank + hidden
