"""`softswitch calls record`: a live call's recording on, paused, or masked for card data."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch
from softswitch.cli.output import show

_ON, _OFF = ("on", "resume"), ("off", "pause")


@click.command()
@click.argument("call")
@click.argument("what", type=click.Choice([*_ON, *_OFF, "mask", "unmask"]))
@asks_switch
def record(client: Client, call: str, what: str) -> None:
    """Record a call, pause that, or mask it.

    `on` and `resume` begin the recording or go on with it, `off` and `pause` make it silent until then; it stays one file.
    `mask` makes it silent while card data is told, and keeps the keys of the call out of every log.
    """
    if what in _ON:
        view = client.post("calls", call, "recording")
        show(f"{view['recording']} records {call} to {view['file']}")
    elif what in _OFF:
        view = client.delete("calls", call, "recording")
        show(f"{view['recording']} of {call} is silent")
    elif what == "mask":
        client.post("calls", call, "mask")
        show(f"{call} is masked")
    else:
        client.delete("calls", call, "mask")
        show(f"{call} is masked no more")
