"""Packets that the kernel threw away: so that a queue of the machine that is full is told from a switch that loses.

`backlog` counts what the loopback's queue of each processor had no room for, `buffers` what a socket's receive buffer
had no room for because its owner did not read. Both are of the whole machine.
"""

from pathlib import Path


def kernel_drops() -> dict[str, int]:
    """Totals since the machine started."""
    backlog = sum(
        int(line.split()[1], 16) for line in Path("/proc/net/softnet_stat").read_text().splitlines()
    )
    names, values = (
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")
    )
    udp = dict(zip(names, values, strict=True))
    return {"backlog": backlog, "buffers": int(udp["RcvbufErrors"])}
