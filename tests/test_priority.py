"""Proves that a preference is what `nice` says, also for threads that come later, that a child can be rid of it, and that
who has no right to it goes on without.

Each case is a process of its own: what is preferred once cannot be taken back by everybody.
"""

import os
import subprocess
import sys

import pytest


def said(*lines: str) -> list[str]:
    script = "\n".join(
        ("import os, subprocess, sys, threading, time", "from softswitch.priority import *", *lines)
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    return run.stdout.split()


def test_a_process_and_its_later_threads_are_as_nice_as_is_said() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    more = min(before + 3, 19)
    assert said("prefer(0)", "print(os.getpriority(os.PRIO_PROCESS, 0))") == [str(before)]
    thread = (
        "t = threading.Thread(target=lambda: print(os.getpriority(os.PRIO_PROCESS, 0))); t.start(); t.join()"
    )
    assert said(f"prefer({more})", "print(os.getpriority(os.PRIO_PROCESS, 0))", thread) == [str(more)] * 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may prefer itself")
def test_a_child_can_be_rid_of_it() -> None:
    child = "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)"
    told = "print(os.getpriority(os.PRIO_PROCESS, child.pid)); child.communicate(b'x')"
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert said("prefer(-3)", child, "prefer_no_more(child.pid)", told) == [str(before)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_without_the_right_it_stays_as_it_was() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    nobody = "os.setgroups([]); os.setgid(65534); os.setuid(65534)"
    lines = said(nobody, "prefer(-20)", "print(os.getpriority(os.PRIO_PROCESS, 0))")
    assert lines[-1] == str(before)
