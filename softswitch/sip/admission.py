"""Lets a request outside a dialog in, or refuses it: by the network it came from, or by digest (RFC 3261 section 22).

OPTIONS, ACK and CANCEL are never challenged. Whoever does not prove himself gets one stateless 401, for what would be
proxied 407 (section 26.3.2.4):
the same bytes and the same work for a user that exists and one that does not. It is kept short where the request is: all
algorithms are offered, best first (RFC 8760), when they fit, else the last one alone, which every phone knows. 403 is only
for a proven user who wants to register another's address of record (section 10.3 step 4).
"""

from typing import Literal

from softswitch.sip.capabilities import PROXIED
from softswitch.sip.digest import (
    CHALLENGE_HEADER,
    Challenge,
    Credentials,
    Nonces,
    canonical_algorithm,
    verify,
)
from softswitch.sip.errors import ParseError
from softswitch.sip.guard import Guard, Offence
from softswitch.sip.identity import Identity, IdentityTable, KnownUser
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.value import value

Why = Literal["unanswered challenge", "wrong password", "guessed nonce", "stale", "replayed", "forbidden"]

NEVER_CHALLENGED = frozenset({"OPTIONS", "ACK", "CANCEL"})

_OFFENCES: dict[Why, Offence] = {
    "unanswered challenge": "unanswered challenge",
    "wrong password": "wrong password",
    "guessed nonce": "guessed nonce",
    "forbidden": "forbidden",
}
_MAX_CREDENTIALS = 8
_NOBODY: dict[str, str] = {}
"""The hashes of a user that does not exist: nothing fits, and finding that out costs as much."""


@value(tagged=False, kw_only=False)
class Admitted:
    identity: Identity | None
    """None only for a method that is never challenged, from somebody unknown."""
    by_digest: bool = False


@value(tagged=False, kw_only=False)
class Refusal:
    response: Response
    """Send it without a transaction, to where the request came from."""
    why: Why
    user: str = ""
    """Whom the peer said it was, in its credentials."""


class Admission:
    """`reload` swaps the table; nonces live on."""

    def __init__(
        self,
        table: IdentityTable,
        nonces: Nonces,
        realm: str,
        *,
        algorithms: tuple[str, ...] = ("SHA-256", "MD5"),
        md5_only: tuple[str, ...] = (),
    ) -> None:
        """`algorithms` are offered in that order; phones whose User-Agent begins with one of `md5_only` get MD5 alone."""
        self.table = table
        self._nonces = nonces
        self._realm = realm
        self._algorithms = algorithms
        self._md5_only = md5_only

    def reload(
        self, table: IdentityTable, realm: str, *, algorithms: tuple[str, ...], md5_only: tuple[str, ...]
    ) -> None:
        self.table = table
        self._realm = realm
        self._algorithms = algorithms
        self._md5_only = md5_only

    @property
    def realms(self) -> frozenset[str]:
        """Of our challenges, and of the credentials that answer them."""
        return self.table.realms | {self._realm}

    def _realm_at(self, source: Source) -> str:
        return self.table.realm(source) or self._realm

    def _offered(self, request: Request) -> tuple[str, ...]:
        """By what the phone is and what every user can answer, never by who it says it is."""
        offered = tuple(each for each in self._algorithms if each in self.table.algorithms)
        agent = request.headers.get("User-Agent") or ""
        if "MD5" in offered and self._md5_only and agent.startswith(self._md5_only):
            return ("MD5",)
        return offered or self.table.algorithms

    def decide(
        self, request: Request, source: Source, now: float, entropy: bytes, guard: Guard, room: int
    ) -> Identity | Response:
        """Who sent it, or the answer that refuses it; the guard learns of both."""
        verdict = self.check(request, source, now, entropy, room)
        if isinstance(verdict, Refusal):
            offence = _OFFENCES.get(verdict.why)
            if offence is not None:
                forgeable = source.transport == "udp"
                guard.offence(source.address, offence, now, verdict.user, forgeable=forgeable)
            return verdict.response
        assert verdict.identity is not None
        if verdict.by_digest:
            guard.proved(source.address, now)
        return verdict.identity

    def check(
        self, request: Request, source: Source, now: float, entropy: bytes, room: int = 0
    ) -> Admitted | Refusal:
        """For requests outside dialogs. `entropy`: at least 8 bytes; `now`: monotonic seconds; `room`: bytes that the
        answer should not be longer than, 0 for any length."""
        if request.method in NEVER_CHALLENGED:
            return Admitted(self.table.identify(source))

        def challenge(why: Why, user: str = "") -> Refusal:
            return self._challenge(request, source, now, entropy, room, why, user)

        credentials = self._credentials(request, source)
        if credentials is None:
            identity = self.table.identify(source)
            if identity is not None and request.method != "REGISTER":
                return Admitted(identity)
            return challenge("unanswered challenge")
        user = self._proven(request, credentials, source)
        algorithm = canonical_algorithm(credentials.algorithm) or ""
        state = self._nonces.check(credentials.nonce, now, algorithm, source.address)
        if user is None:
            return challenge("wrong password" if state == "fresh" else "guessed nonce", credentials.username)
        if state != "fresh":
            return challenge("stale")
        if not self._nonces.use(credentials.nonce, credentials.nonce_count):
            return challenge("replayed")
        if request.method == "REGISTER" and not _registers_itself(request, user.identity):
            response = make_response(request, 403, to_tag=self._to_tag(request))
            return Refusal(response, "forbidden", credentials.username)
        return Admitted(user.identity, by_digest=True)

    def _credentials(self, request: Request, source: Source) -> Credentials | None:
        """Those for our realm there; what cannot be read proves nothing."""
        headers = request.headers
        given = headers.get_all("Authorization") if "authorization" in headers.keys else []
        if "proxy-authorization" in headers.keys:
            given = [*headers.get_all("Proxy-Authorization"), *given]
        realm = self._realm_at(source) if given else ""
        for text in given[:_MAX_CREDENTIALS]:
            try:
                credentials = Credentials.parse(text)
            except ParseError:
                continue
            if credentials.realm == realm:
                return credentials
        return None

    def _proven(self, request: Request, credentials: Credentials, source: Source) -> KnownUser | None:
        user = self.table.user(credentials.username)
        right = verify(credentials, request.method, _NOBODY if user is None else user.ha1)
        right = _same_resource(credentials.uri, request.uri) and right
        return user if right and user is not None and user.may_come_from(source) else None

    def _challenge(
        self, request: Request, source: Source, now: float, entropy: bytes, room: int, why: Why, user: str
    ) -> Refusal:
        offered = self._offered(request)
        status = 407 if request.method in PROXIED else 401
        name = CHALLENGE_HEADER[status]
        headers = [(name, self._header(algorithm, source, now, entropy, why)) for algorithm in offered]
        response = make_response(request, status, to_tag=self._to_tag(request), headers=headers)
        if room and len(headers) > 1 and len(response.to_bytes()) > room:
            response = make_response(request, status, to_tag=self._to_tag(request), headers=headers[-1:])
        return Refusal(response, why, user)

    def _header(self, algorithm: str, source: Source, now: float, entropy: bytes, why: Why) -> str:
        nonce = self._nonces.make(now, entropy, algorithm, source.address)
        stale = why in ("stale", "replayed")
        realm = self._realm_at(source)
        return str(Challenge(realm=realm, nonce=nonce, algorithm=algorithm, qop=("auth",), stale=stale))

    def _to_tag(self, request: Request) -> str:
        """The same for each retransmission (RFC 3261 section 8.2.7)."""
        via, cseq = request.top_via, request.cseq
        return self._nonces.sign(
            f"{request.call_id}\0{request.from_tag}\0{cseq}\0{via.branch}\0{via.sent_by}"
        )


def _registers_itself(request: Request, identity: Identity) -> bool:
    return identity.kind == "endpoint" and request.to.uri.unescaped_user == identity.name


def _same_resource(digest_uri: str, request_uri: Uri) -> bool:
    """The digest was made for this user and host; proxies on the way may change parameters (section 22.4)."""
    try:
        uri = Uri.parse(digest_uri)
    except ParseError:
        return False
    return uri is request_uri or uri.canonical_aor() == request_uri.canonical_aor()
