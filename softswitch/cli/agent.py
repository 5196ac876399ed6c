"""`softswitch agent`: who is there and doing what; logging in and out, pausing and resuming for them."""

import click

from softswitch.cli.board import AGENT_COLUMNS, agent_row
from softswitch.cli.client import Client
from softswitch.cli.options import EXIT_FAILED, Failure, asks_switch, json_option
from softswitch.cli.output import length, show, show_fields, show_json, show_rows


@click.group(invoke_without_command=True)
@json_option
@asks_switch
def agent(client: Client, as_json: bool) -> None:
    """List agents; log in, log out, pause, resume. A verb and its agent: `softswitch agent pause ana lunch`."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    views = client.get("agents")
    if as_json:
        show_json(views)
        return
    show_rows("Agents", AGENT_COLUMNS, [agent_row(view) for view in views], "no agents are configured")


@agent.command("show")
@click.argument("name")
@json_option
@asks_switch
def show_agent(client: Client, name: str, as_json: bool) -> None:
    """Show one agent."""
    views = {view["agent"]: view for view in client.get("agents")}
    if name not in views:
        raise Failure(f"there is no agent {name!r}", f"known are {', '.join(views)}", EXIT_FAILED)
    view = views[name]
    if as_json:
        show_json(view)
        return
    show_fields(
        [
            ("agent", f"{view['agent']} {view['name']}"),
            ("phone", view["endpoint"]),
            ("status", view["status"] + (f" ({view['reason']})" if view["reason"] else "")),
            ("state", view["state"]),
            ("for", length(view["state_s"])),
            ("call", view["call"]),
            ("queues", ", ".join(view["queues"])),
            ("skills", ", ".join(f"{skill} {level}" for skill, level in view["skills"].items())),
            ("queue calls", f"{view['calls']} since start, {length(view['talk_s'])} talked"),
            ("idle", length(view["idle_s"])),
            ("wrap-up left", length(view["wrapup_left_s"]) if view["wrapup_left_s"] else ""),
        ]
    )


def _tell(view: dict[str, object]) -> None:
    reason = f" ({view['reason']})" if view["reason"] else ""
    show(f"{view['agent']} on {view['endpoint']} is {view['status']}{reason}, {view['state']}")


@agent.command()
@click.argument("name")
@click.option("--endpoint", default="", help="Phone he sits at; without it the one of the configuration.")
@asks_switch
def login(client: Client, name: str, endpoint: str) -> None:
    """Log an agent in."""
    _tell(client.post("agents", name, "login", body={"endpoint": endpoint}))


@agent.command()
@click.argument("name")
@asks_switch
def logout(client: Client, name: str) -> None:
    """Log an agent out; a call he is on goes on."""
    _tell(client.post("agents", name, "logout"))


@agent.command()
@click.argument("name")
@click.argument("reason", default="")
@asks_switch
def pause(client: Client, name: str, reason: str) -> None:
    """Give an agent no calls until he resumes."""
    _tell(client.post("agents", name, "pause", body={"reason": reason}))


@agent.command()
@click.argument("name")
@asks_switch
def resume(client: Client, name: str) -> None:
    """Give him calls again; also ends wrap-up."""
    _tell(client.post("agents", name, "resume"))


@agent.command()
@click.argument("name")
@click.option(
    "--more", default=0.0, type=click.FloatRange(min=0.0), help="Seconds more; without it the wrap-up ends."
)
@asks_switch
def wrapup(client: Client, name: str, more: float) -> None:
    """End an agent's wrap-up, or give him more of it."""
    _tell(client.post("agents", name, "wrapup", body={"extend_s": more}))


@agent.command()
@click.argument("name")
@click.argument("endpoint")
@asks_switch
def endpoint(client: Client, name: str, endpoint: str) -> None:
    """Move an agent to another phone."""
    _tell(client.post("agents", name, "endpoint", body={"endpoint": endpoint}))
