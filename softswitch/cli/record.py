"""`softswitch calls record`: a live call's recording on, paused, or masked for card data."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import show, show_json

_ON, _OFF = ("on", "resume"), ("off", "pause")


@click.command()
@click.argument("call")
@click.argument("what", type=click.Choice([*_ON, *_OFF, "mask", "unmask"]))
@json_option
@asks_switch
def record(client: Client, call: str, what: str, as_json: bool) -> None:
    """Record a call, pause that, or mask it.

    `on` and `resume` begin the recording or go on with it, `off` and `pause` make it silent until then; it stays one file.
    `mask` makes it silent while card data is told, and keeps the keys of the call out of every log.
    """
    if what in _ON:
        view = client.post("calls", call, "recording")
        told = f"{view.get('recording')} records {call} to {view.get('file')}"
    elif what in _OFF:
        view = client.delete("calls", call, "recording")
        told = f"{view.get('recording')} of {call} is silent"
    elif what == "mask":
        view = client.post("calls", call, "mask")
        told = f"{call} is masked"
    else:
        view = client.delete("calls", call, "mask")
        told = f"{call} is masked no more"
    if as_json:
        show_json(view)
    else:
        show(told)
