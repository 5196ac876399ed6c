"""How this process asks for memory, when it is looked through, and how it is given back when a flood is over."""

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable
from typing import Final

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


LOOK_S: Final = 1.0
QUIET: Final = 0.05
"""Of a processor, over the last second: nobody waits for what a full pass delays."""
AT_MOST_S: Final = 120.0
"""A switch that is never quiet makes a full pass this often, or what only holds itself would pile up."""
SHARE: Final = 0.02
"""Of a processor, at most, for full passes in quiet seconds: with ten thousand callers waiting each takes a fifth of a
second, and one that answers a few calls a second is quiet and grows all the time."""
_NEVER: Final = 1_000_000
"""Young passes before the interpreter makes a full one by itself."""
YOUNG: Final = 2_000
"""Things made and not freed since the last look: with fewer, nothing is worth a look."""
SAMPLE_S: Final = 0.05
LITTLE: Final = 40
"""Things of a sample that only held themselves. At this rate a hundred thousand of them await the next full pass."""
OLD: Final = 10_000
"""Things put aside since the last full pass: with fewer, none is worth another."""
MUCH: Final = 250_000
"""From so many on, and from as many as there were, the next full pass waits for nothing: it costs as much as they do. What
lives for a moment longer than a sample and holds only itself, as connections that are broken off can, took 15 MB a second,
and the pass after a minute and a half four seconds."""


def settle_memory() -> None:
    """Spare the collector what stays for ever, and have it look at what is young alone, often and at little."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 5, _NEVER)
    gc.enable()


class FullPass:
    """When one is due: in a quiet second, unless the last took long and is not long ago, or when the last is long ago, or
    when there is twice as much as after it; never when little was put aside since."""

    def __init__(self, now: float) -> None:
        self._last = now
        self._rest_s = 0.0

    def due(self, now: float, *, busy: float, grown: bool, doubled: bool = False) -> bool:
        """`busy`: the share of a processor used lately; `grown`: whether enough was put aside since; `doubled`: as much as
        there was."""
        rest_s = 0.0 if doubled else AT_MOST_S if busy > QUIET else self._rest_s
        if not grown or now - self._last < rest_s:
            return False
        self._last = now
        return True

    def made(self, took_s: float) -> None:
        """The one that was due has taken so long."""
        self._rest_s = min(took_s / SHARE, AT_MOST_S)


async def share_used(seconds: float, cpu_s: Callable[[], float]) -> float:
    """Of a processor, by this process, over the next so many seconds."""
    loop = asyncio.get_running_loop()
    when, used = loop.time(), cpu_s()
    await asyncio.sleep(seconds)
    return (cpu_s() - used) / (loop.time() - when)


async def look_through_memory(
    cpu_s: Callable[[], float] = time.process_time, collect: Callable[[], object] = gc.collect
) -> None:
    """Look once a second what the collector has to do. Runs until it is cancelled.

    Calls free themselves by count and leave nothing to find, but what their transactions keep for half a minute costs a
    tenth of a call when each thing is looked at twice before it is old; and the more is freed meanwhile, the more is looked
    at in one go. So what has been made is put aside unseen, and a sample of what follows is looked at: only while there are
    things in it that hold themselves alone, young passes are made. What was put aside is looked through in a full pass,
    which every call waits for, and which is left to quiet seconds."""
    loop = asyncio.get_running_loop()
    full_pass, aside, kept = FullPass(loop.time()), 0, gc.get_freeze_count()
    while True:
        busy = await share_used(LOOK_S, cpu_s)
        young = gc.get_count()[0]
        much = max(kept, MUCH)
        if aside + young >= much:  # but for what has been freed since, which takes a while to count
            aside = max(0, gc.get_freeze_count() - kept)
        grown = aside + young
        if full_pass.due(loop.time(), busy=busy, grown=grown >= OLD, doubled=grown >= much):
            before = cpu_s()
            gc.unfreeze()
            collect()
            full_pass.made(cpu_s() - before)
            gc.freeze()
            aside, kept = 0, gc.get_freeze_count()
        elif young < YOUNG and not gc.isenabled():
            continue
        else:
            aside += young
        gc.freeze()
        await asyncio.sleep(SAMPLE_S)
        if gc.collect(0) > LITTLE:
            gc.enable()
        else:
            gc.disable()
