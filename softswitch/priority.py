"""Which of this machine's processes go first: those that carry audio and calls, before what else it does (sched(7))."""

import os
from contextlib import suppress
from pathlib import Path

import structlog

_GROUP = Path("/proc/self/autogroup")

_log = structlog.get_logger(__name__)


_BEFORE = os.getpriority(os.PRIO_PROCESS, 0)


def prefer(nice: int) -> None:
    """This process, and threads that it starts from now on; refused without the right to it (root, RLIMIT_NICE), and then
    left. Where the kernel groups processes by their session (autogroup), a priority counts among those only: a session of
    our own is preferred as a whole, one that we share with a terminal is left."""
    if not nice:
        return
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        if _GROUP.exists() and os.getsid(0) == os.getpid():
            _GROUP.write_text(str(nice))
    except OSError as error:
        _log.info("priority not changed", nice=nice, problem=error.strerror)


def prefer_no_more(pid: int) -> None:
    """A child inherits no preference."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _BEFORE)
