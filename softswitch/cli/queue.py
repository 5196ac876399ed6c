"""`softswitch queue`: all queues, one in detail, and the live board."""

import sys
import time
from typing import Any

import click
from rich.live import Live

from softswitch.cli.board import (
    AGENT_COLUMNS,
    CALLER_COLUMNS,
    QUEUE_COLUMNS,
    agent_row,
    board,
    caller_rows,
    plain_lines,
    queue_row,
)
from softswitch.cli.callbacks import callbacks
from softswitch.cli.client import Client, NotRunning
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import console, show, show_json, show_rows
from softswitch.cli.simulate import simulate

REFRESH_S = 0.5


@click.group(invoke_without_command=True)
@json_option
@asks_switch
def queue(client: Client, as_json: bool) -> None:
    """List queues, show one, watch them live."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    views = client.get("queues")
    if as_json:
        show_json(views)
        return
    show_rows("Queues", QUEUE_COLUMNS, [queue_row(view) for view in views], "no queues are configured")


queue.add_command(simulate)
queue.add_command(callbacks)


@queue.command("show")
@click.argument("name")
@json_option
@asks_switch
def show_queue(client: Client, name: str, as_json: bool) -> None:
    """Show who waits in one queue and who serves it."""
    view = client.get("queues", name)
    if as_json:
        show_json(view)
        return
    show_rows("", QUEUE_COLUMNS, [queue_row(view["queue"])], "")
    show_rows("Waiting", CALLER_COLUMNS, list(caller_rows(view)), "nobody waits")
    show_rows("Agents", AGENT_COLUMNS, [agent_row(agent) for agent in view["agents"]], "no agents serve it")


@queue.command()
@click.argument("names", nargs=-1)
@click.option("--once", is_flag=True, help="Draw it once and end.")
@json_option
@asks_switch
def watch(client: Client, names: tuple[str, ...], once: bool, as_json: bool) -> None:
    """Watch queues, agents and callers live. Without a terminal, print a line when something changes."""
    details = _details(client, names)
    if as_json:
        show_json(details)
    elif once:
        show(board(details))
    elif sys.stdout.isatty():
        _watch_live(client, names, details)
    else:
        _watch_plain(client, names, details)


def _details(client: Client, names: tuple[str, ...]) -> list[dict[str, Any]]:
    wanted = names or tuple(view["queue"] for view in client.get("queues"))
    return [client.get("queues", name) for name in wanted]


def _watch_live(client: Client, names: tuple[str, ...], details: list[dict[str, Any]]) -> None:
    out = console()
    try:
        with Live(board(details), console=out, screen=True, auto_refresh=False) as live:
            while True:
                live.update(board(details), refresh=True)
                time.sleep(REFRESH_S)
                details = _details(client, names)
    except KeyboardInterrupt:
        pass
    except NotRunning:
        show("the switch has stopped")


def _watch_plain(client: Client, names: tuple[str, ...], details: list[dict[str, Any]]) -> None:
    told: dict[str, str] = {}
    try:
        while True:
            for detail, line in zip(details, plain_lines(details), strict=True):
                name = detail["queue"]["queue"]
                if told.get(name) != line:
                    told[name] = line
                    show(line)
            sys.stdout.flush()
            time.sleep(REFRESH_S)
            details = _details(client, names)
    except KeyboardInterrupt:
        pass
    except NotRunning:
        show("the switch has stopped")
