"""`softswitch queue callbacks`: who is called back, and that somebody is not."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import Moment, asks_switch, json_option
from softswitch.cli.output import length, moment, show, show_json, show_rows

_COLUMNS = (
    *("callback", "queue", "number", "state", "position>", "waited>", "attempts>", "next?", "last result?"),
    *("priority?>", "name?", "asked?"),
)


@click.group(invoke_without_command=True)
@click.option("--since", type=Moment(), default=None, help="Also those over that were asked for since then.")
@json_option
@asks_switch
def callbacks(client: Client, since: float | None, as_json: bool) -> None:
    """List callers who are called back; cancel one."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    views = client.get("callbacks", **({} if since is None else {"since": since}))
    if as_json:
        show_json(views)
        return
    rows = [
        [
            view["callback"],
            view["queue"],
            view["number"],
            view["state"],
            view["position"] or "",
            length(view["waited_s"]),
            view["attempts"],
            moment(view["next_at"]),
            view["result"],
            view["priority"],
            view["name"],
            moment(view["asked"]),
        ]
        for view in views
    ]
    show_rows("Callbacks", _COLUMNS, rows, "nobody is to be called back")


@callbacks.command()
@click.argument("callback")
@json_option
@asks_switch
def cancel(client: Client, callback: str, as_json: bool) -> None:
    """Call somebody back no more."""
    view = client.delete("callbacks", callback)
    if as_json:
        show_json(view)
        return
    show(f"{view['number']} is not called back any more")
