"""What processes cost, read from /proc: a process and all its descendants, CPU seconds and resident memory."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    pid: int
    name: str
    """Last parts of the command line."""
    cpu_s: float
    rss_mb: float
    files: int
    """Open file descriptors."""


def usage(pid: int) -> Usage | None:
    """None when the process is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        command = (folder / "cmdline").read_bytes().split(b"\0")
        files = len(list((folder / "fd").iterdir()))
    except OSError:
        return None
    name = " ".join(part.decode("utf-8", "replace") for part in command if part)[-60:]
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    return Usage(pid, name, cpu, int(fields[21]) * _PAGE / 1e6, files)


def children(pid: int) -> list[int]:
    """Direct children of all threads."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        waiting += [child for child in children(current) if child not in found]
    return found


def family_usage(pid: int) -> dict[int, Usage]:
    return {one.pid: one for one in map(usage, family(pid)) if one is not None}


def cpu_between(before: Mapping[int, Usage], after: Mapping[int, Usage]) -> dict[str, float]:
    """CPU seconds used by each process, by `pid name`."""
    return {
        f"{pid} {now.name}": round(now.cpu_s - (before[pid].cpu_s if pid in before else 0.0), 3)
        for pid, now in after.items()
    }
