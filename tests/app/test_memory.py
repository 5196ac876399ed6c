"""Proves that large pieces of memory get pages of their own, in a process of its own, since it is for good.

Does not prove that memory is flat under a flood: `benchmarks/flood.py` does.
"""

import json
import subprocess
import sys

import pytest

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
