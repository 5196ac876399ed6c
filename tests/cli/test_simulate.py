"""`softswitch queue simulate` from a database and a configuration to table, JSON and plot.

Proves: rows of a real database become a day that replays; overflowed visits are not counted twice; scenarios and bad
options. Does not prove the figures themselves: `tests/acd/test_simulation.py`.
"""

import asyncio
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from benchmarks.generated_day import generated
from benchmarks.simulate import configuration, write
from softswitch.acd.values import AgentStatus
from softswitch.app.replay import day_of
from softswitch.cli.main import cli
from softswitch.store.history import History

WINDOW = ("--from", "2023-11-14T00:00", "--to", "2023-11-16T00:00")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("day")
    centre = generated(200, seed=2)
    asyncio.run(write(centre, folder))
    path = folder / "softswitch.toml"
    path.write_text(configuration(centre, folder))
    return path


def simulate(config: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["queue", "simulate", "--config", str(config), *WINDOW, *options])


def test_a_day_stands_beside_itself_and_beside_two_more_agents(config: Path, tmp_path: Path) -> None:
    plot = tmp_path / "day.svg"
    done = simulate(config, "--agents", "+2", "--strategy", "fewest-calls", "--plot", str(plot))
    assert done.exit_code == 0, done.output
    for word in ("real day", "replayed", "simulated", "service level", "p90 wait", "occupancy", "+2 agents"):
        assert word in done.output
    drawn = ElementTree.fromstring(plot.read_text())
    assert len(drawn.findall(".//{http://www.w3.org/2000/svg}polyline")) == 6


def test_json_has_all_figures_and_the_same_seed_the_same(config: Path) -> None:
    first, again = (json.loads(simulate(config, "--json", "--agents", "-1").output) for _ in range(2))
    assert first["figures"] == again["figures"]
    assert set(first["figures"]) == {"real day", "replayed", "simulated"}
    assert first["figures"]["real day"]["offered"] == 200
    assert first["formulas"]["occupancy"]


def test_without_a_change_only_the_replay_stands_beside_the_day(config: Path) -> None:
    answer = json.loads(simulate(config, "--json", "--queue", "sales").output)
    assert set(answer["figures"]) == {"real day", "replayed"}


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--skill", "ana"), "AGENT:SKILL=LEVEL"),
        (("--skill", "nobody:sales=2"), "no agent nobody"),
        (("--queue", "nowhere"), "no queue nowhere"),
        (("--strategy", "fastest"), "fastest"),
        (("--agents", "-900"), "cannot be taken away"),
        (("--from", "2001-01-01", "--to", "2001-01-02"), "no callers came"),
        (("--to", "2023-11-13"), "must lie after"),
    ],
)
def test_what_cannot_be_simulated_is_said(config: Path, options: tuple[str, ...], word: str) -> None:
    done = simulate(config, *options)
    assert done.exit_code != 0
    assert word in done.output


def test_a_switch_that_never_ran_has_no_history(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "softswitch.toml"
    other.write_text(f'[general]\nstate_dir = "{tmp_path / "none"}"\n')
    done = simulate(other)
    assert done.exit_code == 1
    assert "no day has been written down" in done.output


def test_rows_become_arrivals_and_stretches_of_duty() -> None:
    visit = {
        "call": "c1",
        "queue": "sales",
        "entered": 10.0,
        "left": 40.0,
        "outcome": "timeout",
        "wait_s": 30.0,
        "priority": 2,
        "needs": '{"english": 3}',
        "ani": "600",
        "talk_s": 0.0,
        "hold_s": 0.0,
        "wrapup_s": 0.0,
    }
    second = {
        **visit,
        "queue": "support",
        "entered": 40.2,
        "left": 50.0,
        "outcome": "answered",
        "talk_s": 9.0,
    }
    row = {"agent": "ana", "status": "available", "reason": "", "state": "idle", "began": 0.0, "ended": 20.0}
    rows = [
        row,
        {**row, "state": "talking", "began": 20.0, "ended": 30.0},
        {**row, "state": "occupied", "began": 30.0, "ended": 35.0},
        {**row, "status": "paused", "reason": "lunch", "state": "paused", "began": 60.0, "ended": 200.0},
    ]
    day = day_of(
        History(
            visits=[visit, second],
            intervals=rows,
            offers=[{"agent": "ana", "result": "lost race", "rang_s": 3.0}],
        ),
        0.0,
        100.0,
    )
    assert [(each.queue, each.follows, each.skills) for each in day.arrivals] == [
        ("sales", False, {"english": 3}),
        ("support", True, {"english": 3}),
    ]
    assert [(duty.began, duty.ended, duty.status, duty.occupied) for duty in day.duties] == [
        (0.0, 30.0, AgentStatus.AVAILABLE, False),
        (30.0, 35.0, AgentStatus.AVAILABLE, True),
        (35.0, 60.0, AgentStatus.LOGGED_OUT, False),
        (60.0, 100.0, AgentStatus.PAUSED, False),
    ]
    assert day.times["ana"] == {"idle": 20.0, "talking": 10.0, "occupied": 5.0, "paused": 40.0}  # type: ignore[index]
    assert day.reactions == ()
