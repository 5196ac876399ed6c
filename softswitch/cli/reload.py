"""`softswitch reload`: the files are read again; calls go on."""

import click

from softswitch.cli.client import Client, Refused
from softswitch.cli.options import EXIT_FAILED, asks_switch, json_option
from softswitch.cli.output import show, show_json
from softswitch.cli.problems import problem_line


@click.command()
@json_option
@asks_switch
def reload(client: Client, as_json: bool) -> None:
    """Take over a changed configuration. Calls are not touched; with any problem nothing changes."""
    try:
        view = client.post("reload")
    except Refused as error:
        if not isinstance(error.body, dict) or "problems" not in error.body:
            raise
        view = error.body
    if as_json:
        show_json(view)
    else:
        for problem in view["problems"]:
            show(problem_line(problem))
        for warning in view["warnings"]:
            show(f"warning: {problem_line(warning)}")
        if view["problems"]:
            show("nothing was changed")
        else:
            show(f"changed: {', '.join(view['changed'])}" if view["changed"] else "nothing has changed")
        if view["needs_restart"]:
            show(f"in force only after a restart: {', '.join(view['needs_restart'])}")
    if view["problems"]:
        raise click.exceptions.Exit(EXIT_FAILED)
