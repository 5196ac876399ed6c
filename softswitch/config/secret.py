"""What proves a user by digest, computed once: never printed, never logged.

RFC 7616 section 3.4.2 (A1) and, for MD5, RFC 2617; the session variants (`-sess`) are not used in SIP.
"""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    user: str
    """Digest user name."""
    ha1_md5: str = field(default="", repr=False)
    """MD5 of `user:realm:password` in lower-case hex; empty: only SHA-256 is known."""
    ha1_sha256: str = field(default="", repr=False)
    """SHA-256 of `user:realm:password` in lower-case hex; empty: only MD5 is known."""
    password: str | None = field(default=None, repr=False)
    """For answering challenges of any realm; None when only hashes are configured."""

    @classmethod
    def from_password(cls, user: str, realm: str, password: str) -> "Secret":
        return cls(
            user=user,
            ha1_md5=ha1("md5", user, realm, password),
            ha1_sha256=ha1("sha256", user, realm, password),
            password=password,
        )


def ha1(algorithm: str, user: str, realm: str, password: str) -> str:
    """H(A1) in hex; `algorithm` is `md5` or `sha256`."""
    text = f"{user}:{realm}:{password}".encode()
    return hashlib.new(algorithm, text, usedforsecurity=False).hexdigest()
