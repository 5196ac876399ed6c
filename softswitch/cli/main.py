"""`softswitch`: one command with one file per noun; a noun's file is imported only when it is used."""

import importlib
from difflib import get_close_matches

import click

from softswitch import __version__
from softswitch.cli.options import Place, place_options

_COMMANDS = {
    "run": "softswitch.cli.run:run",
    "status": "softswitch.cli.status:status",
    "reload": "softswitch.cli.reload:reload",
    "stop": "softswitch.cli.stop:stop",
    "config": "softswitch.cli.config:config",
    "doctor": "softswitch.cli.doctor:doctor",
    "selftest": "softswitch.cli.selftest:selftest",
    "sip": "softswitch.cli.sip:sip",
    "events": "softswitch.cli.events:events",
    "calls": "softswitch.cli.calls:calls",
    "why": "softswitch.cli.why:why",
    "why-idle": "softswitch.cli.why:why_idle",
    "lines": "softswitch.cli.lines:lines",
    "queue": "softswitch.cli.queue:queue",
    "agent": "softswitch.cli.agent:agent",
    "trunk": "softswitch.cli.trunk:trunk",
    "route": "softswitch.cli.route:route",
    "fraud": "softswitch.cli.fraud:fraud",
    "security": "softswitch.cli.security:security",
    "registrations": "softswitch.cli.registrations:registrations",
    "subscriptions": "softswitch.cli.subscriptions:subscriptions",
    "message": "softswitch.cli.message:message",
    "voicemail": "softswitch.cli.voicemail:voicemail",
    "survey": "softswitch.cli.survey:survey",
    "supervise": "softswitch.cli.supervise:supervise",
    "conference": "softswitch.cli.conference:conference",
    "audit": "softswitch.cli.audit:audit",
    "rights": "softswitch.cli.rights:rights",
    "whoami": "softswitch.cli.rights:whoami",
    "cdr": "softswitch.cli.cdr:cdr",
    "report": "softswitch.cli.report:report",
    "recording": "softswitch.cli.recording:recording",
    "ivr": "softswitch.cli.ivr:ivr",
    "calendar": "softswitch.cli.calendar:calendar",
    "user": "softswitch.cli.user:user",
    "bench": "softswitch.cli.bench:bench",
}


class _Nouns(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, name = _COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            meant = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {meant[0]!r}?" if meant else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Nouns)
@place_options
@click.version_option(__version__, prog_name="softswitch")
@click.pass_context
def cli(context: click.Context) -> None:
    """A SIP/RTP softswitch with a contact centre inside."""
    context.ensure_object(Place)


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"softswitch {__version__}")


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
