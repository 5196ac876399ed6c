"""Proves that large pieces of memory get pages of their own, in a process of its own, since it is for good; and that all
memory is looked through in quiet seconds, or seldom, and in busy ones once there is twice as much.

Does not prove that memory is flat under a flood: `benchmarks/flood.py` does.
"""

import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from softswitch.app.memory import (
    AT_MOST_S,
    LITTLE,
    LOOK_S,
    MUCH,
    OLD,
    SAMPLE_S,
    SHARE,
    YOUNG,
    FullPass,
    look_through_memory,
)
from softswitch.testing.virtual_time import run

_ASK = """
import ctypes, sys
from softswitch.app.memory import keep_large_apart

class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]

libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    print("null")
    raise SystemExit
libc.mallinfo2.restype = Mallinfo2

if len(sys.argv) > 1:
    keep_large_apart()
libc.free.argtypes, libc.malloc.restype = [ctypes.c_void_p], ctypes.c_void_p
libc.free(libc.malloc(1 << 20))  # from here on glibc takes such from the heap, if nobody said otherwise
before = libc.mallinfo2().hblks
held = [bytes(100_000) for _ in range(20)]
print(libc.mallinfo2().hblks - before)
"""


@pytest.mark.parametrize("told", [(), ("told",)])
def test_what_is_large_is_kept_apart_from_what_stays(told: tuple[str, ...]) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _ASK, *told], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(said.stdout)
    if found is None:
        pytest.skip("no glibc that tells how it keeps memory")
    assert (found > 10) is bool(told), (
        f"{found} of 20 are apart"
    )  # one or two may fit where something was freed


def test_a_full_pass_waits_for_a_quiet_second_but_not_for_ever() -> None:
    full = FullPass(0.0)
    assert not full.due(1.0, busy=0.6, grown=True)
    assert full.due(2.0, busy=0.01, grown=True)
    assert not full.due(3.0, busy=0.01, grown=False)
    assert not full.due(2.0 + AT_MOST_S - 1.0, busy=0.6, grown=True)
    assert full.due(2.0 + AT_MOST_S, busy=0.6, grown=True)
    assert not full.due(3.0 + AT_MOST_S, busy=0.6, grown=True)


@pytest.fixture
def collector() -> Iterator[None]:
    """It looks at nothing by itself, and is as before at the end."""
    gc.collect()
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


def grow(things: list[list[int]], number: int) -> None:
    """Make so many that stay."""
    things.extend([] for _ in range(number))


@pytest.mark.usefixtures("collector")
def test_full_passes_that_take_long_are_seldom_in_quiet_seconds_too() -> None:
    made: list[float] = []
    used = 0.0

    def collect() -> None:
        nonlocal used
        used += 0.2
        made.append(asyncio.get_running_loop().time())

    async def main() -> None:
        things: list[list[int]] = []
        task = asyncio.create_task(look_through_memory(lambda: used, collect))
        for _ in range(100):
            grow(things, OLD + 100)
            await asyncio.sleep(LOOK_S + SAMPLE_S)
        task.cancel()

    run(main())
    assert len(made) > 5
    assert used <= SHARE * 100 * (LOOK_S + SAMPLE_S) + 0.2


def test_what_takes_very_long_is_done_again_all_the_same() -> None:
    full = FullPass(0.0)
    assert full.due(1.0, busy=0.01, grown=True)
    full.made(AT_MOST_S)
    assert not full.due(AT_MOST_S, busy=0.01, grown=True)
    assert full.due(1.0 + AT_MOST_S, busy=0.01, grown=True)


@pytest.mark.usefixtures("collector")
def test_a_busy_process_is_looked_through_now_and_then_and_a_quiet_one_at_once() -> None:
    passes: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        busy = True
        things: list[list[int]] = []
        task = loop.create_task(
            look_through_memory(
                lambda: loop.time() * 0.7 if busy else 0.0, lambda: passes.append(loop.time() - began)
            )
        )
        await asyncio.sleep(AT_MOST_S / 4)
        for _ in range(4):
            grow(things, OLD + 100)
            await asyncio.sleep(AT_MOST_S / 2)
        grow(things, OLD + 100)
        await asyncio.sleep(AT_MOST_S / 4)
        busy = False
        await asyncio.sleep(2 * LOOK_S)
        grow(things, OLD // 2)
        await asyncio.sleep(AT_MOST_S)
        task.cancel()

    run(main())
    assert passes == pytest.approx([AT_MOST_S, 2 * AT_MOST_S, 2.5 * AT_MOST_S + LOOK_S], abs=3 * LOOK_S)


@pytest.mark.usefixtures("collector")
def test_a_busy_process_is_looked_through_once_there_is_twice_as_much() -> None:
    """What holds only itself and lives longer than a sample is found by nothing else."""
    passes: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def collect() -> None:
            gc.collect()
            passes.append(loop.time())

        gc.freeze()
        much = max(gc.get_freeze_count(), MUCH)
        task = loop.create_task(look_through_memory(lambda: loop.time() * 0.7, collect))
        await asyncio.sleep(LOOK_S / 2)
        brief: list[list[int]] = []
        for _ in range(3):  # never more than a third of it at once
            grow(brief, much // 3)
            await asyncio.sleep(2 * LOOK_S)
            brief.clear()
        assert not passes, "all of it has been freed"
        for number in (1, 2):
            _rings(much + 1000)
            await asyncio.sleep(2 * LOOK_S)
            assert len(passes) == number
        assert gc.get_freeze_count() < much + 1000
        task.cancel()

    run(main())


@pytest.mark.usefixtures("collector")
def test_young_passes_are_made_while_things_are_found_that_hold_only_themselves() -> None:
    """What has been made is put aside unseen, and a sample of what follows is looked at."""

    async def main() -> None:
        things: list[list[int]] = []
        task = asyncio.create_task(look_through_memory(lambda: 0.0, lambda: None))
        await asyncio.sleep(LOOK_S / 2)
        grow(things, YOUNG + 100)
        await asyncio.sleep(LOOK_S + SAMPLE_S)
        assert not gc.isenabled(), "what was found is in use"
        assert gc.get_freeze_count() > YOUNG
        grow(things, YOUNG + 100)
        await asyncio.sleep(LOOK_S / 2 + SAMPLE_S / 2)  # the sample is being taken
        _rings(LITTLE + 10)
        await asyncio.sleep(SAMPLE_S)
        assert gc.isenabled()
        await asyncio.sleep(LOOK_S + SAMPLE_S)
        assert not gc.isenabled(), "there are none any more"
        task.cancel()

    run(main())


@pytest.mark.usefixtures("collector")
def test_nothing_is_looked_at_while_little_is_made() -> None:
    async def main() -> None:
        gc.freeze()
        things: list[list[int]] = []
        task = asyncio.create_task(look_through_memory(lambda: 0.0, lambda: None))
        aside = gc.get_freeze_count()
        await asyncio.sleep(10 * LOOK_S)
        grow(things, YOUNG // 2)
        await asyncio.sleep(10 * LOOK_S)
        assert gc.get_freeze_count() <= aside
        task.cancel()

    run(main())


def _rings(number: int) -> None:
    for _ in range(number):
        ring: list[object] = []
        ring.append(ring)
