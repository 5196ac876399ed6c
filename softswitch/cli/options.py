"""Options that many commands share, and how the command line ends on errors."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from softswitch.cli.client import Client, NotRunning, Refused
from softswitch.cli.output import clean
from softswitch.cli.place import TokenUnreadable, socket_path, token

EXIT_FAILED = 1
EXIT_NOT_RUNNING = 3
EXIT_NOT_ALLOWED = 4

F = TypeVar("F", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Failure(click.ClickException):
    """Ends the command line with one clear message, a hint, and an exit status."""

    def __init__(self, message: str, hint: str = "", status: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = status  # type: ignore[misc]

    def show(self, file: IO[Any] | None = None) -> None:
        lines = [*self.message.splitlines(), *self.hint.splitlines()]
        click.echo("\n".join(clean(line) for line in lines), file=file or sys.stderr)


class Place:
    """What `--socket` and `--config` said, before or behind the command."""

    def __init__(self) -> None:
        self.socket: Path | None = None
        self.config: Path | None = None
        self.token_file: Path | None = None

    def client(self) -> Client:
        return Client(socket_path(self.socket, self.config), token(self.token_file))


def _remember(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    place = context.ensure_object(Place)
    if value is not None:
        setattr(place, str(parameter.name), value)


def place_options(command: F) -> F:
    """`--socket`, `--config` and `--token-file`; the command finds them in its `Place`."""
    for name, text in (
        ("--token-file", "File with the token of whom to act as; else you are your user."),
        ("--config", "Configuration that names the socket."),
        ("--socket", "Control socket."),
    ):
        command = click.option(name, type=_PATH, callback=_remember, expose_value=False, help=text)(command)
    return command


def asks_switch(command: F) -> F:
    """The command gets a `Client` as its first argument."""
    return place_options(click.pass_context(_with_client(command)))  # type: ignore[return-value]


def _with_client(command: Callable[..., Any]) -> Callable[..., Any]:
    def call(context: click.Context, /, **arguments: Any) -> Any:
        try:
            return command(context.ensure_object(Place).client(), **arguments)
        except TokenUnreadable as error:
            raise Failure(str(error)) from None
        except NotRunning as error:
            raise Failure(str(error), status=EXIT_NOT_RUNNING) from None
        except Refused as error:
            status = EXIT_NOT_ALLOWED if error.status in (401, 403) else EXIT_FAILED
            raise Failure(str(error), error.hint, status) from None

    call.__doc__ = command.__doc__
    call.__name__ = command.__name__
    # click collects options in this attribute while decorators are applied.
    call.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    return call


class ListsAlone(click.Group):
    """A noun that lists when no verb is named: `softswitch cdr --since 2h` is `softswitch cdr list --since 2h`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--help" not in args[:1] and (not args or args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Moment(click.ParamType[float]):
    """A time as people write it, as wall seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_moment(str(value), datetime.now().astimezone())
        except ValueError:
            self.fail(
                f"{value!r} is no time; write 2h, 7d, today, yesterday, 2026-05-01 or 2026-05-01T14:30",
                param,
                ctx,
            )


def parse_moment(text: str, now: datetime) -> float:
    """`2h` (ago), `now`, `today`, `yesterday`, or an ISO date or time of this machine's zone."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if text in named:
        return named[text].timestamp()
    if text[-1:] in _UNITS and text[:-1].isascii() and text[:-1].isdigit() and len(text) <= 7:
        return (now - timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])).timestamp()
    given = datetime.fromisoformat(text)
    return (given if given.tzinfo else given.astimezone()).timestamp()


class Interval(click.ParamType[float]):
    """A length: `15m`, `1h`, `1d`, as seconds."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        if isinstance(value, float):
            return value
        if text[-1:] in _UNITS and text[:-1].isascii() and text[:-1].isdigit() and 0 < int(text[:-1]) < 10**6:
            return float(int(text[:-1]) * _UNITS[text[-1]])
        return self.fail(f"{text!r} is no length; write 15m, 1h or 1d", param, ctx)
