"""`softswitch queue simulate`: a day of history once more, with other rules or other people.

Reads the database and the configuration and asks no switch, so that a running one loses nothing by it.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from softswitch.acd.day import Day
from softswitch.acd.errors import AcdError
from softswitch.acd.habits import Habits
from softswitch.acd.scenario import Scenario, plan
from softswitch.acd.simulation import Outcome, Simulation
from softswitch.acd.simulation_figures import FORMULAS, Figures, figures, real_outcome, slots
from softswitch.acd.strategy import STRATEGIES
from softswitch.app.replay import day_of
from softswitch.cli.options import Failure, Moment, Place, json_option, place_options
from softswitch.cli.output import length, moment, percent, show, show_json, show_rows
from softswitch.cli.place import default_config
from softswitch.cli.simulate_plot import svg
from softswitch.config import paths
from softswitch.config.loader import load
from softswitch.config.problem import ConfigError
from softswitch.config.schema import Config
from softswitch.errors import SoftswitchError
from softswitch.store.history import read_history

DAY_S = 86_400.0
SLOT_S = 1800.0
REAL, SAME, OTHER = "real day", "replayed", "simulated"


class SkillChange(click.ParamType[tuple[str, str, int]]):
    """`ana:sales=3`, `*:english=1`; level 0 takes it away."""

    name = "agent:skill=level"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str, int]:
        if isinstance(value, tuple):
            return value
        agent, _, rest = str(value).partition(":")
        skill, _, level = rest.partition("=")
        if not agent or not skill or not (level.isascii() and level.isdigit() and len(level) == 1):
            self.fail(
                f"{value!r} is no skill; write AGENT:SKILL=LEVEL, as ana:sales=3 or *:english=1", param, ctx
            )
        return agent, skill, int(level)


@click.command()
@click.option(
    "--from", "since", type=Moment(), required=True, help="yesterday, 2026-05-01, 2026-05-01T08:00 …"
)
@click.option("--to", "until", type=Moment(), default=None, help="Without it a day after --from, or now.")
@click.option("--queue", default="", help="Change and show this queue only.")
@click.option("--strategy", type=click.Choice(tuple(STRATEGIES)), default=None)
@click.option("--agents", type=click.IntRange(-10_000, 10_000), default=0, help="+2 or -1.")
@click.option(
    "--skill", "skills", type=SkillChange(), multiple=True, help="ana:sales=3; *: all; 0 takes it away."
)
@click.option(
    "--max-wait", type=click.FloatRange(0), default=None, help="Seconds until callers overflow; 0: never."
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), default=None, help="SVG file to draw."
)
@json_option
@place_options
@click.pass_context
def simulate(context: click.Context, /, as_json: bool, plot: Path | None, **given: Any) -> None:
    """Replay a day with another strategy, staffing or skill set, beside the real day."""
    place, began = context.ensure_object(Place), perf_counter()
    try:
        config = load(place.config or default_config()).config
        since, until = _window(given["since"], given["until"])
        day = day_of(asyncio.run(read_history(paths.database(config), since, until)), since, until)
        if not day.arrivals:
            raise Failure(f"no callers came to a queue from {moment(since)} to {moment(until)}")
        scenario = _scenario(given)
        outcomes = _outcomes(day, config, scenario, given["seed"])
    except ConfigError as error:
        raise Failure(str(error)) from None
    except (AcdError, SoftswitchError) as error:
        raise Failure(str(error)) from None
    levels = {name: queue.servicelevel for name, queue in config.queue.items()}
    found = {name: figures(outcome, levels, scenario.queue) for name, outcome in outcomes.items()}
    pieces = {name: slots(outcome, day, SLOT_S, levels, scenario.queue) for name, outcome in outcomes.items()}
    if plot is not None:
        plot.write_text(svg(pieces, _title(scenario), SLOT_S))
    if as_json:
        show_json(
            {
                "since": since,
                "until": until,
                "seed": given["seed"],
                "scenario": {
                    **asdict(scenario),
                    "skills": {f"{a}:{s}": n for (a, s), n in scenario.skills.items()},
                },
                "figures": {name: asdict(each) for name, each in found.items()},
                "slots": {name: [asdict(piece) for piece in each] for name, each in pieces.items()},
                "formulas": dict(FORMULAS),
                "seconds": perf_counter() - began,
            }
        )
        return
    _show(day, scenario, found, plot, perf_counter() - began)


def _window(since: float, until: float | None) -> tuple[float, float]:
    now = Moment().convert("now", None, None)
    end = min(since + DAY_S, now) if until is None else until
    if not since < end:
        raise Failure("--to must lie after --from, and --from before now")
    return since, end


def _scenario(given: Mapping[str, Any]) -> Scenario:
    return Scenario(
        queue=given["queue"],
        strategy=given["strategy"] or "",
        agents=given["agents"],
        skills={(agent, skill): level for agent, skill, level in given["skills"]},
        max_wait=given["max_wait"],
    )


def _outcomes(day: Day, config: Config, scenario: Scenario, seed: int) -> dict[str, Outcome]:
    def run(wanted: Scenario) -> Outcome:
        habits = Habits(day, lambda name: random.Random(f"{seed} {name}"))
        return Simulation(day, plan(day, config.queue, config.agent, wanted, config.matching), habits).run()

    found = {REAL: real_outcome(day), SAME: run(Scenario(queue=scenario.queue))}
    return found if scenario == Scenario(queue=scenario.queue) else {**found, OTHER: run(scenario)}


def _title(scenario: Scenario) -> str:
    parts = [
        f"strategy {scenario.strategy}" if scenario.strategy else "",
        f"{scenario.agents:+d} agents" if scenario.agents else "",
        *(f"{agent} {skill} {level}" for (agent, skill), level in scenario.skills.items()),
        f"longest wait {scenario.max_wait:g} s" if scenario.max_wait is not None else "",
    ]
    what = ", ".join(part for part in parts if part) or "nothing changed"
    return f"{scenario.queue or 'all queues'}: {what}"


def _show(
    day: Day, scenario: Scenario, found: Mapping[str, Figures], plot: Path | None, seconds: float
) -> None:
    rows: list[list[object]] = [
        ["offered", *(each.offered for each in found.values())],
        ["answered", *(each.answered for each in found.values())],
        ["abandoned", *(f"{each.abandoned} ({percent(each.abandoned_share)})" for each in found.values())],
        ["other", *(each.other for each in found.values())],
        ["service level", *(percent(each.service_level) for each in found.values())],
        ["mean wait", *(length(each.mean_wait_s) for each in found.values())],
        ["p50 wait", *(length(each.p50_wait_s) for each in found.values())],
        ["p90 wait", *(length(each.p90_wait_s) for each in found.values())],
        ["longest wait", *(length(each.longest_wait_s) for each in found.values())],
        ["occupancy", *(percent(each.occupancy) for each in found.values())],
    ]
    title = f"{moment(day.since)} to {moment(day.until)}, {_title(scenario)}"
    show_rows(title, ["", *(f"{name}>" for name in found)], rows, "")
    show(f"`{SAME}` is the same day through today's configuration: how far the replay can be believed.")
    show(f"Waits are those of answered callers. {len(day.arrivals)} callers, {seconds:.1f} s.")
    if plot is not None:
        show(f"drawn: {plot}")
