"""The life of the process: check, build, recover what a crash left, serve, reload, drain, stop."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import structlog

from softswitch.api.server import ApiServer
from softswitch.app.callbacks import restore_callbacks
from softswitch.app.control import Control
from softswitch.app.huge_pages import use_huge_pages
from softswitch.app.keeping import Keeping
from softswitch.app.logs import set_up_logs
from softswitch.app.memory import keep_large_apart, look_through_memory, settle_memory
from softswitch.app.parts import HEARTBEAT_S, Parts, build
from softswitch.app.recovery import left_to_say, recover, wanted, written_down
from softswitch.app.voicing import warm
from softswitch.call.stages import Wait
from softswitch.config import paths
from softswitch.config.loader import LoadedConfig
from softswitch.config.startup import check_startup
from softswitch.errors import UnusableError
from softswitch.ivr.prompts import PromptLibrary
from softswitch.priority import prefer
from softswitch.store import queue_log

_log = structlog.get_logger(__name__)

_SWITCH_INTERVAL_S = 0.002
"""How long the thread that writes rows may keep the interpreter while a message waits."""
END_WITHIN_S = 3.0
"""How long calls have to end when the switch stops at once."""


def run(loaded: LoadedConfig, config_path: Path) -> int:
    """Run the switch until it is told to stop; returns the exit code. What cannot be used is printed with what to do."""
    set_up_logs(loaded.config.general)
    library = PromptLibrary.of(loaded.config.prompts.directory, loaded.config.general.language)
    problems = check_startup(loaded, lambda name, language: library.find(name, language) is not None)
    if problems:
        for problem in problems:
            _log.error("cannot start", problem=str(problem))
        return 2
    keep_large_apart()
    prefer(loaded.config.general.nice)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        return _runner().run(_serve(loaded, config_path))
    except UnusableError as error:
        _log.error("cannot start", problem=str(error))
        return 2


def _runner() -> asyncio.Runner:
    """On uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(loaded: LoadedConfig, config_path: Path) -> int:
    parts = await build(loaded)
    stopping = asyncio.Event()
    control = Control(parts, config_path, stopping)
    api = ApiServer(
        control,
        parts.bus,
        paths.control_socket(loaded.config),
        [queue.servicelevel for queue in loaded.config.queue.values()],
        loaded.config.general.control_group,
    )
    try:
        control.security.load()
        parts.services.queue_log.write(queue_log.queue_start(parts.clock.wall()))
        await begin(parts)
        await control.feed.start(api.metrics, control.ready)
        await api.start()
        settle_memory()
        _signals(control)
        parts.tasks.append(asyncio.create_task(_beat(parts), name="heartbeat"))
        parts.tasks.append(asyncio.create_task(look_through_memory(), name="memory"))
        parts.tasks.append(asyncio.create_task(use_huge_pages(), name="huge pages"))
        parts.tasks.append(asyncio.create_task(parts.tracing.run(), name="tracing"))
        parts.tasks.append(asyncio.create_task(Keeping(parts).run(), name="keeping"))
        parts.tasks.append(asyncio.create_task(control.security.watch(), name="security"))
        parts.tasks.append(asyncio.create_task(control.reports.settle(), name="reports"))
        _log.info(
            "ready", node=loaded.config.general.node, listen=list(loaded.config.sip.listen), pid=os.getpid()
        )
        await stopping.wait()
    finally:
        await _shut_down(parts, api)
        await control.feed.stop()
        control.security.save_now()
    return 0


def _signals(control: Control) -> None:
    loop = asyncio.get_running_loop()

    def stop(order: str, now: bool) -> None:
        control.rights.by_signal(order)
        control.spawn(control.stop(now=now))

    loop.add_signal_handler(signal.SIGHUP, control.reload_by_signal)
    loop.add_signal_handler(signal.SIGTERM, stop, "stop", False)
    loop.add_signal_handler(signal.SIGINT, stop, "stop now", True)


async def _beat(parts: Parts) -> None:
    """A row that says when the switch was last alive, and how late this loop runs."""
    loop = asyncio.get_running_loop()
    while True:
        before = loop.time()
        parts.store.heartbeat()
        await asyncio.sleep(HEARTBEAT_S)
        late_ms = max(0.0, (loop.time() - before - HEARTBEAT_S) * 1000)
        parts.loop_lag_ms = late_ms
        parts.dispatcher.alarms.look()


async def _shut_down(parts: Parts, api: ApiServer) -> None:
    """The control API answers until the last call has ended."""
    await parts.manager.stop(END_WITHIN_S)
    for task in parts.tasks:
        task.cancel()
    await asyncio.gather(*parts.tasks, return_exceptions=True)
    await api.stop()
    await end(parts)
    _log.info("stopped")


async def begin(parts: Parts) -> None:
    """From built to serving calls."""
    written, left = await written_down(parts), await left_to_say(parts)
    # Workers that outlived the last run go on with these calls; what they wrote of others is for `recover` to mend.
    await parts.media.start(wanted(written))
    revived, farewells = await recover(parts, written, left)
    await parts.boxes.load()
    await parts.mailing.start()
    warm(parts.services.voice, parts.services.config)
    await parts.sip.start()
    parts.kept_subscriptions.begin()
    parts.farewells.say(farewells)
    parts.dispatcher.await_callers(each.call.id for each in revived if isinstance(each.stage, Wait))
    await restore_callbacks(parts)
    for each in revived:
        parts.manager.go_on(each)


async def end(parts: Parts) -> None:
    """In the order in which things depend on each other; the store is last, so that every row is safe."""
    await parts.manager.stop(END_WITHIN_S)
    await parts.direct.stop()
    await parts.room.supervisions.stop()
    parts.snapshots.close()
    parts.farewells.close()
    parts.dispatcher.close()
    await parts.mailing.close()
    await parts.services.voice.close()
    await parts.boxes.close()
    await parts.services.lookups.close()
    await parts.sip.stop()
    parts.kept_subscriptions.close()
    await parts.media.stop()
    parts.dispatcher.desk.close()
    parts.services.queue_log.close()
    await parts.store.close()
