"""`softswitch calls pull|move|priority`: what people in charge do with callers who wait."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import show, show_json


@click.command()
@click.argument("call")
@click.argument("extension", default="")
@json_option
@asks_switch
def pull(client: Client, call: str, extension: str, as_json: bool) -> None:
    """Take a waiting caller out of his queue: he rings at EXTENSION, or where you sit."""
    view = client.post("calls", call, "pull", body={"extension": extension})
    if as_json:
        show_json(view)
        return
    show(f"{call}: rings at {view['details']['extension']}")


@click.command()
@click.argument("call")
@click.argument("queue")
@json_option
@asks_switch
def move(client: Client, call: str, queue: str, as_json: bool) -> None:
    """Let a waiting caller wait in another QUEUE, as old as he is."""
    view = client.post("calls", call, "move", body={"queue": queue})
    if as_json:
        show_json(view)
        return
    show(f"{call}: waits in {queue}")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("call")
@click.argument("value", metavar="PRIORITY", type=click.IntRange(-1000, 1000))
@json_option
@asks_switch
def priority(client: Client, call: str, value: int, as_json: bool) -> None:
    """Give a waiting caller another priority; higher goes first."""
    view = client.post("calls", call, "priority", body={"priority": value})
    if as_json:
        show_json(view)
        return
    show(f"{call}: priority {value}")


COMMANDS = (pull, move, priority)
