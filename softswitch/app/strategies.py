"""Strategies of installed packages (entry point group `softswitch.strategies`), and the rules of all queues with them.

A package is loaded when a queue names its strategy, at start and at reload; one that cannot be loaded is an alarm and no
reason not to start: its queues use their own `strategy` meanwhile.
"""

import time
from collections.abc import Mapping
from importlib.metadata import entry_points

from softswitch.acd.facts import Chooser
from softswitch.acd.rules import Rules
from softswitch.app.time_limit import TimeLimit
from softswitch.call.alarms import Alarms
from softswitch.config.queue_checks import STRATEGIES
from softswitch.config.schema import Config

_ALARM = "strategy {} cannot be loaded"


def rules_of(config: Config, alarms: Alarms) -> Rules:
    return Rules(
        matching=config.matching,
        pause_reasons=config.pause_reason,
        plugins=_loaded(config, alarms, TimeLimit(config.matching.plugin_limit_ms / 1000)),
        stopwatch=time.perf_counter,
    )


def _loaded(config: Config, alarms: Alarms, limit: TimeLimit) -> Mapping[str, Chooser]:
    wanted = {queue.strategy_plugin for queue in config.queue.values()} - {""}
    found: dict[str, Chooser] = {}
    for name in sorted(wanted):
        alarm = _ALARM.format(name)
        try:
            function = _function(name)
        except Exception as error:  # whatever importing a stranger's package raises
            alarms.raise_(alarm, f"{type(error).__name__}: {error}")
            continue
        alarms.clear(alarm)
        found[name] = limit.limited(function)
    return found


def _function(name: str) -> Chooser:
    known = entry_points(group=STRATEGIES)
    if name not in known.names:
        installed = ", ".join(sorted(known.names)) or "none"
        raise LookupError(f"no installed package offers it in {STRATEGIES}; installed: {installed}")
    function = known[name].load()
    if not callable(function):
        raise TypeError(f"{known[name].value} is no function")
    chooser: Chooser = function
    return chooser
