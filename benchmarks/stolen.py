"""Processor time that the host of a virtual machine gave to others: what is measured meanwhile is the host and no
switch."""

import os
from pathlib import Path

_STEAL_FIELD = 8


def stolen_s() -> float:
    """Seconds of all processors together since the machine started; stays 0 on a machine of its own."""
    totals = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    ticks = int(totals[_STEAL_FIELD]) if len(totals) > _STEAL_FIELD else 0
    return ticks / os.sysconf("SC_CLK_TCK")
