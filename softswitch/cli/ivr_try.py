"""`softswitch ivr try`: a flow played in the terminal, from the files; no switch need run and nobody is called."""

from typing import TYPE_CHECKING

import click

from softswitch.cli.options import Failure, Moment, Place, json_option, place_options
from softswitch.cli.output import show_json
from softswitch.cli.place import default_config
from softswitch.config.problem import ConfigError

if TYPE_CHECKING:
    from softswitch.config.loader import LoadedConfig


@click.command("try")
@click.argument("flow")
@click.option("--ani", default="+34910000009", show_default=True, help="The caller's number.")
@click.option("--dnis", default="100", show_default=True, help="The number he has called.")
@click.option("--name", default="", help="The caller's name.")
@click.option("--source", default="trunk:test", show_default=True, help="trunk:NAME or endpoint:NAME.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header of his INVITE.")
@click.option("--language", help="Language at the start.")
@click.option("--at", "moment", type=Moment(), default="now", help="When he calls: now, 2026-05-01T14:30.")
@click.option("--keys", help="What he does, by commas: `1,,234#,busy`; an empty one lets time pass.")
@click.option(
    "--lookup",
    "fakes",
    multiple=True,
    metavar="NAME=ANSWER",
    help="Not really done: none, timeout, error or JSON.",
)
@json_option
@place_options
@click.pass_context
def try_flow(
    context: click.Context,
    /,
    flow: str,
    keys: str | None,
    fakes: tuple[str, ...],
    headers: tuple[str, ...],
    as_json: bool,
    moment: float,
    language: str | None,
    **caller: str,
) -> None:
    """Play a flow: type keys, or Enter to let time pass. Tells why each turn was taken; lookups are really done."""
    from softswitch.cli.ivr_player import Caller, Player, prompt_lengths
    from softswitch.ivr.trial import Trial

    loaded = _loaded(context)
    if flow not in loaded.config.flow:
        raise Failure(f"there is no flow {flow!r}", f"known are {', '.join(loaded.config.flow) or 'none'}")
    told = {header.lower(): value for header, value in _pairs("--header", headers)}
    about = Caller(loaded, moment, caller, told)
    spoken = language or loaded.config.general.language
    trial = Trial(loaded.config.flow, flow, spoken, about.context_at, prompt_lengths(loaded))
    Player(trial, loaded, dict(_pairs("--lookup", fakes)), keys, quiet=as_json).play()
    if as_json:
        show_json([{"at": line.at, "kind": line.kind, "text": line.text} for line in trial.lines])


def _loaded(context: click.Context) -> "LoadedConfig":
    """Without the check of flows, so that a draft can be tried."""
    from softswitch.config.loader import load

    try:
        return load(context.ensure_object(Place).config or default_config())
    except ConfigError as error:
        raise Failure(str(error)) from None


def _pairs(option: str, given: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [each.partition("=") for each in given]
    for name, sign, _ in pairs:
        if not sign or not name:
            raise Failure(f"{option} {name}: expected NAME=VALUE")
    return [(name.strip(), value) for name, _, value in pairs]
