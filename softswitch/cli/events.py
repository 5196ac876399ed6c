"""`softswitch events`: what happens, as it happens; and who hears it."""

from datetime import datetime
from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import clean, console, show, show_json, show_json_line, show_rows

_HEAD = {"seq", "type", "time", "node", "ami"}


@click.group()
def events() -> None:
    """What happens, as it happens; and who hears it."""


@events.command()
@click.option("--topics", default="", help="Patterns with commas between them: queue.*,call.ended.")
@click.option("--since", type=int, help="Go on after the event of this number.")
@click.option("--seconds", type=click.FloatRange(0.1), help="End after so long; else with Ctrl-C.")
@json_option
@asks_switch
def follow(client: Client, topics: str, since: int | None, seconds: float | None, as_json: bool) -> None:
    """Show events as they happen: calls, queues, agents, alarms."""
    try:
        for event in client.stream("events", within_s=seconds, topics=topics, since=since):
            if event:
                _tell(event, as_json)
    except KeyboardInterrupt:
        pass


def _tell(event: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json_line(event)
    elif event["type"] == "hello":
        show(f"(events {event['oldest']} to {event['latest']} are kept)")
    elif event["type"] == "gap":
        missed = "events" if event["missed"] is None else f"{event['missed']} events"
        show(f"({missed} before {event['last'] + 1} are lost)")
    else:
        when = datetime.fromtimestamp(event["time"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
        said = " ".join(f"{key}={value}" for key, value in event.items() if key not in _HEAD)
        line = f"{when} {event['seq']} {event['type']} {said}"
        console().print(clean(line), markup=False, highlight=False)


@events.command()
@json_option
@asks_switch
def listeners(client: Client, as_json: bool) -> None:
    """Show who hears events: followers, clients of the manager interface, webhooks."""
    view = client.get("feed")
    if as_json:
        show_json(view)
        return
    show(
        f"{view['followers']} follow, {view['manager_clients']} clients of the manager interface "
        f"({view['manager_dropped']} were too slow)"
    )
    rows = [
        [
            hook["webhook"],
            hook["url"],
            "failing" if hook["failing"] else "ok",
            *(hook[key] for key in ("waiting", "taken", "retried", "lost")),
        ]
        for hook in view["webhooks"]
    ]
    columns = ["webhook", "address", "state", "waiting>", "taken>", "retried>", "lost>"]
    show_rows("Webhooks", columns, rows, "no webhooks are configured")
