"""Proves what `kill -9` at random moments leaves of 20 recordings that are being made: of everything at once, and of the
media workers alone. Every file is playable as it lies, to sox and to Python's `wave`; at most a second is missing; both
sides are there to the end; the next start gives each its row.

`KILLS=100` makes a long run of it and prints how much was lost. Does not prove loss of power: the kernel keeps what a
process has written.
"""

import json
import os
import random
import shutil
import signal
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.ua_load import Plan, UaLoad
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, load_config
from tools.peers.ports import free_port, give_back
from tools.peers.softphone import soxi
from tools.peers.switch import StartSwitch

CALLS = 20
KILLS = int(os.environ.get("KILLS", "2"))
MOST_LOST_S = 1.0


class _Killed(Exception):
    pass


def test_every_recording_is_playable_after_kills_at_random_moments(
    start_switch: StartSwitch, tmp_path: Path
) -> None:
    lost: list[float] = []
    for number in range(KILLS):
        lost += _one_kill(start_switch, tmp_path, number, only_workers=number % 2 == 1)
        if KILLS > 10:
            told = {"kills": number + 1, "files": len(lost), "most_lost_s": round(max(lost), 3)}
            print(json.dumps({**told, "mean_lost_s": round(float(np.mean(lost)), 3)}), flush=True)
    assert len(lost) == KILLS * CALLS
    assert max(lost) <= MOST_LOST_S


def _one_kill(start_switch: StartSwitch, tmp_path: Path, number: int, *, only_workers: bool) -> list[float]:
    """Seconds that are missing at the end of each recording."""
    agent_port = free_port(AGENT_ADDRESS)
    contacts = {f"a{at}": f"sip:a{at}@{AGENT_ADDRESS}:{agent_port}" for at in range(CALLS)}
    config = load_config(contacts, record=True)
    config["recording"]["encoding"] = "PCM16"
    switch = start_switch(config, name=f"k{number}")
    workers = [view["pid"] for view in switch.cli("status")["workers"]]
    killed_at: list[float] = []

    def kill() -> None:
        _wait_for_steady_talk(load)
        load.media.measuring = False
        # The switch stands still first, so that nothing repairs or continues what is looked at.
        os.kill(switch.pid, signal.SIGSTOP)
        for pid in workers if only_workers else (switch.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        killed_at.append(time.time())
        raise _Killed

    plan = Plan(server=switch.sip, callers=TRUNK_ADDRESS, agents=AGENT_ADDRESS, agent_port=agent_port, calls=CALLS,
                seconds=random.Random().uniform(0.3, 3.0), ramp=40)  # fmt: skip
    load = UaLoad(plan, on_end=kill)
    with pytest.raises(_Killed):
        load.run()
    assert load.result.connected == CALLS
    if only_workers:
        os.killpg(switch.pid, signal.SIGKILL)
    assert switch.process is not None
    switch.process.wait()
    lay = tmp_path / f"lay{number}"
    shutil.copytree(switch.state / "recordings", lay)
    switch.start()
    switch.stop()  # calls that go on after the crash end with their recordings
    rows = switch.wait_rows("SELECT * FROM recordings WHERE state != 'recording'", count=CALLS)
    paused_s = load.media.result().send_late_ms / 1000
    lost = [_lost(lay, row, killed_at[0], paused_s) for row in rows]
    for row in rows:
        mended = soxi(switch.state / "recordings" / row["path"]).seconds
        assert (
            mended == pytest.approx(row["seconds"], abs=0.001) and mended >= soxi(lay / row["path"]).seconds
        )
    give_back(switch.address, switch.media)
    shutil.rmtree(lay)
    return lost


def _wait_for_steady_talk(load: UaLoad) -> None:
    """What talkers without a processor did not say cannot be in a recording: kill while they are on time."""
    began = steady = time.monotonic()
    while time.monotonic() - steady < 0.4 and time.monotonic() - began < 30:
        load._loop_for(0.02)
        if load.media.late_s > 0.05:
            steady = time.monotonic()


def _lost(lay: Path, row: dict[str, Any], killed_at: float, paused_s: float) -> float:
    """`paused_s`: the longest time that the talkers themselves got no processor and said nothing; it may come twice."""
    path = lay / row["path"]
    with wave.open(str(path)) as wav:
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, wav.getnchannels())
    assert samples.shape[1] == 2
    assert soxi(path).seconds == pytest.approx(len(samples) / 8000, abs=0.001)
    lasted = killed_at - row["began"]
    if len(samples) > 4000:
        heard = [float(np.flatnonzero(samples[:, side]).max(initial=0)) / 8000 for side in (0, 1)]
        assert len(samples) / 8000 - min(heard) < 0.25 + 2 * paused_s, (
            f"both sides are there to the end: {path.name} {heard}"
        )
    tracks = json.loads(path.with_suffix(".json").read_text())["tracks"] if lasted > MOST_LOST_S else []
    assert [each["track"] for each in tracks] in ([0, 1], [])
    return lasted - len(samples) / 8000
