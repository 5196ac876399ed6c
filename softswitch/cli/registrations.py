"""`softswitch registrations`: which phones are where."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import length, moment, show_json, show_rows


@click.command()
@json_option
@asks_switch
def registrations(client: Client, as_json: bool) -> None:
    """List registered contacts."""
    views = client.get("registrations")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Registrations",
        ["endpoint", "source", "expires>", "user agent?", "contact?", "registered?"],
        [
            [
                v["endpoint"],
                v["source"],
                length(v["expires_s"]),
                v["user_agent"],
                v["contact"],
                moment(v["registered"]),
            ]
            for v in views
        ],
        "no phone is registered",
    )
