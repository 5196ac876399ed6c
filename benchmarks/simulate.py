"""How long `softswitch queue simulate` takes for a day, from the database to the plot.

python -m benchmarks.simulate [--calls 6000] [--plot FILE] [-- OPTIONS OF queue simulate]

Makes up a day (`generated_day`), writes it into a new database through the store's own writer, and runs the command as
a process of its own. Prints one JSON line with the time that passed and the CPU it took, which tells more where others
are at work; ends with 1 above `BAR_S`.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter

from benchmarks.generated_day import Centre, generated
from softswitch.acd.day import Duty
from softswitch.acd.values import AgentStatus
from softswitch.clock import SystemClock
from softswitch.config.queues import Agent, Queue
from softswitch.ids import OfferId
from softswitch.store.rows import AgentInterval, CallStarted, OfferRow, QueueVisit, Row
from softswitch.store.store import Store

BAR_S = 30.0
FROM = "2023-11-14T00:00"


def configuration(centre: Centre, folder: Path) -> str:
    """The centre as a configuration file."""
    lines = ["[general]", f'state_dir = "{folder}"']
    for name, queue in centre.queues.items():
        lines += _queue(name, queue)
    for name, agent in centre.agents.items():
        lines += _agent(name, agent)
    return "\n".join(lines) + "\n"


def _queue(name: str, queue: Queue) -> list[str]:
    return [
        f"[queue.{name}]",
        f"skills = {_inline(queue.skills)}",
        f"wrapuptime = {queue.wrapuptime}",
        f"servicelevel = {queue.servicelevel}",
        f"weight = {queue.weight}",
    ]


def _agent(name: str, agent: Agent) -> list[str]:
    return [
        f"[endpoint.{agent.endpoint}]",
        f'contact = "sip:{agent.endpoint}@192.0.2.1"',
        f"[agent.{name}]",
        f'endpoint = "{agent.endpoint}"',
        f"skills = {_inline(agent.skills)}",
    ]


def _inline(skills: Mapping[str, int]) -> str:
    return "{ " + ", ".join(f"{skill} = {level}" for skill, level in skills.items()) + " }"


async def write(centre: Centre, folder: Path) -> None:
    """The day as a switch would have written it down."""
    store = await Store.open(
        f"sqlite:///{folder / 'softswitch.db'}", clock=SystemClock(), on_alarm=lambda name, problem: None
    )
    for count, row in enumerate(_rows(centre)):
        store.writer.submit(row)
        if count % 500 == 0:
            await store.writer.flush(30.0)
    await store.close()


def _rows(centre: Centre) -> list[Row]:
    day = centre.day
    rows: list[Row] = []
    for arrival in day.arrivals:
        rows.append(
            CallStarted(
                call=arrival.call,
                node="sw1",
                started=arrival.at,
                source="trunk:carrier",
                ani="",
                ani_name="",
                dnis="",
                sip_call_id=arrival.call,
            )
        )
        rows.append(
            QueueVisit(
                call=arrival.call,
                queue=arrival.queue,
                entered=arrival.at,
                left=arrival.at + arrival.waited_s,
                outcome=arrival.outcome,
                wait_s=arrival.waited_s,
                position=1,
                original_position=1,
                priority=arrival.priority,
                talk_s=arrival.talk_s,
                wrapup_s=max(0.0, arrival.wrapup_s),
                needs=json.dumps(dict(arrival.skills)) if arrival.skills else "",
            )
        )
    for duty in day.duties:
        rows += _intervals(duty, day.times.get(duty.agent, {}))
    first = day.arrivals[0]
    for count, reaction in enumerate(day.reactions):
        rows.append(
            OfferRow(
                offer=OfferId(f"o{count}"),
                call=first.call,
                queue=first.queue,
                agent=reaction.agent,
                offered=first.at,
                ended=first.at + reaction.after_s,
                result=reaction.result.value,
                sip_status=200,
                rang_s=reaction.after_s,
                why="{}",
            )
        )
    return rows


def _intervals(duty: Duty, times: Mapping[str, float]) -> Iterator[AgentInterval]:
    """A stretch of duty; one of work is cut into states in proportion to those of the whole day."""
    shares = {"paused": 1.0}
    if duty.status is AgentStatus.AVAILABLE:
        shares = {
            state: times[state] for state in ("idle", "ringing", "talking", "wrap-up") if times.get(state)
        }
        shares = shares or {"idle": 1.0}
    began, total = duty.began, sum(shares.values())
    for state, share in shares.items():
        ended = began + (duty.ended - duty.began) * share / total
        yield AgentInterval(
            agent=duty.agent,
            status=duty.status.value,
            reason=duty.reason,
            state=state,
            began=began,
            ended=ended,
            queue=None,
            call=None,
        )
        began = ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="Folder for database and configuration.")
    parser.add_argument("options", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        centre = generated(given.calls, given.seed)
        asyncio.run(write(centre, folder))
        config = folder / "softswitch.toml"
        config.write_text(configuration(centre, folder))
        plot = given.plot or folder / "day.svg"
        began = perf_counter()
        options = given.options or ["--agents", "+2", "--strategy", "fewest-calls"]
        window = ["--from", FROM, "--to", "2023-11-16T00:00"]
        command = [sys.executable, "-m", "softswitch", "queue", "simulate", "--config", str(config), *window]
        done = subprocess.run(
            [*command, "--plot", str(plot), "--json", *options],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    answer = json.loads(done.stdout)
    print(
        json.dumps(
            {
                "benchmark": "simulate",
                "calls": given.calls,
                "agents": len(centre.agents),
                "options": options,
                "seconds": round(seconds, 2),
                "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                "bar_s": BAR_S,
                "figures": answer["figures"],
            }
        )
    )
    sys.exit(seconds > BAR_S)


if __name__ == "__main__":
    main()
