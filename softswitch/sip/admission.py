"""Lets a request outside a dialog in, or refuses it: by the network it came from, or by digest (RFC 3261 section 22).

OPTIONS, ACK and CANCEL are never challenged. Whoever does not prove himself gets one stateless 401 (section 26.3.2.4):
the same bytes and the same work for a user that exists and one that does not. 403 is only for a proven user who wants
to register another's address of record (section 10.3 step 4).
"""

from dataclasses import dataclass

from softswitch.sip.digest import Challenge, Credentials, Nonces, canonical_algorithm, verify
from softswitch.sip.errors import ParseError
from softswitch.sip.identity import Identity, IdentityTable, KnownUser
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

NEVER_CHALLENGED = frozenset({"OPTIONS", "ACK", "CANCEL"})

_MAX_CREDENTIALS = 8
_NOBODY: dict[str, str] = {}
"""The hashes of a user that does not exist: nothing fits, and finding that out costs as much."""


@dataclass(frozen=True, slots=True)
class Admitted:
    identity: Identity | None
    """None only for a method that is never challenged, from somebody unknown."""


@dataclass(frozen=True, slots=True)
class Refusal:
    response: Response
    """Send it without a transaction, to where the request came from."""
    why: str
    """For counters and logs: `unauthenticated`, `stale`, `replayed`, `forbidden`."""


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

    def _offered(self, request: Request) -> tuple[str, ...]:
        """By what the phone is and what every user can answer, never by who it says it is."""
        offered = tuple(each for each in self._algorithms if each in self.table.algorithms)
        agent = request.headers.get("User-Agent") or ""
        if "MD5" in offered and self._md5_only and agent.startswith(self._md5_only):
            return ("MD5",)
        return offered or self.table.algorithms

    def check(self, request: Request, source: Source, now: float, entropy: bytes) -> Admitted | Refusal:
        """For requests outside dialogs. `entropy`: at least 8 bytes; `now`: monotonic seconds."""
        if request.method in NEVER_CHALLENGED:
            return Admitted(self.table.identify(source))
        credentials = self._credentials(request)
        if credentials is None:
            identity = self.table.identify(source)
            if identity is not None and request.method != "REGISTER":
                return Admitted(identity)
            return self._challenge(request, now, entropy, "unauthenticated")
        user = self._proven(request, credentials, source)
        if user is None:
            return self._challenge(request, now, entropy, "unauthenticated")
        algorithm = canonical_algorithm(credentials.algorithm) or ""
        if self._nonces.check(credentials.nonce, now, algorithm) != "fresh":
            return self._challenge(request, now, entropy, "stale")
        if not self._nonces.use(credentials.nonce, credentials.nonce_count):
            return self._challenge(request, now, entropy, "replayed")
        if request.method == "REGISTER" and not _registers_itself(request, user.identity):
            return Refusal(make_response(request, 403, to_tag=self._to_tag(request)), "forbidden")
        return Admitted(user.identity)

    def _credentials(self, request: Request) -> Credentials | None:
        """Those for our realm; what cannot be read proves nothing."""
        for text in request.headers.get_all("Authorization")[:_MAX_CREDENTIALS]:
            try:
                credentials = Credentials.parse(text)
            except ParseError:
                continue
            if credentials.realm == self._realm:
                return credentials
        return None

    def _proven(self, request: Request, credentials: Credentials, source: Source) -> KnownUser | None:
        user = self.table.user(credentials.username)
        right = verify(credentials, request.method, _NOBODY if user is None else user.ha1)
        right = _same_resource(credentials.uri, request.uri) and right
        return user if right and user is not None and user.may_come_from(source) else None

    def _challenge(self, request: Request, now: float, entropy: bytes, why: str) -> Refusal:
        challenges = [
            Challenge(
                realm=self._realm,
                nonce=self._nonces.make(now, entropy, algorithm),
                algorithm=algorithm,
                qop=("auth",),
                stale=why in ("stale", "replayed"),
            )
            for algorithm in self._offered(request)
        ]
        headers = [("WWW-Authenticate", str(challenge)) for challenge in challenges]
        return Refusal(make_response(request, 401, to_tag=self._to_tag(request), headers=headers), why)

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
    return uri.canonical_aor() == request_uri.canonical_aor()
