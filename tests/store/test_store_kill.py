"""Proves that `kill -9` at random moments loses no call whose start or end was acknowledged, doubles none, and that the
next start gives each call that was cut off exactly one CDR whose end is at most a heartbeat old.

Does not prove anything about the loss of power, which only a cut of power can show.
"""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_rows import FixedClock

from softswitch.store.store import Store

KILLS = 10
CHILD = Path(__file__).parent / "store_child.py"
ROOT = Path(__file__).parent.parent.parent


def run_until_killed(folder: Path, after: float) -> tuple[list[str], list[str], float]:
    """Calls whose start and whose end were acknowledged, and when the child was killed."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(after)
    finally:
        child.send_signal(signal.SIGKILL)
        killed = time.time()
    # A line cut off by the kill has no end: its commit may be acknowledged or not, so it proves nothing.
    lines = [line.split() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    child.wait()
    return (
        [call for what, call in lines if what == "started"],
        [call for what, call in lines if what == "finished"],
        killed,
    )


@pytest.mark.parametrize("kill", range(KILLS))
async def test_each_call_has_one_cdr_after_a_kill(tmp_path: Path, kill: int) -> None:
    began, ended, killed = run_until_killed(tmp_path, random.Random().uniform(0.05, 0.8))
    store = await Store.open(f"sqlite:///{tmp_path}/s.db", clock=FixedClock(), on_alarm=lambda *_: None)
    closed = {row.call: row for row in (await store.close_unfinished()).calls}
    await store.close()
    with sqlite3.connect(tmp_path / "s.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        calls = dict(connection.execute("SELECT call, cause FROM calls WHERE ended IS NOT NULL"))
        unfinished = connection.execute("SELECT count(*) FROM calls WHERE ended IS NULL").fetchone()[0]
        journal = connection.execute("SELECT count(*) FROM journal").fetchone()[0]
        recording = connection.execute("SELECT count(*) FROM recordings WHERE state='recording'").fetchone()[
            0
        ]
    assert (unfinished, journal, recording) == (0, 0, 0)
    assert set(began) <= set(calls), "a start that was acknowledged is there"
    assert all(calls[call] == "normal" for call in ended), "an end that was acknowledged is there"
    assert {call for call, cause in calls.items() if cause == "crash"} == set(closed)
    assert all(killed - 2.0 <= row.ended <= killed + 0.1 for row in closed.values())
