"""Takes over a changed configuration without touching live calls: each keeps the one it began with."""

import asyncio
from pathlib import Path

import structlog

from softswitch.api.views import ProblemView, ReloadView
from softswitch.app.parts import Parts, recording_folder
from softswitch.app.strategies import rules_of
from softswitch.app.voicing import warm
from softswitch.call.opening import parse_calendars
from softswitch.cli.checked import load_checked
from softswitch.config.difference import difference, in_force
from softswitch.config.loader import LoadedConfig
from softswitch.config.problem import ConfigError, Problem
from softswitch.config.schema import Config
from softswitch.errors import UnusableError
from softswitch.facts import ConfigReloaded
from softswitch.store import queue_log

_log = structlog.get_logger(__name__)


async def reload(parts: Parts, path: Path) -> ReloadView:
    """With any problem nothing changes, and the view says every problem. Calls go on while the files are read."""
    try:
        return take_over(parts, await asyncio.to_thread(load_checked, path))
    except ConfigError as error:
        _log.error("reload refused", problems=len(error.problems))
        return ReloadView(problems=tuple(_view(problem) for problem in error.problems))
    except UnusableError as error:
        _log.error("reload refused", problem=str(error))
        return ReloadView(problems=(_view(Problem(file=str(path), line=0, key="", message=str(error))),))


def take_over(parts: Parts, loaded: LoadedConfig) -> ReloadView:
    """From now on `loaded` counts, but for calls that have begun and for what needs a restart. Raises UnusableError, and
    then nothing has changed."""
    old = parts.services.config
    services, clock = parts.services, parts.clock
    wanted = in_force(old, loaded.config)
    files, calendars = recording_folder(wanted), parse_calendars(wanted)
    parts.sip.reconfigure(wanted, loaded.secrets)
    # Nothing is refused from here on, so that the versions of flows tell of what was taken over only.
    loaded = parts.flow_versions.applied(loaded)
    changes = difference(old, loaded.config)
    config = in_force(old, loaded.config)
    services.config, services.secrets, services.calendars = config, loaded.secrets, calendars
    services.files = files
    library = parts.world.prompts(config.prompts.directory, config.general.language)
    services.prompts = services.voice.prompts(library, files)
    services.voice.speech.reconfigure(config)
    warm(services.voice, config)
    parts.loaded = loaded
    parts.tracing.reconfigure(config)
    _forget_trunks(parts, old)
    dispatcher = parts.dispatcher
    dispatcher.desk.seat_everybody()
    dispatcher.act(
        dispatcher.engine.configure(
            config.queue, config.agent, clock.monotonic(), rules_of(config, parts.alarms)
        )
    )
    dispatcher.desk.reconfigured()
    parts.sip.notifier.check(clock.monotonic())
    services.queue_log.write(queue_log.config_reload(clock.wall()))
    parts.bus.publish(ConfigReloaded(changed=changes.names, wall=clock.wall(), monotonic=clock.monotonic()))
    _log.info("reloaded", changed=list(changes.names), needs_restart=list(changes.needs_restart))
    return ReloadView(
        changed=changes.names,
        needs_restart=changes.needs_restart,
        warnings=tuple(_view(problem) for problem in loaded.warnings),
    )


def _forget_trunks(parts: Parts, old: Config) -> None:
    """A trunk that is gone, or watched anew since it was changed, tells no more that it is up again."""
    down = {status.name for status in parts.sip.trunks() if status.state == "down"}
    for name in old.trunk:
        if name not in down:
            parts.alarms.clear(f"trunk {name}")
        if name not in parts.services.config.trunk:
            parts.trunk_since.pop(name, None)


def _view(problem: Problem) -> ProblemView:
    return ProblemView(
        file=problem.file,
        line=problem.line,
        key=problem.key,
        message=problem.message,
        expected=problem.expected,
        did_you_mean=problem.did_you_mean,
    )
