"""`softswitch stop`: refuse new calls and end with the last one, or end at once."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch
from softswitch.cli.output import show


@click.command()
@click.option("--now", is_flag=True, help="End all calls and stop at once.")
@asks_switch
def stop(client: Client, now: bool) -> None:
    """Stop the switch once its calls are over. New calls are refused meanwhile; `--now` ends all."""
    view = client.post("stop", body={"now": now})
    calls = "1 call" if view["calls"] == 1 else f"{view['calls']} calls"
    if now or not view["calls"]:
        show(f"stopping, and with it {calls}" if view["calls"] else "stopping")
    else:
        show(f"draining: {calls} alive, new ones are refused. `softswitch stop --now` ends all")
