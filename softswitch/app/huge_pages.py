"""Moves the memory of a busy process into huge pages, one at a time (madvise(2), MADV_COLLAPSE; Linux 6.1 and later).

A call touches thousands of small things all over the heap, and much of what the processor waits for is finding their
pages: in pages of 2 MB a call costs a twentieth less. A switch that has little to do keeps its small pages, and what is
mostly empty is left as it is, so that little memory is taken for it. Threads look and move: a look takes some milliseconds,
and before it moves a page the kernel waits for every processor, a tenth of a second where all are busy. Where it cannot,
nothing is done.
"""

import asyncio
import ctypes
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from softswitch.app.memory import share_used

LOOK_S: Final = 1.0
BUSY: Final = 0.2
"""Of a processor, over the last second: from here on it is worth it."""
PAUSE_S: Final = 0.05
"""Between two pages: moving one takes some milliseconds of a processor."""
AGAIN_S: Final = 8.0
"""What has been added since is looked for so often, while the process is busy: at 200 calls a second its memory grows by
megabytes each second until the first calls are forgotten, and looked for once a minute that cost a thirtieth of a call."""
HUGE: Final = 1 << 21
_FILLED: Final = 0.75
"""An area with less of it in use is left alone: stacks of threads, room that a library keeps."""
_MADV_COLLAPSE: Final = 25
_AREA: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *(?:\[heap\])?$")
_SMAPS: Final = Path("/proc/self/smaps")
_madvise: Final = getattr(ctypes.CDLL(None), "madvise", None)


def small_pages(smaps: Iterable[str]) -> Iterator[int]:
    """Addresses of what could be a huge page each: in areas of the process's own that are in use and not yet of huge pages.
    `smaps`: the lines of /proc/PID/smaps (proc(5))."""
    area: re.Match[str] | None = None
    in_use = 0
    for line in smaps:
        name, _, value = line.partition(":")
        if "-" in name:
            area = _AREA.match(line)
        elif area is not None and name == "Rss":
            in_use = _bytes(value)
        elif area is not None and name == "AnonHugePages":
            begin, end = int(area[1], 16), int(area[2], 16)
            pages = range(-(-begin // HUGE) * HUGE, end // HUGE * HUGE, HUGE)
            if in_use >= _FILLED * (end - begin) and _bytes(value) < len(pages) * HUGE:
                yield from pages


def collapse(address: int) -> bool:
    """Make the two megabytes at `address` one page; False when the kernel does not."""
    if _madvise is None:
        return False
    return bool(_madvise(ctypes.c_void_p(address), ctypes.c_size_t(HUGE), _MADV_COLLAPSE) == 0)


async def _moved_beside(address: int) -> bool:
    return await asyncio.to_thread(collapse, address)


async def _found_beside() -> list[int]:
    return await asyncio.to_thread(lambda: list(small_pages(_SMAPS.read_text().splitlines())))


async def use_huge_pages(
    cpu_s: Callable[[], float] = time.process_time,
    found: Callable[[], Awaitable[list[int]]] = _found_beside,
    move: Callable[[int], Awaitable[bool]] = _moved_beside,
) -> None:
    """Look once a second whether this process is busy, and move it then. Ends where the kernel cannot."""
    loop = asyncio.get_running_loop()
    looked = float("-inf")
    while True:
        busy, now = await share_used(LOOK_S, cpu_s), loop.time()
        if busy < BUSY or now - looked < AGAIN_S:
            continue
        looked = now
        try:
            pages = await found()
        except OSError:
            return
        moved = 0
        for page in pages:
            moved += await move(page)
            await asyncio.sleep(PAUSE_S)
        if pages and not moved:
            return


def _bytes(value: str) -> int:
    """Of `  123 kB`."""
    return int(value.split()[0]) * 1024
