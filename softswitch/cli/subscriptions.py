"""`softswitch subscriptions`: who watches what, and what that has cost."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import length, show_fields, show_json, show_rows


@click.group()
def subscriptions() -> None:
    """Busy lamps, presence and message lamps of phones."""


@subscriptions.command()
@json_option
@asks_switch
def show(client: Client, as_json: bool) -> None:
    """List who watches what now."""
    views = client.get("subscriptions")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Subscriptions",
        ["subscriber", "package", "watches", "parties", "source?", "state", "version>", "expires>"],
        [
            [
                v["subscriber"],
                v["package"],
                v["resource"],
                "yes" if v["parties"] else "",
                v["source"],
                v["state"],
                v["version"],
                length(v["expires_s"]),
            ]
            for v in views
        ],
        "nobody watches anything",
    )


@subscriptions.command()
@json_option
@asks_switch
def figures(client: Client, as_json: bool) -> None:
    """Count subscriptions, changes and NOTIFYs since the switch started."""
    view = client.get("subscriptions", "figures")
    if as_json:
        show_json(view)
        return
    show_fields(
        [
            ("now", _counts(view["subscriptions"])),
            ("accepted", view["accepted"]),
            ("refreshed", view["refreshed"]),
            ("refused", _counts(view["refused"])),
            ("ended", _counts(view["ended"])),
            ("changes", view["changes"]),
            ("NOTIFYs", view["notifies"]),
        ]
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"
