"""`softswitch ivr versions`, `rollback` and `release`: which version of a flow new and live calls have."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import Failure, asks_switch, json_option
from softswitch.cli.output import moment, show, show_json, show_rows

_COLUMNS = ("flow", "version>", "new calls", "file", "since", "nodes>", "calls>", "in flow>")


@click.command()
@click.argument("flow", required=False)
@json_option
@asks_switch
def versions(client: Client, flow: str | None, as_json: bool) -> None:
    """List versions of flows, and how many live calls keep each."""
    views = [view for view in client.get("flows") if flow in (None, view["flow"])]
    if flow is not None and not views:
        raise Failure(f"there is no flow {flow!r}")
    if as_json:
        show_json(views)
        return
    rows = [
        [
            view["flow"],
            each["version"],
            "yes" if each["live"] else "",
            "yes" if each["in_file"] else "",
            moment(each["since"]),
            each["nodes"],
            each["calls"],
            each["in_flow"],
        ]
        for view in views
        for each in view["versions"]
    ]
    show_rows("Versions of flows", _COLUMNS, rows, "no flows are configured")


@click.command()
@click.argument("flow")
@click.option(
    "--to", "version", type=click.IntRange(min=1), help="Version; else the one before the present one."
)
@json_option
@asks_switch
def rollback(client: Client, flow: str, version: int | None, as_json: bool) -> None:
    """Give new calls an earlier version of a flow, until its file is changed. Live calls keep theirs."""
    _use(client, flow, {} if version is None else {"version": version}, as_json)


@click.command()
@click.argument("flow")
@json_option
@asks_switch
def release(client: Client, flow: str, as_json: bool) -> None:
    """Give new calls the version of the file again."""
    _use(client, flow, {"version": 0}, as_json)


def _use(client: Client, flow: str, wish: dict[str, int], as_json: bool) -> None:
    view = client.post("flows", flow, "version", body=wish)
    if as_json:
        show_json(view)
        return
    where = "rolled back" if view["rolled_back"] else "as in the files"
    show(f"new calls get version {view['live']} of flow {view['flow']} ({where})")
