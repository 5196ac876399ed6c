"""How controller and media worker prove to each other that both hold the secret of this worker, without sending it.

    worker      → controller   GREETING, worker's nonce
    controller  → worker       its nonce, HMAC-SHA256(secret, "controller" worker's nonce, controller's nonce)
    worker      → controller   HMAC-SHA256(secret, "worker" worker's nonce, controller's nonce)

After it both speak frames of `wire.py`. Owns sizes and proofs only; nonces are arguments.
"""

import hashlib
import hmac
from collections.abc import Iterable

from softswitch import __version__

GREETING = b"SWMEDIA1"
NONCE_BYTES = 32
PROOF_BYTES = 32
SECRET_BYTES = 32
HELLO_BYTES = len(GREETING) + NONCE_BYTES
ANSWER_BYTES = NONCE_BYTES + PROOF_BYTES


def settings_text(arguments: Iterable[str]) -> str:
    """What a worker was started with, code included: a controller adopts only one that it would start alike."""
    return "\n".join((__version__, *arguments))


def controller_proof(secret: bytes, worker_nonce: bytes, controller_nonce: bytes) -> bytes:
    return hmac.digest(secret, b"controller" + worker_nonce + controller_nonce, hashlib.sha256)


def worker_proof(secret: bytes, worker_nonce: bytes, controller_nonce: bytes) -> bytes:
    return hmac.digest(secret, b"worker" + worker_nonce + controller_nonce, hashlib.sha256)


def same(one: bytes, other: bytes) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(one, other)
