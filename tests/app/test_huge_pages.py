"""Proves which memory is moved into huge pages, when, and by the kernel itself in a process of its own.

Does not prove that a call costs less by it: `benchmarks/call_setup.py` does.
"""

import asyncio
import json
import subprocess
import sys

import pytest

from softswitch.app.huge_pages import AGAIN_S, BUSY, HUGE, small_pages, use_huge_pages
from softswitch.testing.virtual_time import run

_SMAPS = """\
00400000-00800000 r-xp 00000000 fe:00 131                                /usr/bin/python3
Rss:                4096 kB
AnonHugePages:         0 kB
10100000-10800000 rw-p 00000000 00:00 0                                  [heap]
Rss:                7000 kB
AnonHugePages:         0 kB
20000000-20800000 rw-p 00000000 00:00 0
Rss:                 100 kB
AnonHugePages:         0 kB
30000000-30400000 rw-p 00000000 00:00 0
Rss:                4096 kB
AnonHugePages:      4096 kB
40000000-40400000 rw-p 00000000 00:00 0
Rss:                4096 kB
AnonHugePages:      2048 kB
50000000-50400000 rw-s 00000000 00:01 77                                 /memfd:ring (deleted)
Rss:                4096 kB
AnonHugePages:         0 kB
60000000-60400000 rw-p 00000000 fe:00 131                                /usr/lib/libc.so.6
Rss:                4096 kB
AnonHugePages:         0 kB
"""

_ASK = """
import json
from softswitch.app.huge_pages import collapse, small_pages

def huge():
    return sum(int(line.split()[1]) for line in open("/proc/self/smaps") if line.startswith("AnonHugePages"))

kept = [str(number) * 3 for number in range(300_000)]
before = huge()
moved = sum(collapse(page) for page in list(small_pages(open("/proc/self/smaps").read().splitlines())))
print(json.dumps([moved, huge() - before, kept == [str(number) * 3 for number in range(300_000)]]))
"""


def test_only_memory_of_our_own_that_is_in_use_and_in_small_pages_is_moved() -> None:
    assert list(small_pages(_SMAPS.splitlines())) == [
        0x10200000, 0x10400000, 0x10600000,
        0x40000000, 0x40200000,
    ]  # fmt: skip


def test_the_kernel_moves_it_and_what_was_in_it_is_still_there() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, check=True, timeout=60
    )
    moved, grown_kb, same = json.loads(said.stdout)
    assert same
    if not moved:
        pytest.skip("this kernel moves no memory into huge pages")
    assert grown_kb >= HUGE // 1024


class Watched:
    """A process that is `busy`, with so many pages to move, of which the kernel takes those that it `can`."""

    def __init__(self, *, busy: float, pages: int, can: bool = True) -> None:
        self.busy = busy
        self.looks: list[float] = []
        self.moved: list[int] = []
        self._pages = pages
        self._can = can

    async def watch(self, seconds: float) -> bool:
        """Whether it still looks after so long."""
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def found() -> list[int]:
            self.looks.append(loop.time() - began)
            return list(range(self._pages))

        async def move(page: int) -> bool:
            self.moved.append(page)
            return self._can

        task = loop.create_task(use_huge_pages(lambda: (loop.time() - began) * self.busy, found, move))
        await asyncio.sleep(seconds)
        going = not task.done()
        task.cancel()
        return going


def test_a_switch_with_little_to_do_keeps_its_small_pages() -> None:
    watched = Watched(busy=BUSY / 2, pages=5)
    assert run(watched.watch(300.0))
    assert not watched.looks


def test_a_busy_one_is_moved_and_looked_at_again_later() -> None:
    watched = Watched(busy=0.7, pages=5)
    assert run(watched.watch(AGAIN_S + 5.0))
    assert len(watched.looks) == 2 and watched.moved == [*range(5), *range(5)]


def test_nothing_is_tried_again_where_the_kernel_cannot() -> None:
    watched = Watched(busy=0.7, pages=5, can=False)
    assert not run(watched.watch(AGAIN_S + 5.0))
    assert len(watched.looks) == 1
