"""What the doctor asks of the machine: its clock, its disk, and what its firewall does to SIP. Changes nothing but for a
file of a few megabytes that is gone again at once.
"""

import ctypes
import os
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from softswitch.cli.doctor_check import Check, failed, good, warning
from softswitch.config import paths
from softswitch.config.schema import Config

WRITTEN_BYTES = 4 << 20
SLOW_MB_S, SLOW_SYNC_MS = 10.0, 100.0
JUMP_S = 60.0
NEARLY_FULL = 0.8
_TIME_ERROR, _STATUS_AT, _UNSYNCHRONISED = 5, 40, 0x40
"""adjtimex(2): what it returns, where `status` lies in its struct on 64-bit Linux, STA_UNSYNC."""
_PROC = Path("/proc")


def examine_machine(config: Config, proc: Path = _PROC) -> Iterator[Check]:
    yield clock_check(*_kernel_clock())
    yield from jump_check(Path(paths.database(config).removeprefix(paths.SQLITE)), time.time())
    folders = dict.fromkeys((paths.state_dir(config), paths.recordings(config)))
    for folder in folders:
        yield _write_speed(folder)
    yield from firewall_checks(proc)


def _kernel_clock() -> tuple[int, int]:
    """What adjtimex(2) returns, and its status; (-1, 0) where there is none."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        timex = ctypes.create_string_buffer(512)
        state = int(libc.adjtimex(timex))
    except (OSError, AttributeError):
        return -1, 0
    return state, struct.unpack_from("i", timex.raw, _STATUS_AT)[0]


def clock_check(state: int, status: int) -> Check:
    if state < 0:
        return warning("clock", "the kernel does not say whether it is synchronised")
    if state == _TIME_ERROR or status & _UNSYNCHRONISED:
        advice = "run chrony or systemd-timesyncd: certificates, CDRs and recordings go by this clock"
        return warning("clock", "not synchronised", advice)
    return good("clock", "synchronised")


def jump_check(database: Path, now: float) -> Iterator[Check]:
    """What the switch wrote last must not lie in the future."""
    try:
        ahead = database.stat().st_mtime - now
    except OSError:
        return
    if ahead > JUMP_S:
        advice = "set the clock right before calls are taken: CDRs would be out of order"
        yield failed("clock jump", f"{database} was written {ahead:.0f} s in the future", advice)


def _write_speed(folder: Path) -> Check:
    """As the recorder writes: a file, and what it takes until it is safe."""
    name = f"writing to {folder}"
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            began = time.monotonic()
            file.write(os.urandom(1 << 16) * (WRITTEN_BYTES >> 16))
            file.flush()
            os.fsync(file.fileno())
            took = time.monotonic() - began
            began = time.monotonic()
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
            sync_ms = (time.monotonic() - began) * 1000
    except OSError as error:
        return failed(
            name, error.strerror or str(error), "chown or mount it for the user that runs the switch"
        )
    speed = (WRITTEN_BYTES >> 20) / max(took, 1e-6)
    found = f"{speed:.0f} MB/s, safe in {sync_ms:.1f} ms"
    if speed < SLOW_MB_S or sync_ms > SLOW_SYNC_MS:
        return warning(name, found, "a slow disk delays the start of calls; use a local one")
    return good(name, found)


def firewall_checks(proc: Path) -> Iterator[Check]:
    """A helper that rewrites SIP, and a table of connections that is nearly full."""
    modules = _text(proc / "modules")
    helpers = [word for word in ("nf_nat_sip", "nf_conntrack_sip") if f"{word} " in modules]
    if helpers:
        advice = f"modprobe -r {' '.join(helpers)}; switch off the SIP ALG of routers before it too"
        yield warning("SIP ALG", f"{', '.join(helpers)} rewrites SIP on its way", advice)
    else:
        yield good("SIP ALG", "none in this kernel; a router may have one")
    table = proc / "sys/net/netfilter"
    count, most = _text(table / "nf_conntrack_count").strip(), _text(table / "nf_conntrack_max").strip()
    if count.isdecimal() and most.isdecimal() and int(most):
        found = f"{count} of {most} connections tracked"
        if int(count) > NEARLY_FULL * int(most):
            advice = "sysctl net.netfilter.nf_conntrack_max, or NOTRACK for the media ports"
            yield warning("connection tracking", found, advice)
        else:
            yield good("connection tracking", found)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
