"""Digest authentication of RFC 7616 as RFC 8760 uses it in SIP, both sides; RFC 2617 and its form without qop too.

MD5 and SHA-256, qop `auth` or none. Session variants and auth-int are neither offered nor answered. Nonces are signed,
so nothing is kept for a request that proved nothing; what is kept for those that did is bounded.
"""

import base64
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from softswitch.config.secret import Secret, ha1
from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import TOKEN, fold, quote, unquoted
from softswitch.sip.message import Response

ALGORITHMS = ("SHA-256", "MD5")
"""Best first: the order in which they are offered."""
WITHOUT_QOP = 0xFFFFFFFF
"""Stands for the nonce count of credentials without one: such a nonce is good for one request."""
CREDENTIALS_HEADER = {401: "Authorization", 407: "Proxy-Authorization"}
CHALLENGE_HEADER = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}

NonceState = Literal["fresh", "stale", "forged"]

_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_HASHLIB_NAME = {"MD5": "md5", "SHA-256": "sha256"}
_NONCE_TIME, _NONCE_CHANCE = 5, 4
_NONCE_BODY, _NONCE_BYTES, _NONCE_LENGTH = 9, 18, 24
_MAX_PARAMETERS = 32
_MAX_CHALLENGES = 8
_LONGEST_REMEMBERED = 256
_PAIR = re.compile(
    rf'[ \t,]*({TOKEN})[ \t]*=[ \t]*(?:"([^"\\]*)"|("(?:[^"\\]|\\.)*"|[^\s",]+))[ \t]*(?=,|$)', re.DOTALL
)
"""Name; value in quotes without escapes, or as written."""
_CANONICAL = {fold(name): name for name in ALGORITHMS}
_END = re.compile(r"[ \t,]*")
_COUNT = re.compile(r"[0-9a-fA-F]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    realm: str
    nonce: str
    algorithm: str = "MD5"
    """As written; see `ALGORITHMS` for those we can answer."""
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> "Challenge":
        values = _parameters(text)
        return cls(
            realm=_needed(values, "realm"),
            nonce=_needed(values, "nonce"),
            algorithm=values.get("algorithm", "MD5"),
            qop=tuple(
                option.strip(" \t") for option in values.get("qop", "").split(",") if option.strip(" \t")
            ),
            opaque=values.get("opaque"),
            stale=fold(values.get("stale", "")) == "true",
        )

    def __str__(self) -> str:
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}", f"algorithm={self.algorithm}"]
        if self.qop:
            parts.append(f"qop={quote(','.join(self.qop))}")
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        return f"Digest {', '.join(parts)}"


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Credentials:
    """Immutable by agreement; not frozen, because that doubles what making one costs."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str = "MD5"
    qop: str = ""
    cnonce: str = ""
    nc: str = ""
    """Eight hex digits; empty without qop."""
    opaque: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Credentials":
        values = _parameters(text)
        qop = fold(values.get("qop", ""))
        if qop and (not _COUNT.fullmatch(values.get("nc", "")) or "cnonce" not in values):
            raise ParseError("credentials with qop but without nc and cnonce")
        return cls(
            username=_needed(values, "username"),
            realm=_needed(values, "realm"),
            nonce=_needed(values, "nonce"),
            uri=_needed(values, "uri"),
            response=_needed(values, "response"),
            algorithm=values.get("algorithm", "MD5"),
            qop=qop,
            cnonce=values.get("cnonce", ""),
            nc=values.get("nc", "") if qop else "",
            opaque=values.get("opaque"),
        )

    def __str__(self) -> str:
        quoted = (
            ("username", self.username),
            ("realm", self.realm),
            ("nonce", self.nonce),
            ("uri", self.uri),
            ("response", self.response),
        )
        parts = [f"{name}={quote(value)}" for name, value in quoted]
        parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts += [f"qop={self.qop}", f"nc={self.nc}", f"cnonce={quote(self.cnonce)}"]
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        return f"Digest {', '.join(parts)}"

    @property
    def nonce_count(self) -> int:
        return int(self.nc, 16) if self.nc else WITHOUT_QOP


def _parameters(text: str) -> Mapping[str, str]:
    scheme, _, rest = text.partition(" ")
    if fold(scheme) != "digest":
        raise ParseError("an authentication scheme that is not Digest")
    values: dict[str, str] = {}
    position = 0
    while (match := _PAIR.match(rest, position)) is not None:
        name, plain, written = match.groups()
        name = name.lower()
        if name in values or len(values) == _MAX_PARAMETERS:
            raise ParseError("a digest parameter that comes twice, or too many of them")
        values[name] = unquoted(written) if plain is None else plain
        position = match.end()
    if _END.fullmatch(rest, position) is None:
        raise ParseError("digest parameters that cannot be read")
    return values


def _needed(values: Mapping[str, str], name: str) -> str:
    value = values.get(name)
    if value is None:
        raise ParseError(f"digest without {name}")
    return value


def canonical_algorithm(name: str) -> str | None:
    """The name of one we can compute, in its standard case; None for any other."""
    return _CANONICAL.get(fold(name))


def digest_response(ha1_hex: str, credentials: Credentials, method: str) -> str:
    """The response of RFC 7616 section 3.4.1, in hex; `credentials` supply all but the secret and the method."""
    algorithm = canonical_algorithm(credentials.algorithm)
    if algorithm is None:
        raise ParseError("a digest algorithm that is not supported")
    resource = f"{method}:{credentials.uri}"
    ha2 = (_ha2 if len(resource) <= _LONGEST_REMEMBERED else _hash)(algorithm, resource)
    middle = [credentials.nonce]
    if credentials.qop:
        middle += [credentials.nc, credentials.cnonce, credentials.qop]
    return _hash(algorithm, ":".join((ha1_hex, *middle, ha2)))


def _hash(algorithm: str, text: str) -> str:
    return _HASHES[algorithm](text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=1024)
def _ha2(algorithm: str, text: str) -> str:
    """Method and URI are the same for all phones that register; whose they are has no part in it."""
    return _hash(algorithm, text)


def verify(credentials: Credentials, method: str, ha1_by_algorithm: Mapping[str, str]) -> bool:
    """True when the response is right. Costs the same whatever is wrong, as long as the algorithm is one of ours."""
    algorithm = canonical_algorithm(credentials.algorithm)
    if algorithm is None or credentials.qop not in ("", "auth"):
        return False
    known = ha1_by_algorithm.get(algorithm)
    expected = digest_response(known or "0" * 32, credentials, method)
    given = credentials.response.lower().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(expected.encode(), given) and known is not None


def challenges_of(response: Response) -> list[Challenge]:
    """The digest challenges of a 401 or 407, in order; those that cannot be read are passed over."""
    name = CHALLENGE_HEADER.get(response.status)
    found: list[Challenge] = []
    for text in response.headers.get_all(name)[:_MAX_CHALLENGES] if name else ():
        try:
            found.append(Challenge.parse(text))
        except ParseError:
            continue
    return found


def answer_challenge(
    challenges: Iterable[Challenge],
    secret: Secret,
    *,
    method: str,
    uri: str,
    cnonce: str,
    nonce_count: int = 1,
    allowed: Callable[[Challenge], bool] = lambda challenge: True,
) -> Credentials | None:
    """Credentials for the first challenge that can be answered (RFC 8760 section 2.4); None when there is none.

    The caller says by `allowed` which realms are its own: an answer given to another's challenge is a secret given away.
    """
    for challenge in challenges:
        algorithm = canonical_algorithm(challenge.algorithm)
        if algorithm is None or not allowed(challenge) or (challenge.qop and "auth" not in challenge.qop):
            continue
        ha1_hex = _ha1_for(secret, algorithm, challenge.realm)
        if not ha1_hex:
            continue
        unsigned = Credentials(
            username=secret.user,
            realm=challenge.realm,
            nonce=challenge.nonce,
            uri=uri,
            response="",
            algorithm=challenge.algorithm,
            qop="auth" if challenge.qop else "",
            cnonce=cnonce if challenge.qop else "",
            nc=f"{nonce_count:08x}" if challenge.qop else "",
            opaque=challenge.opaque,
        )
        return replace(unsigned, response=digest_response(ha1_hex, unsigned, method))
    return None


def _ha1_for(secret: Secret, algorithm: str, realm: str) -> str:
    if secret.password is not None:
        return ha1(_HASHLIB_NAME[algorithm], secret.user, realm, secret.password)
    return secret.ha1_sha256 if algorithm == "SHA-256" else secret.ha1_md5


class Nonces:
    """Nonces that carry their own age and signature, and the highest count seen of those that proved a user.

    Short, since a challenge must not be much longer than what asked for it: five bytes of time, four of chance, nine of
    signature. The signature covers the address that the challenge went to: who answers it receives what is sent there.
    When the memory of counts is full the oldest nonce is forgotten, and every nonce as old as that is stale from then on:
    forgetting never lets a replay in.
    """

    def __init__(self, secret: bytes, lifetime_s: float, *, remembered: int = 20_000) -> None:
        self._secret = secret
        self._lifetime_s = lifetime_s
        self._remembered = remembered
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._floor_ms = 0

    def make(self, now: float, entropy: bytes, algorithm: str = "", address: str = "") -> str:
        """`now` in seconds of a clock that does not step back; at least 4 bytes of entropy."""
        if len(entropy) < _NONCE_CHANCE:
            raise ValueError(f"{_NONCE_CHANCE} bytes of entropy are needed")
        body = int(now * 1000).to_bytes(_NONCE_TIME) + entropy[:_NONCE_CHANCE]
        signed = body + self._nonce_signature(body, algorithm, address)
        return base64.urlsafe_b64encode(signed).decode()

    def check(self, nonce: str, now: float, algorithm: str = "", address: str = "") -> NonceState:
        raw = self._decoded(nonce)
        if raw is None:
            return "forged"
        body, signature = raw[:_NONCE_BODY], raw[_NONCE_BODY:]
        if not hmac.compare_digest(signature, self._nonce_signature(body, algorithm, address)):
            return "forged"
        made_ms = int.from_bytes(body[:_NONCE_TIME])
        fresh = self._floor_ms < made_ms + 1 and 0 <= int(now * 1000) - made_ms <= self._lifetime_s * 1000
        return "fresh" if fresh else "stale"

    def use(self, nonce: str, count: int) -> bool:
        """Note that a fresh nonce proved its user with this count; False when that, or a later one, came before."""
        seen = self._counts.get(nonce, 0)
        if count <= seen:
            return False
        self._counts[nonce] = count
        if len(self._counts) > self._remembered:
            forgotten, _ = self._counts.popitem(last=False)
            raw = self._decoded(forgotten)
            if raw is not None:
                self._floor_ms = max(self._floor_ms, int.from_bytes(raw[:_NONCE_TIME]) + 1)
        return True

    def sign(self, text: str) -> str:
        """Ten characters that only this switch makes of `text`: a To tag that stays the same without state."""
        return self._signature(text.encode("utf-8", "surrogateescape"), "tag").hex()[:10]

    def _nonce_signature(self, body: bytes, algorithm: str, address: str) -> bytes:
        return self._signature(body + address.encode(), algorithm)[: _NONCE_BYTES - _NONCE_BODY]

    def _signature(self, body: bytes, kind: str) -> bytes:
        return hmac.digest(self._secret, kind.encode() + b"\0" + body, "sha256")

    @staticmethod
    def _decoded(nonce: str) -> bytes | None:
        if len(nonce) != _NONCE_LENGTH or not nonce.isascii():
            return None
        try:
            raw = base64.b64decode(nonce, altchars=b"-_", validate=True)
        except ValueError:
            return None
        return raw if len(raw) == _NONCE_BYTES else None
