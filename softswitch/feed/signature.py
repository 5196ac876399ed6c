"""How a web address can tell that an event came from us and when: HMAC with SHA-256 over the time and the body (RFC 2104).

`X-Softswitch-Signature: t=1764000000,v1=HEX`, where HEX is the HMAC of `1764000000.` and the bytes of the body.
"""

import hashlib
import hmac

HEADER = "X-Softswitch-Signature"


def signature(secret: str, wall: float, body: bytes) -> str:
    at = int(wall)
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
