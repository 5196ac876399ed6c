"""Proves on the running switch that `calls record CALL mask` makes the span between the side file's markers silent in both
tracks while sound is around it, that pausing keeps one file, and that the side file names who was on which track.

Does not prove the rules of the recorder; `tests/recorder` does.
"""

import json
import threading
import time
import wave

import numpy as np

from benchmarks.ua_load import Plan, UaLoad
from softswitch.recorder.writer import MASK_TAIL_S
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, load_config
from tools.peers.ports import free_port
from tools.peers.switch import StartSwitch, wait_for

GRAIN = 8
"""The side file counts milliseconds."""


def test_a_live_call_is_masked_and_paused_from_the_command_line(start_switch: StartSwitch) -> None:
    agent_port = free_port(AGENT_ADDRESS)
    config = load_config({"a0": f"sip:a0@{AGENT_ADDRESS}:{agent_port}"}, record=True)
    config["recording"]["encoding"] = "PCM16"
    switch = start_switch(config)
    plan = Plan(server=switch.sip, callers=TRUNK_ADDRESS, agents=AGENT_ADDRESS, agent_port=agent_port, calls=1,
                seconds=10.0)  # fmt: skip
    load = UaLoad(plan)

    def steer() -> None:
        call = wait_for(
            lambda: [each["call"] for each in switch.cli("calls") if each["recording"]], 8, "a talk"
        )[0]
        for what in ("mask", "unmask", "pause", "resume"):
            time.sleep(0.5 + MASK_TAIL_S)
            assert switch.command("calls", "record", call, what).returncode == 0
        load.enough = time.monotonic() + 0.7

    steering = threading.Thread(target=steer)
    steering.start()
    load.run()
    steering.join()
    [row] = switch.wait_rows("SELECT * FROM recordings WHERE state = 'ended'")
    path = switch.state / "recordings" / row["path"]
    with wave.open(str(path)) as wav:
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
    side = json.loads(path.with_suffix(".json").read_text())
    at = {mark["kind"]: round(mark["at_s"] * 8000) for mark in side["markers"]}
    assert list(at) == ["masked", "unmasked", "paused", "resumed"]
    assert [(each["track"], each["name"]) for each in side["tracks"]] == [(0, "caller"), (1, "agent:a0")]
    unmasked = at["unmasked"] + int(MASK_TAIL_S * 8000)
    assert not samples[at["masked"] + GRAIN : unmasked - GRAIN].any()
    assert not samples[at["paused"] + GRAIN : at["resumed"] - GRAIN].any()
    for first, last in (
        (at["masked"] - 1600, at["masked"] - 400),
        (unmasked + 400, at["paused"] - 400),
    ):
        assert samples[first:last, 0].any() and samples[first:last, 1].any()
    assert switch.rows("SELECT count(*) AS n FROM recordings")[0]["n"] == 1
