"""What a peer has challenged us with, and the credentials we add because of it (RFC 3261 section 22.2, RFC 8760).

One per call to a trunk that has credentials; nobody else has one, so nobody else's challenge is answered. Pinned to the
first realm: what is behind the trunk cannot ask for another digest of the same password.
"""

from collections.abc import Callable

from softswitch.config.secret import Secret
from softswitch.sip.digest import CREDENTIALS_HEADER, Challenge, answer_challenge, challenges_of
from softswitch.sip.message import Request, Response

MAX_NONCES = 64
MAX_ATTEMPTS = 3


class ChallengeMemory:
    """Knows the latest challenge; each nonce is learnt once."""

    __slots__ = ("_challenges", "_count", "_entropy", "_header", "_nonces", "_realm", "_secret")

    def __init__(self, secret: Secret, entropy: Callable[[int], bytes]) -> None:
        self._secret = secret
        self._entropy = entropy
        self._challenges: list[Challenge] = []
        self._header = ""
        self._realm: str | None = None
        self._nonces: set[str] = set()
        self._count = 0

    def learn(self, response: Response, attempt: int) -> bool:
        """True when the request of this 401 or 407 is worth sending again, authorised. `attempt` counts its sendings:
        after the first, only a nonce that became stale is a reason."""
        offered = [
            challenge
            for challenge in challenges_of(response)
            if challenge.nonce not in self._nonces and self._realm in (None, challenge.realm)
        ]
        again = attempt == 1 or (attempt < MAX_ATTEMPTS and any(challenge.stale for challenge in offered))
        if not offered or not again or len(self._nonces) >= MAX_NONCES:
            return False
        self._nonces.update(challenge.nonce for challenge in offered)
        self._challenges = offered
        self._realm = offered[0].realm
        self._header = CREDENTIALS_HEADER[response.status]
        self._count = 0
        return True

    def authorize(self, request: Request) -> None:
        """Add credentials for the latest challenge, if there was one."""
        if not self._challenges:
            return
        self._count += 1
        credentials = answer_challenge(
            self._challenges,
            self._secret,
            method=request.method,
            uri=request.start_line.split(" ")[1],
            cnonce=self._entropy(8).hex(),
            nonce_count=self._count,
        )
        if credentials is not None:
            request.headers.set(self._header, str(credentials))
