"""Processor time that the host of a virtual machine gave to others: what is measured meanwhile is the host and no
switch."""

import os
import time
from pathlib import Path

_STEAL_FIELD = 8


def stolen_s() -> float:
    """Seconds of all processors together since the machine started; stays 0 on a machine of its own."""
    totals = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    ticks = int(totals[_STEAL_FIELD]) if len(totals) > _STEAL_FIELD else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def await_calm(most_share: float, *, watch_s: float = 4.0, at_most_s: float = 90.0) -> None:
    """Return once the host has taken less than `most_share` of the machine for `watch_s`, or in any case after
    `at_most_s`: it takes in bursts, and whoever begins between two of them has a chance."""
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        began, before = time.monotonic(), stolen_s()
        time.sleep(watch_s)
        watched = (time.monotonic() - began) * (os.cpu_count() or 1)
        if stolen_s() - before < most_share * watched:
            return
