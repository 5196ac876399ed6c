"""`softswitch calendar`: which calendars are open at a moment, and why; from the files, no switch need run."""

from datetime import UTC, datetime

import click

from softswitch.cli.options import Failure, Place, json_option, parse_moment, place_options
from softswitch.cli.output import show, show_json, show_rows
from softswitch.cli.place import default_config
from softswitch.config.problem import ConfigError
from softswitch.hours import CalendarHours

_AT = click.option(
    "--at", "moment", default="now", help="now, or a time of the calendar's zone: 2026-12-24T15:00."
)


@click.group()
def calendar() -> None:
    """Tell whether calendars are open, and why."""


def _calendars(context: click.Context) -> dict[str, CalendarHours]:
    from softswitch.config.loader import load

    try:
        config = load(context.ensure_object(Place).config or default_config()).config
    except ConfigError as error:
        raise Failure(str(error)) from None
    return {
        name: CalendarHours.parse(each, config.general.timezone) for name, each in config.calendar.items()
    }


def _moment(text: str, hours: CalendarHours) -> datetime:
    """What names no zone is what the clock on the wall of the calendar's zone shows."""
    try:
        if text[:1].isdigit() and "-" in text:
            given = datetime.fromisoformat(text)
            return given if given.tzinfo else given.replace(tzinfo=hours.zone)
        return datetime.fromtimestamp(parse_moment(text, datetime.now(hours.zone)), tz=UTC)
    except ValueError:
        raise Failure(f"{text!r} is no time", "write now, today, 2h, or 2026-12-24T15:00") from None


def _told(name: str, hours: CalendarHours, moment: str) -> dict[str, str]:
    when = _moment(moment, hours)
    change = hours.next_change(when)
    return {
        "calendar": name,
        "state": "open" if hours.is_open(when) else "closed",
        "why": hours.why(when),
        "local": when.astimezone(hours.zone).strftime("%a %Y-%m-%d %H:%M %Z"),
        "until": "" if change is None else change.strftime("%a %Y-%m-%d %H:%M %Z"),
    }


@calendar.command("list")
@_AT
@json_option
@place_options
@click.pass_context
def list_calendars(context: click.Context, moment: str, as_json: bool) -> None:
    """Every calendar: open or closed, why, and until when."""
    told = [_told(name, hours, moment) for name, hours in _calendars(context).items()]
    if as_json:
        show_json(told)
    else:
        rows = [[each[key] for key in ("calendar", "state", "why", "until")] for each in told]
        show_rows("Calendars", ["calendar", "state", "why", "until"], rows, "no calendars are configured")


@calendar.command("show")
@click.argument("name")
@_AT
@json_option
@place_options
@click.pass_context
def show_calendar(context: click.Context, name: str, moment: str, as_json: bool) -> None:
    """Whether one calendar is open at a moment, and why."""
    calendars = _calendars(context)
    if name not in calendars:
        raise Failure(f"there is no calendar {name!r}", f"known are {', '.join(calendars) or 'none'}")
    told = _told(name, calendars[name], moment)
    if as_json:
        show_json(told)
        return
    show(f"{name} is {told['state']} at {told['local']}: {told['why']}")
    show(
        f"it {'closes' if told['state'] == 'open' else 'opens'} {told['until']}"
        if told["until"]
        else "it never changes"
    )
