"""What a flow is told of its call and of the moment."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from softswitch.call.call import Call
from softswitch.call.opening import opening
from softswitch.config.schema import Config
from softswitch.ivr.actions import FlowContext
from softswitch.ivr.lookup import parameters_of

MAX_HEADER = 256
"""Characters of a header that a flow sees."""


def flow_context(call: Call) -> FlowContext:
    config = call.config
    now = datetime.fromtimestamp(call.services.clock.wall(), tz=UTC)
    local = now.astimezone(ZoneInfo(config.general.timezone))
    state = opening(call.services.calendars, now)
    parameters, results = lookup_names(config) if config.lookup else ({}, {})
    return FlowContext(
        ani=call.ani,
        dnis=call.dnis,
        open=state.open,
        holiday=state.holiday,
        local_time=(local.hour, local.minute),
        local_date=(local.year, local.month, local.day),
        weekday=local.weekday(),
        queues=config.queue.keys(),
        lookups=parameters,
        results=results,
        caller_name=call.ani_name,
        source=call.source,
        people=call.services.voice.people.of(config),
        headers=_headers(call) if config.routing.flow_headers else {},
    )


def _headers(call: Call) -> dict[str, str]:
    """Those of the caller's INVITE that flows may read."""
    session = call.caller.session
    request = session.request if session is not None else None
    if request is None:
        return {}
    found = {name.lower(): request.headers.get(name) for name in call.config.routing.flow_headers}
    return {name: _clean(value) for name, value in found.items() if value is not None}


def _clean(value: str) -> str:
    return "".join(each for each in value[:MAX_HEADER] if each.isprintable())


def lookup_names(config: Config) -> tuple[Mapping[str, AbstractSet[str]], Mapping[str, AbstractSet[str]]]:
    """Of each lookup, its parameters and its results."""
    parameters = {name: _parameters(each.url, each.sql) for name, each in config.lookup.items()}
    return parameters, {name: each.results.keys() for name, each in config.lookup.items()}


@lru_cache(maxsize=1024)
def _parameters(url: str, sql: str) -> AbstractSet[str]:
    return parameters_of(url, sql)
