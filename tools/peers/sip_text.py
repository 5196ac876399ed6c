"""SIP messages as text, read and written without the product: just enough of RFC 3261 for a test peer.

Strict about nothing: a test that judges the switch byte by byte looks at `raw`.
"""

import hashlib
import random
import re
from dataclasses import dataclass, field

CRLF = "\r\n"
_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^",\s]+))')
_URI = re.compile(r"<([^>]+)>|^\s*([^;\s]+)")
_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
}


@dataclass(slots=True)
class Message:
    start: str
    headers: list[tuple[str, str]]
    """Names in lower case, in order."""
    body: str = ""
    raw: bytes = b""
    source: tuple[str, int] = ("", 0)
    arrival: float = 0.0
    """Monotonic seconds."""

    @classmethod
    def parse(cls, data: bytes, source: tuple[str, int] = ("", 0), arrival: float = 0.0) -> "Message":
        head, _, body = data.decode("utf-8", "replace").partition(CRLF * 2)
        start, *lines = head.split(CRLF)
        pairs = [line.partition(":") for line in lines if ":" in line]
        headers = [
            (_COMPACT.get(name.strip().lower(), name.strip().lower()), value.strip())
            for name, _, value in pairs
        ]
        return cls(start, headers, body, data, source, arrival)

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return self.get("cseq").partition(" ")[2] if self.status else self.start.partition(" ")[0]

    @property
    def uri(self) -> str:
        return "" if self.status else self.start.split(" ")[1]

    @property
    def cseq(self) -> int:
        return int(self.get("cseq").partition(" ")[0] or 0)

    @property
    def branch(self) -> str:
        found = re.search(r";branch=([^;,\s]+)", self.get("via"))
        return found[1] if found else ""

    def get(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.headers if key == name.lower()), default)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def tag(self, name: str) -> str:
        found = re.search(r";tag=([^;,\s]+)", self.get(name))
        return found[1] if found else ""

    def address(self, name: str) -> str:
        """URI of a From, To or Contact."""
        found = _URI.search(re.sub(r'^\s*"[^"]*"', "", self.get(name)))
        return (found[1] or found[2]) if found else ""

    def user(self, name: str) -> str:
        """User part of that URI."""
        return self.address(name).partition(":")[2].partition("@")[0]

    def media(self) -> tuple[str, int]:
        """Where the SDP wants its first stream: address and port."""
        address = re.search(r"^c=IN IP4 (\S+)", self.body, re.M)
        port = re.search(r"^m=audio (\d+)", self.body, re.M)
        return (address[1] if address else "", int(port[1]) if port else 0)

    def direction(self) -> str:
        found = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", self.body, re.M)
        return found[1] if found else "sendrecv"

    def payload_types(self) -> list[int]:
        found = re.search(r"^m=audio \d+ \S+ ([\d ]+)", self.body, re.M)
        return [int(number) for number in found[1].split()] if found else []


def compose(
    start: str, headers: list[tuple[str, str]], body: str = "", content_type: str = "application/sdp"
) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines.append(f"Content-Type: {content_type}")
    lines.append(f"Content-Length: {len(body.encode())}")
    return (CRLF.join(lines) + CRLF * 2 + body).encode()


def sdp(
    address: str,
    port: int,
    *,
    laws: tuple[int, ...] = (0, 8),
    direction: str = "sendrecv",
    version: int = 1,
    events: bool = True,
) -> str:
    """An offer or answer with one audio stream."""
    types = [*map(str, laws), *(["101"] if events else [])]
    names = {0: "PCMU/8000", 8: "PCMA/8000", 18: "G729/8000"}
    lines = [
        "v=0", f"o=- 4711 {version} IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(types)}",
        *(f"a=rtpmap:{law} {names[law]}" for law in laws),
        *(["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"] if events else []),
        "a=ptime:20", f"a={direction}",
    ]  # fmt: skip
    return CRLF.join(lines) + CRLF


def token() -> str:
    return f"{random.getrandbits(64):016x}"


@dataclass(slots=True, kw_only=True)
class Credentials:
    """Digest of RFC 2617 and RFC 8760, MD5 or SHA-256, with nonce counts that a test may bend."""

    user: str
    password: str
    algorithm: str = "MD5"
    """The one it answers, when the server offers several."""
    counts: dict[str, int] = field(default_factory=dict)
    """Nonce to times used."""

    def answer(
        self, challenge: Message, method: str, uri: str, *, count: int | None = None
    ) -> tuple[str, str]:
        """Name and value of the header that answers a 401 or 407."""
        proxy = challenge.status == 407
        offers = challenge.all("proxy-authenticate" if proxy else "www-authenticate")
        wanted = [offer for offer in offers if self._offered(offer) == self.algorithm.upper()] or offers
        return (
            "Proxy-Authorization" if proxy else "Authorization",
            self.compute(wanted[0], method, uri, count=count),
        )

    @staticmethod
    def _offered(challenge: str) -> str:
        return parameters(challenge).get("algorithm", "MD5").upper()

    def compute(self, challenge: str, method: str, uri: str, *, count: int | None = None) -> str:
        given = parameters(challenge)
        realm, nonce = given.get("realm", ""), given.get("nonce", "")
        algorithm = given.get("algorithm", "MD5")
        digest = _sha256 if algorithm.upper() == "SHA-256" else _md5
        self.counts[nonce] = count if count is not None else self.counts.get(nonce, 0) + 1
        nc, cnonce = f"{self.counts[nonce]:08x}", token()
        ha1, ha2 = digest(f"{self.user}:{realm}:{self.password}"), digest(f"{method}:{uri}")
        parts = [
            f'username="{self.user}"',
            f'realm="{realm}"',
            f'nonce="{nonce}"',
            f'uri="{uri}"',
            f"algorithm={algorithm}",
        ]
        if "qop" in given:
            response = digest(f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
            parts += ["qop=auth", f"nc={nc}", f'cnonce="{cnonce}"']
        else:
            response = digest(f"{ha1}:{nonce}:{ha2}")
        if "opaque" in given:
            parts.append(f'opaque="{given["opaque"]}"')
        return "Digest " + ", ".join([*parts, f'response="{response}"'])


def parameters(challenge: str) -> dict[str, str]:
    return {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(challenge)}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
