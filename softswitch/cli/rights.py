"""`softswitch whoami` and `softswitch rights`: what one may do, what each role may, and tokens."""

import base64
import os
from hashlib import sha256

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import show, show_fields, show_json, show_rows
from softswitch.config.acts import MEANING, Act
from softswitch.config.rights import ROLES

TOKEN_BYTES = 32


@click.command()
@json_option
@asks_switch
def whoami(client: Client, as_json: bool) -> None:
    """Show as whom the switch knows you, and what you may do."""
    view = client.get("whoami")
    if as_json:
        show_json(view)
        return
    show_fields(
        [
            ("who", view["name"]),
            ("role", view["role"]),
            ("over teams", ", ".join(view["teams"])),
            ("over queues", ", ".join(view["queues"])),
            ("agent", view["agent"]),
            ("by", f"{view['surface']}, {view['origin']}"),
        ]
    )
    rows = [[act, reach, MEANING[Act(act)]] for act, reach in view["rights"].items()]
    show_rows("Rights", ["act", "on", "means"], rows, "no rights")


@click.group()
def rights() -> None:
    """Roles, and tokens for people."""


@rights.command("list")
@json_option
def list_rights(as_json: bool) -> None:
    """List what the roles may that exist without being written down."""
    roles = {
        name: {"reach": role.reach, "acts": [act.value for act in Act if role.allows(act)]}
        for name, role in ROLES.items()
    }
    if as_json:
        show_json(roles)
        return
    rows = [
        [act.value, *("●" if ROLES[name].allows(act) else "" for name in ROLES), MEANING[act]] for act in Act
    ]
    show_rows("Roles", ["act", *ROLES, "means"], rows, "")


@rights.command()
def token() -> None:
    """Make a token: it is shown once; the other line is for the configuration of its person."""
    made = base64.urlsafe_b64encode(os.urandom(TOKEN_BYTES)).rstrip(b"=").decode()
    show(f"token: {made}")
    show(f'[person.NAME]  token_sha256 = "{sha256(made.encode()).hexdigest()}"')
