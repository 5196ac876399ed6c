"""The secret that controller and workers prove to each other, kept where only their user can read it.

It outlives the controller, so that the next one can prove it to workers that are still at their calls.
"""

import os
from collections.abc import Callable
from pathlib import Path

from softswitch.rtp.handshake import SECRET_BYTES


def kept_secret(path: Path, entropy: Callable[[int], bytes]) -> bytes:
    """What `path` holds, or a new secret that is kept there; raises OSError."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = b""
    if len(found) == SECRET_BYTES and not path.stat().st_mode & 0o077:
        return found
    made = entropy(SECRET_BYTES)
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, made)
    finally:
        os.close(descriptor)
    beside.rename(path)
    return made
