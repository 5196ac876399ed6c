"""Proves that `softswitch why` and `why-idle` explain a live mixed scenario of SIPp: a skill that is not enough until a
step lowers it, a paused agent, one on a call, one in wrap-up; while the calls live, and from their rows afterwards.

The words against every other reason are proved in `tests/story/test_why_story.py`.
"""

from collections.abc import Iterator

import pytest
from queue_scenes import Floor, Scenes, Telling, ended

from tools.peers.centre import queue
from tools.peers.switch import wait_for

SCENES = Scenes(
    agents={
        "ana": {"skills": {"english": 1}},
        "ben": {"skills": {"english": 3}},
        "eva": {"skills": {"english": 4}},
    },
    queues={
        "mixed": {
            **queue(skills={"english": 2}, wrapuptime=30),
            "steps": [{"after": 4, "skills": {"english": 1}}],
        }
    },
    routes={"600": {"to": "queue:mixed"}},
)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with SCENES.begun(tmp_path_factory.mktemp("scenes")) as telling:
        yield telling


def told(f: Floor, *command: str) -> list[str]:
    """What the command prints."""
    done = f.switch.command(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.strip() for line in done.stdout.splitlines()]


@SCENES.told
def test_why_and_why_idle_on_a_live_mixed_scenario(f: Floor) -> None:
    f.pause("ben", "lunch")
    eva = f.serving("eva")
    first = f.caller("600", lambda s: s.connected().pause(3.0).bye())
    f.talking(eva)
    ana = f.phone("ana").does(lambda s: s.ring().accept().pause(0.5).bye())
    second = f.caller("600")
    wait_for(lambda: second.ani in f.waiting("mixed"), 10, "the second waits")
    idle = {name: f.control.get("why", "agents", name)["lines"] for name in ("ana", "ben", "eva")}
    live = [line["text"] for line in f.control.get("why", "calls", second.id)["lines"]]
    assert idle["ana"][0].startswith("idle, and those who wait are not for him"), idle["ana"]
    assert idle["ana"][1] == "queue mixed: 1 waiting; not for him: skill english 1 < 2 (1 waiting)"
    assert idle["ben"][0].startswith("paused (lunch), since ")
    assert idle["eva"][0].startswith(f"on call {first.id} of queue mixed, since ")
    assert live[-1].startswith("waits in queue mixed at position 1, "), live
    first.over()
    assert told(f, "why-idle", "eva")[0].startswith("eva: in wrap-up, ")
    second.over()
    ended(eva, ana)
    past = told(f, "why", first.cdr()["call"])
    [offer] = [line for line in past if "offered to" in line]
    assert "offered to eva by longest-idle" in offer, offer
    assert "ana: skill english 1 < 2" in offer and "ben: paused (lunch)" in offer, offer
    assert any("talks with eva" in line for line in past) and "ended by caller: normal (SIP 200)" in past[-1]
    past = told(f, "why", second.cdr()["call"])
    step = next(at for at, line in enumerate(past) if "after 4 s english 1 suffices" in line)
    assert "offered to ana" in past[step + 1] and "needed english 1" in past[step + 1], past
