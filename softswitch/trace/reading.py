"""One message told in few words: what a ladder writes on its arrow. Reads whatever came, however broken it is.

Not the switch's parser, and deliberately so: it must also say something of a message that the parser refused, never
raises, looks only at the first kilobytes, and answers with text that may be shown.
"""

import re
from dataclasses import dataclass

LOOKED_AT = 16_384
MAX_TEXT = 80
"""Longest word of a peer's that is repeated."""

_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE)
_REQUEST = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) (\S+) SIP/2\.0", re.IGNORECASE)
_HEADER = re.compile(
    r"^(from|f|to|t|call-id|i|cseq|p-asserted-identity|refer-to|r|event|o|reason|expires)[ \t]*:[ \t]*(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_LONG = {"f": "from", "t": "to", "i": "call-id", "r": "refer-to", "o": "event"}
_USER = re.compile(r"(?:sips?:([^@;>\s]*)@|tel:([^;>\s]*))", re.IGNORECASE)
_MEDIA = re.compile(r"^m=(\w+) (\d+)(?:/\d+)? (\S+) ?(.*)$", re.MULTILINE)
_RTPMAP = re.compile(r"^a=rtpmap:(\d+) ([A-Za-z0-9.\-]+)", re.MULTILINE)
_DIRECTION = re.compile(r"^a=(sendonly|recvonly|inactive)\b", re.MULTILINE)
_STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722", "18": "G729", "3": "GSM"}
_CALL_ID = re.compile(rb"^(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a message says of itself."""

    method: str
    """Of the request; of a response that of its CSeq."""
    status: int
    """0 for a request."""
    line: str
    """`INVITE 600`, `200 OK`; words for an arrow."""
    cseq: str
    call_id: str
    numbers: tuple[str, ...]
    """User parts of request URI, From, To and P-Asserted-Identity."""
    facts: str
    """The session description in short: `PCMA PCMU :4000 sendonly`, or what else matters of this method."""


def call_id_of(data: bytes) -> bytes:
    """Empty when it has none. The usual spelling is looked for first: that is many times cheaper."""
    begin = data.find(b"\nCall-ID: ", 0, LOOKED_AT)
    if begin >= 0:
        return data[begin + 10 : data.find(b"\r", begin)]
    found = _CALL_ID.search(data, 0, LOOKED_AT)
    return found[1] if found is not None else b""


def told(data: bytes) -> Told:
    text = data[:LOOKED_AT].decode("utf-8", "replace").replace("\r\n", "\n")
    head, _, body = text.partition("\n\n")
    first, _, rest = head.partition("\n")
    headers: dict[str, str] = {}
    for name, value in _HEADER.findall(rest):
        headers.setdefault(_LONG.get(name.lower(), name.lower()), value.strip())
    cseq = headers.get("cseq", "")
    status_line, request_line = _STATUS.fullmatch(first.strip()), _REQUEST.fullmatch(first.strip())
    uri = request_line[2] if request_line else ""
    numbers = [_user(uri), *(_user(headers.get(name, "")) for name in ("from", "to", "p-asserted-identity"))]
    if status_line:
        method, status = cseq.partition(" ")[2].strip()[:20], int(status_line[1])
        line = f"{status} {status_line[2] or ''}".strip()
    elif request_line:
        method, status = request_line[1].upper()[:20], 0
        line = f"{method} {_user(uri)}".strip()
    else:
        method, status, line = "", 0, f"unreadable: {first[:30]}"
    return Told(
        method=method,
        status=status,
        line=line[:MAX_TEXT],
        cseq=cseq[:MAX_TEXT],
        call_id=headers.get("call-id", ""),
        numbers=tuple(dict.fromkeys(number for number in numbers if number)),
        facts=(_media(body) or _facts(method, status, headers))[:MAX_TEXT],
    )


def _user(text: str) -> str:
    found = _USER.search(text)
    return (found[1] or found[2] or "")[:MAX_TEXT] if found else ""


def _facts(method: str, status: int, headers: dict[str, str]) -> str:
    """What an arrow without SDP is understood by."""
    if status:
        return ""
    if method == "REFER":
        return f"to {_user(headers.get('refer-to', ''))}".strip()
    if method in ("BYE", "CANCEL"):
        return headers.get("reason", "")
    if method in ("SUBSCRIBE", "NOTIFY", "PUBLISH"):
        return headers.get("event", "")
    if method == "REGISTER" and "expires" in headers:
        return f"expires {headers['expires']}"
    return ""


def _media(body: str) -> str:
    """Codecs, port, direction and encryption of the first stream; other streams by their kind."""
    streams = list(_MEDIA.finditer(body))
    if not streams:
        return ""
    first = streams[0]
    names = dict(_RTPMAP.findall(body))
    codecs = [names.get(number, _STATIC.get(number, "")) for number in first[4].split()[:20]]
    words = [code for code in dict.fromkeys(codecs) if code and code != "telephone-event"][:4]
    words.append(f":{first[2]}" if first[2] != "0" else "refused")
    if direction := _DIRECTION.search(body):
        words.append(direction[1])
    if re.search(r"^c=IN IP4 0\.0\.0\.0\s*$", body, re.MULTILINE):
        words.append("hold 0.0.0.0")
    if "SAVP" in first[3] or "\na=crypto:" in body:
        words.append("DTLS" if "TLS" in first[3] else "SRTP")
    words += [stream[1] for stream in streams[1:4]]
    return " ".join(words)
