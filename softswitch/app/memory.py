"""How this process asks for memory: seldom looked through, and given back when a flood is over."""

import ctypes
import gc

_M_MMAP_THRESHOLD = -3
"""mallopt(3)."""
_LARGE = 32 * 1024
"""Bytes; as much as a stream brings in one read when somebody pours requests into it."""


def keep_large_apart() -> None:
    """What is large gets pages of its own from the C library, which go back to the system when it is freed. Otherwise glibc
    learns from the first of them to take the next from the heap, between small things that stay: under a flood over TCP the
    heap grew by 12 MB a minute, with what was in use all the while the same. Nothing is done where there is no glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def settle_memory() -> None:
    """Spare the collector what stays for ever, and let it look less often: calls free themselves by count, and a full
    pass over ten thousand waiting callers would stop all of them for a fifth of a second. A look at what is young takes
    about a millisecond."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(4_000, 100, 20)
    gc.enable()
