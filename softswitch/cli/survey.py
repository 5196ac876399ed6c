"""`softswitch survey`: what callers answered after their agent had hung up, in figures and one by one."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import Moment, asks_switch, json_option
from softswitch.cli.output import length, moment, show_json, show_rows


@click.group()
def survey() -> None:
    """Answers of callers in surveys."""


@survey.command()
@click.option("--since", type=Moment(), help="2h, today, 2026-05-01 …")
@click.option("--until", type=Moment())
@click.option("--survey", "name", default="", help="One survey.")
@click.option("--queue", default="")
@click.option("--agent", default="")
@click.option("--by", type=click.Choice(["agent", "queue", "survey"]), default="queue", show_default=True)
@json_option
@asks_switch
def report(
    client: Client,
    since: float | None,
    until: float | None,
    name: str,
    queue: str,
    agent: str,
    by: str,
    as_json: bool,
) -> None:
    """Count answers by question, and by queue or agent. `mean` is the sum of the answers over their number."""
    wanted = {"since": since, "until": until, "survey": name, "queue": queue, "agent": agent, "by": by}
    given = {key: value for key, value in wanted.items() if value not in (None, "")}
    views = client.get("surveys", "figures", **given)
    if as_json:
        show_json(views)
        return
    rows = [
        [
            view["survey"],
            view["question"],
            view["queue"],
            view["agent"],
            view["asked"],
            view["answered"],
            f"{view['mean']:.2f}" if view["mean"] is not None else "",
            " ".join(f"{answer}:{count}" for answer, count in view["answers"].items()),
            view["comments"] or "",
        ]
        for view in views
    ]
    columns = [
        "survey",
        "question",
        "queue?",
        "agent?",
        "asked>",
        "answered>",
        "mean>",
        "answers?",
        "comments?>",
    ]
    show_rows("Surveys", columns, rows, "nobody was asked")


@survey.command("list")
@click.option("--since", type=Moment())
@click.option("--until", type=Moment())
@click.option("--survey", "name", default="", help="One survey.")
@click.option("--queue", default="")
@click.option("--agent", default="")
@click.option("--call", default="")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@json_option
@asks_switch
def list_answers(
    client: Client,
    since: float | None,
    until: float | None,
    name: str,
    queue: str,
    agent: str,
    call: str,
    limit: int,
    as_json: bool,
) -> None:
    """List answers with their calls, newest first."""
    wanted = {"since": since, "until": until, "survey": name, "queue": queue, "agent": agent, "call": call}
    given = {key: value for key, value in wanted.items() if value not in (None, "")}
    views = client.get("surveys", "answers", limit=limit, **given)
    if as_json:
        show_json(views)
        return
    rows = [
        [
            moment(view["began"]),
            view["call"],
            view["ani"],
            view["queue"],
            view["agent"],
            view["question"],
            view["answer"] if view["answer"] is not None else "",
            view["recording"],
            length(view["talk_s"]),
        ]
        for view in views
    ]
    columns = ["asked", "call", "from", "queue", "agent", "question", "answer>", "comment?", "talked>"]
    show_rows("Answers", columns, rows, "nobody was asked")
