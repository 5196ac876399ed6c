"""One trunk that registers outward (RFC 3261 section 10.2): when to send which REGISTER, and what its answer means.

Refreshes at half of what was granted, backs off after failures, keeps to 423 and Retry-After. Answers challenges only
of the realm that challenged first: what comes with another realm later is somebody else's wish for our secret. No I/O:
the endpoint sends what `tick` and `response` return, adding Via and Max-Forwards.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk
from softswitch.errors import UnusableError
from softswitch.sip.digest import CREDENTIALS_HEADER, Challenge, answer_challenge, challenges_of
from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import clamped_number
from softswitch.sip.header_numbers import LARGEST_EXPIRES
from softswitch.sip.message import Response
from softswitch.sip.reason import phrase
from softswitch.sip.uri import Uri, escape_user

RegistrationState = Literal[
    "idle", "registering", "registered", "refreshing", "waiting", "removing", "stopped"
]
_Input = Literal["due", "granted", "again", "failed", "leave", "stop"]

TRANSITIONS: dict[tuple[RegistrationState, _Input], RegistrationState] = {
    ("idle", "due"): "registering",
    ("registering", "granted"): "registered",
    ("registering", "again"): "registering",
    ("registering", "failed"): "waiting",
    ("registered", "due"): "refreshing",
    ("refreshing", "granted"): "registered",
    ("refreshing", "again"): "refreshing",
    ("refreshing", "failed"): "waiting",
    ("waiting", "due"): "registering",
    ("idle", "stop"): "stopped",
    ("waiting", "stop"): "stopped",
    ("registered", "stop"): "stopped",
    ("waiting", "leave"): "removing",
    ("registering", "leave"): "removing",
    ("registered", "leave"): "removing",
    ("refreshing", "leave"): "removing",
    ("removing", "again"): "removing",
    ("removing", "granted"): "stopped",
    ("removing", "failed"): "stopped",
}
"""An input that has no row is ignored: answers may come late."""

MAX_TRIES = 4
"""Requests in one attempt: the first, a challenge, a stale nonce, a 423."""
SHORTEST_REFRESH_S = 5.0
LONGEST_ASKED_S = 86400
LONGEST_RETRY_AFTER_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundSettings:
    trunk: str
    server: Uri
    """Where requests are sent."""
    aor: Uri
    expires_s: int
    retry_min_s: float
    retry_max_s: float

    @classmethod
    def from_config(cls, name: str, trunk: Trunk, secret: Secret | None) -> "tuple[OutboundSettings, ...]":
        """One for each registrar; none for a trunk that does not register. Raises `UnusableError`."""
        register = trunk.register
        if register is None:
            return ()
        user = escape_user(secret.user if secret else name)
        found = []
        for text in register.servers or (trunk.host,):
            try:
                server = Uri.parse(text)
                aor = Uri.parse(register.aor) if register.aor else Uri("sip", user, server.host, server.port)
            except ParseError as error:
                raise UnusableError(f"trunk.{name}.register: {error}; write sip:USER@HOST") from error
            found.append(
                cls(
                    trunk=name,
                    server=server,
                    aor=aor,
                    expires_s=register.expires_s,
                    retry_min_s=register.retry_min_s,
                    retry_max_s=register.retry_max_s,
                )
            )
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRequest:
    """A REGISTER to send; the endpoint adds Via and Max-Forwards and tells what came back."""

    destination: Uri
    uri: Uri
    headers: tuple[tuple[str, str], ...]
    cseq: int
    """Repeat it to `response` and `failed`, so that an answer to an earlier request is known for one."""


class OutboundRegistration:
    def __init__(self, settings: OutboundSettings, secret: Secret | None, seed: bytes) -> None:
        """`seed`: 16 bytes of entropy, from which Call-ID, tag and cnonces are made."""
        self.settings = settings
        self.state: RegistrationState = "idle"
        self.reason = ""
        """What the last failure was; empty once registered."""
        self.granted_until = 0.0
        """Monotonic seconds up to which the registrar has promised to know us."""
        self._secret = secret
        self._seed = seed
        self._cseq = 0
        self._expires_s = settings.expires_s
        self._deadline: float | None = 0.0
        self._failures = 0
        self._tries = 0
        self.contact = ""
        """Our address as the registrar's side reaches it, `sip:USER@HOST:PORT`; may change with the place it is sent to."""
        self._realm: str | None = None
        self._challenge: Challenge | None = None
        self._challenge_status = 401
        self._nonce_count = 0
        self._answered: set[str] = set()
        """Algorithms that have been answered in this attempt: a second refusal of one means a wrong secret."""

    def __repr__(self) -> str:
        return f"<OutboundRegistration {self.settings.trunk} {self.state}>"

    def is_registered(self, now: float) -> bool:
        """True while a grant holds, also when its refresh has failed."""
        return now < self.granted_until

    def next_deadline(self) -> float | None:
        """When `tick` has something to do; None while an answer is awaited, or after `stop`."""
        return self._deadline

    def tick(self, now: float, contact: str) -> RegisterRequest | None:
        """What is to be sent now. `contact`: our address as the registrar's side reaches it, `sip:USER@HOST:PORT`."""
        if self._deadline is None or now < self._deadline or not self._take("due"):
            return None
        self.contact = contact
        self._deadline = None
        self._begin()
        return self._request()

    def stop(self, now: float) -> RegisterRequest | None:
        """Take the registration back; None when there is none."""
        held = self.state in ("registering", "refreshing") or self.is_registered(now)
        self._deadline = None
        self._begin()
        if held and self._take("leave"):
            return self._request()
        self._take("stop")
        return None

    def response(self, response: Response, cseq: int, now: float) -> RegisterRequest | None:
        """Take a final response; what it returns is to be sent at once."""
        if cseq != self._cseq or self.state not in ("registering", "refreshing", "removing"):
            return None
        if 200 <= response.status < 300:
            self._granted(response, now)
            return None
        if self._tries < MAX_TRIES and (self._learns(response) or self._lengthens(response)):
            self._take("again")
            return self._request()
        self._fail(f"{response.status} {phrase(response.status)}", now, _retry_after(response))
        return None

    def failed(self, reason: str, cseq: int, now: float) -> None:
        """No final response came: a time-out, or nowhere to send to."""
        if cseq == self._cseq:
            self._fail(reason, now, 0)

    def _begin(self) -> None:
        self._tries = 0
        self._answered.clear()

    def _take(self, event: _Input) -> bool:
        state = TRANSITIONS.get((self.state, event))
        if state is None:
            return False
        self.state = state
        return True

    def _granted(self, response: Response, now: float) -> None:
        removing = self.state == "removing"
        granted = 0 if removing else self._granted_s(response)
        if not granted and not removing:
            self._fail("no time was granted", now, 0)
            return
        self._take("granted")
        self._failures, self.reason = 0, ""
        self.granted_until = now + granted
        self._deadline = None if removing else now + max(granted / 2, SHORTEST_REFRESH_S)

    def _granted_s(self, response: Response) -> int:
        """What the registrar says of our contact, or in Expires, or nothing: then what we asked for."""
        granted = self._expires_s
        try:
            granted = granted if response.expires is None else response.expires
            ours = Uri.parse(self.contact)
            for contact in response.contacts:
                if "expires" in contact.params and contact.uri.bare() == ours.bare():
                    granted = clamped_number(contact.params.get("expires") or "", "expires", LARGEST_EXPIRES)
        except ParseError:
            granted = self._expires_s
        return min(granted, LONGEST_ASKED_S)

    def _fail(self, reason: str, now: float, wait_s: int) -> None:
        if not self._take("failed"):
            return
        self.reason = reason
        if self.state == "stopped":
            self.granted_until = now
            return
        settings = self.settings
        pause = min(settings.retry_max_s, settings.retry_min_s * 2 ** min(self._failures, 32))
        self._failures += 1
        self._deadline = now + max(pause, wait_s)

    def _learns(self, response: Response) -> bool:
        """True when a challenge came that can be answered and has not been answered in vain."""
        if response.status not in CREDENTIALS_HEADER or self._secret is None:
            return False
        for challenge in challenges_of(response):
            in_vain = challenge.algorithm in self._answered and not challenge.stale
            if in_vain or self._answer(challenge) is None:
                continue
            self._challenge, self._challenge_status = challenge, response.status
            self._realm = challenge.realm
            self._nonce_count = 0
            self._answered.add(challenge.algorithm)
            return True
        return False

    def _lengthens(self, response: Response) -> bool:
        if response.status != 423:
            return False
        try:
            least = clamped_number(response.headers.get("Min-Expires") or "", "Min-Expires", LARGEST_EXPIRES)
        except ParseError:
            return False
        if not self._expires_s < least <= LONGEST_ASKED_S:
            return False
        self._expires_s = least
        return True

    def _request(self) -> RegisterRequest:
        self._cseq += 1
        self._tries += 1
        aor = self.settings.aor
        expires = 0 if self.state == "removing" else self._expires_s
        headers = [
            ("From", f"<{aor.bare()}>;tag={self._made('tag')[:10]}"),
            ("To", f"<{aor.bare()}>"),
            ("Call-ID", self._made("call-id")),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", f"<{self.contact}>"),
            ("Expires", str(expires)),
        ]
        credentials = None if self._challenge is None else self._answer(self._challenge)
        if credentials is not None:
            self._nonce_count += 1
            headers.append((CREDENTIALS_HEADER[self._challenge_status], credentials))
        return RegisterRequest(
            destination=self.settings.server, uri=self._request_uri(), headers=tuple(headers), cseq=self._cseq
        )

    def _request_uri(self) -> Uri:
        aor = self.settings.aor
        return Uri(aor.scheme, host=aor.host, port=aor.port)

    def _answer(self, challenge: Challenge) -> str | None:
        """Credentials for this challenge; None when it cannot, or must not, be answered."""
        if self._secret is None:
            return None
        count = 1 if challenge is not self._challenge else self._nonce_count + 1
        credentials = answer_challenge(
            (challenge,),
            self._secret,
            method="REGISTER",
            uri=str(self._request_uri()),
            cnonce=self._made(f"cnonce {self._cseq}")[:16],
            nonce_count=count,
            allowed=lambda asked: self._realm in (None, asked.realm),
        )
        return None if credentials is None else str(credentials)

    def _made(self, what: str) -> str:
        return hashlib.sha256(self._seed + what.encode()).hexdigest()[:32]


def _retry_after(response: Response) -> int:
    value = (response.headers.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip(" \t")
    try:
        return clamped_number(value, "Retry-After", LONGEST_RETRY_AFTER_S)
    except ParseError:
        return 0
