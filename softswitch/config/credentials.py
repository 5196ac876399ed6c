"""Credentials of phones and trunks (digest, RFC 8760)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    user: str = ""
    """Digest user name; empty means the name of the endpoint or trunk."""
    secret: str = ""
    """The password itself; better use `secret_file`."""
    secret_file: str = ""
    """File whose first line is the password; relative to the file that names it."""
    ha1_md5: str = ""
    """MD5 of `user:realm:password` in hex, instead of the password."""
    ha1_sha256: str = ""
    """SHA-256 of `user:realm:password` in hex."""
