"""`softswitch user`: makes phones and their passwords. Works on the files; a running switch takes them over by reload."""

from pathlib import Path

import click

from softswitch.cli.options import Failure, Place, place_options
from softswitch.cli.output import show
from softswitch.cli.place import default_config
from softswitch.config.problem import ConfigError


@click.group()
def user() -> None:
    """Make phones and their passwords."""


def _config(context: click.Context) -> Path:
    return context.ensure_object(Place).config or default_config()


@user.command()
@click.argument("name")
@click.option("--name", "display_name", default="", help="Shown to those it calls.")
@click.option("--agent", is_flag=True, help="Also make an agent of this name who sits at it.")
@click.option("--language", type=click.Choice(["en", "es", "ro"]), default=None)
@place_options
@click.pass_context
def add(context: click.Context, name: str, display_name: str, agent: bool, language: str | None) -> None:
    """Make the phone NAME with a password. It is generated, and printed once."""
    from softswitch.clock import entropy
    from softswitch.config.users import NewUser, add_user

    wanted = NewUser(name=name, display_name=display_name, agent=agent, language=language or "")
    try:
        made = add_user(_config(context), wanted, entropy)
    except ConfigError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}") from None
    show(f"user      {made.name}", f"password  {made.password}")
    show(f"The password is in {made.secret_file} and is not shown again; the phone is in {made.fragment}.")
    show("A running switch takes it over with: softswitch reload")


@user.command()
@place_options
@click.pass_context
def secrets(context: click.Context) -> None:
    """Make the passwords that phones still lack. Each file that the configuration names, printed once."""
    from softswitch.clock import entropy
    from softswitch.config.loader import load
    from softswitch.config.users import make_missing_secrets

    try:
        made = make_missing_secrets(load(_config(context)), entropy)
    except ConfigError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}") from None
    for each in made:
        show(f"user {each.name}  password {each.password}  in {each.secret_file}")
    if not made:
        show("every phone has its secret already")
