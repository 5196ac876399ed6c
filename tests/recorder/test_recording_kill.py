"""Proves with sox and Python's `wave` that recordings survive `kill -9` at random moments as they are: headers agree with
the files, every sample is the one that was sent, both channels are aligned, at most a second is missing. Also that repair
then finds the true length.

What is missing is measured from when the process last ran: on a machine that gives it no time for a second nothing can be
sent, taken or written in that second. `KILLS=100` makes more kills of it.

Does not prove anything about the loss of power: nothing is synchronised.
"""

import os
import random
import signal
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from recording_child import sound

from softswitch.g711 import DECODE_ULAW
from softswitch.recorder.files import repair

KILLS = int(os.environ.get("KILLS", "5"))
WRITTEN_S = 0.65
"""SETTLE_S and WRITE_S of the recorder, and its grain."""
OFTEN_S = 0.25
"""How often the recorder asks to be let write."""
RECORDINGS = 20
CHILD = Path(__file__).parent / "recording_child.py"
ROOT = Path(__file__).parent.parent.parent


def run_until_killed(folder: Path, encoding: str, after: float) -> float:
    """Seconds that were recorded when the child was killed."""
    command = [sys.executable, str(CHILD), str(folder), str(RECORDINGS), encoding]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, text=True
    )
    try:
        assert child.stdout is not None
        began = float(child.stdout.readline().split()[1])
        time.sleep(max(0.0, began + after - time.monotonic()))
        lasted = time.monotonic() - began
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    return lasted


@pytest.mark.parametrize("kill", range(KILLS))
@pytest.mark.parametrize("encoding", ["PCMU", "PCM16"])
def test_recordings_survive_a_kill(tmp_path: Path, encoding: str, kill: int) -> None:
    lasted = run_until_killed(tmp_path, encoding, random.Random().uniform(0.3, 2.6))
    flushed, pause = struct.unpack("dd", (tmp_path / "flushed").read_bytes())
    sent = [DECODE_ULAW[np.frombuffer(sound(track), np.uint8)] for track in (0, 1)]
    for index in range(RECORDINGS):
        path = tmp_path / f"{index}.wav"
        got = read(path, encoding)
        frames = len(got)
        assert flushed - frames / 8000 <= WRITTEN_S, (lasted, flushed, frames)
        if max(pause, lasted - flushed) <= OFTEN_S:
            assert lasted - frames / 8000 <= 1.0, (lasted, flushed, frames)
        # The clock's grain: a recording begins up to two samples before its first packet, on both sides alike.
        lead = next(lead for lead in range(3) if np.array_equal(got[lead:, 0], sent[0][: frames - lead]))
        assert np.array_equal(got[lead:, 1], sent[1][: frames - lead])
        true = repair(path)
        assert true is not None and 0 <= true - frames / 8000 < 0.5
        assert len(read(path, encoding)) == round(true * 8000)


def read(path: Path, encoding: str) -> np.ndarray:
    if encoding == "PCM16":
        with wave.open(str(path)) as wav:
            raw = wav.readframes(wav.getnframes())
    else:
        command = ["sox", "-D", path, "-t", "raw", "-e", "signed", "-b", "16", "-"]
        done = subprocess.run(command, capture_output=True, check=True)
        assert not done.stderr, done.stderr
        raw = done.stdout
    return np.frombuffer(raw, "<i2").reshape(-1, 2)
