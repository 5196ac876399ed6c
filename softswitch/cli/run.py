"""`softswitch run`: the switch itself, in the foreground, until it is stopped."""

import gc
import sys
from pathlib import Path

import click

from softswitch.cli.options import Failure, Place, place_options
from softswitch.cli.output import clean
from softswitch.cli.place import default_config
from softswitch.config.problem import ConfigError


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@place_options
@click.pass_context
def run(context: click.Context, path: Path | None) -> None:
    """Run the switch in the foreground. Its configuration is at PATH or `--config`."""
    gc.disable()  # until all is in place: what is imported stays, and looking through it costs a sixth of the start
    from softswitch.app import run as run_switch  # brings the whole switch, which no other command needs
    from softswitch.cli.checked import load_checked

    file = path or context.ensure_object(Place).config or default_config()
    try:
        loaded = load_checked(file)
    except ConfigError as error:
        raise Failure(str(error)) from None
    for warning in loaded.warnings:
        sys.stderr.write(f"warning: {clean(warning)}\n")
    context.exit(run_switch(loaded, file))
