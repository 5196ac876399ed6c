"""`softswitch selftest`: the switch calls itself through the real stack and hears whether all of it works."""

import asyncio
from dataclasses import asdict

import click

from softswitch.cli.checked import load_checked
from softswitch.cli.client import Client, NotRunning
from softswitch.cli.options import Failure, Place, json_option, place_options
from softswitch.cli.output import console, show, show_json
from softswitch.cli.place import default_config
from softswitch.config.loader import LoadedConfig
from softswitch.config.problem import ConfigError
from softswitch.errors import UnusableError


@click.command()
@click.option("--own", is_flag=True, help="Start a switch for the test, though one is running.")
@json_option
@place_options
@click.pass_context
def selftest(context: click.Context, own: bool, as_json: bool) -> None:
    """Call the switch itself, and listen.

    Both legs, audio by content, DTMF, recording, CDR. Asks the running switch; where none runs, starts one of the
    configuration on spare ports. Exits with 1 on a failed step.
    """
    from softswitch.cli.selftest_run import (  # brings SIP and numpy: not for other commands
        SelfTest,
        StepResult,
    )

    place = context.ensure_object(Place)

    def tell(result: StepResult) -> None:
        if not as_json:
            console().print(
                f"{'ok    ' if result.ok else 'failed'}  {result.step}: {result.found}",
                style="green" if result.ok else "red",
                markup=False,
            )

    async def run() -> SelfTest:
        if not own and _runs(place.client()):
            test = SelfTest(place.client(), tell)
            await test.run()
            return test
        from softswitch.cli.selftest_switch import own_switch

        async with own_switch(_loaded(place)) as path:
            test = SelfTest(Client(path), tell)
            await test.run()
            return test

    try:
        test = asyncio.run(run())
    except UnusableError as error:
        raise Failure(str(error)) from None
    good = bool(test.results) and all(result.ok for result in test.results)
    if as_json:
        show_json(
            {
                "ok": good,
                "call": test.call,
                "steps": [asdict(result) for result in test.results],
                "ladder": test.ladder,
            }
        )
    else:
        for line in test.ladder:
            show(line)
    context.exit(0 if good else 1)


def _runs(client: Client) -> bool:
    try:
        client.get("status")
    except NotRunning:
        return False
    return True


def _loaded(place: Place) -> LoadedConfig:
    try:
        return load_checked(place.config or default_config())
    except ConfigError as error:
        raise Failure(str(error)) from None
