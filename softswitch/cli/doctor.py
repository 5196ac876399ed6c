"""`softswitch doctor`: what this machine, this configuration and its trunks can do, each with what to do about it.

Looks at the machine itself where no switch runs; where one does, what it holds (ports, sockets) is asked of it instead.
Changes nothing but makes the folders that the switch would make at its start.
"""

import importlib.util
import resource
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from softswitch.cli.checked import load_checked
from softswitch.cli.client import Client, NotRunning, Refused
from softswitch.cli.doctor_check import Check
from softswitch.cli.doctor_machine import examine_machine
from softswitch.cli.options import Place, json_option, place_options
from softswitch.cli.output import show, show_json, table
from softswitch.cli.place import default_config
from softswitch.codec import CODECS
from softswitch.config import paths
from softswitch.config.formats import port_range
from softswitch.config.loader import LoadedConfig
from softswitch.config.problem import ConfigError
from softswitch.config.schema import Config
from softswitch.config.startup import check_startup
from softswitch.rtp.codecs import available
from softswitch.rtp.engines import choose

FILES_OF_A_LEG = 2
OTHER_FILES = 256
GOOD_BUFFER = 200 << 10
"""A fifth of a second of 50 packets a second with the kernel's own overhead, many times over."""


@click.command()
@json_option
@place_options
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check what this machine can do for the switch.

    Exits with 1 when something would keep it from working.
    """
    place = context.ensure_object(Place)
    running = _running(place.client())
    trunks = _trunks(place.client()) if running is not None else {}
    checks = list(examine(place.config or default_config(), running, trunks))
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        rows = [[check.name, check.state, check.found, check.advice] for check in checks]
        show(table("", ["check", "state", "found", "what to do"], rows))
    context.exit(any(check.state == "failed" for check in checks))


def examine(
    file: Path, running: dict[str, Any] | None, trunks: Mapping[str, dict[str, Any]]
) -> Iterator[Check]:
    """`running`: what a running switch says of itself, None without one; `trunks`: and of its trunks."""
    from softswitch.cli.doctor_network import examine_network  # brings DNS and SIP

    yield _python()
    yield _codecs()
    yield _buffers()
    if running is not None:
        yield from _switch(running)
    try:
        loaded = load_checked(file)
    except ConfigError as error:
        yield Check(name="configuration", state="failed", found=str(error), advice="softswitch config check")
        return
    yield from _configuration(loaded, file, running)
    if running is None:
        yield _engine(loaded.config)
    yield _open_files(loaded.config)
    yield _space(loaded.config)
    yield from examine_machine(loaded.config)
    yield from examine_network(loaded.config, trunks)


def _running(client: Client) -> dict[str, Any] | None:
    try:
        status: dict[str, Any] = client.get("status")
    except (NotRunning, Refused):
        return None
    return status


def _trunks(client: Client) -> dict[str, dict[str, Any]]:
    try:
        return {view["trunk"]: view for view in client.get("trunks")}
    except (NotRunning, Refused):
        return {}


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    state = "ok" if sys.version_info >= (3, 11) else "failed"
    return Check(name="Python", state=state, found=version, advice="" if state == "ok" else "3.11 or newer")


def _configuration(loaded: LoadedConfig, file: Path, running: dict[str, Any] | None) -> Iterator[Check]:
    for warning in loaded.warnings:
        yield Check(name="configuration", state="warning", found=str(warning))
    if not loaded.warnings:
        yield Check(name="configuration", state="ok", found=str(file))
    if running is not None:
        return
    problems = check_startup(loaded)
    for problem in problems:
        yield Check(name="start", state="failed", found=str(problem))
    if not problems:
        yield Check(name="start", state="ok", found="ports, folders and sockets are free and usable")


def _switch(running: dict[str, Any]) -> Iterator[Check]:
    alarms = "; ".join(f"{alarm['name']}: {alarm['message']}" for alarm in running["alarms"])
    found = f"{running['calls']} calls, pid {running['pid']}"
    yield Check(name="running switch", state="warning" if alarms else "ok", found=alarms or found)
    problems = dict.fromkeys(w["engine_problem"] for w in running["workers"] if w["engine_problem"])
    yield _engine_check(running["engine"], "; ".join(problems))


def _engine(config: Config) -> Check:
    try:
        engine, problem = choose(config.rtp.engine)
    except OSError as error:
        advice = 'say `rtp.engine = "auto"`'
        return Check(name="media engine", state="failed", found=error.strerror or str(error), advice=advice)
    engine.shut()
    return _engine_check(engine.name, problem)


def _engine_check(name: str, problem: str) -> Check:
    if not problem:
        return Check(name="media engine", state="ok", found=name)
    return Check(
        name="media engine",
        state="warning",
        found=f"{name}; {problem}",
        advice="allow io_uring (sysctl kernel.io_uring_disabled=0, seccomp of the container); it carries more calls",
    )


def _codecs() -> Check:
    missing = [name for name, codec in CODECS.items() if not available(codec)]
    problems = [f"{', '.join(missing)} can only be relayed"] if missing else []
    if importlib.util.find_spec("pylibsrtp") is None:
        problems.append("no SRTP")
    advice = "pip install 'softswitch[codecs]'" if missing else "pip install pylibsrtp" if problems else ""
    return Check(
        name="codecs",
        state="warning" if problems else "ok",
        found="; ".join(problems) or f"{', '.join(CODECS)}; SRTP",
        advice=advice,
    )


def _open_files(config: Config) -> Check:
    """Against the hard limit, which the switch raises its own to."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    first, last = port_range(config.rtp.ports)
    legs = min(2 * config.general.max_calls, (last - first + 1) // 2)
    needed = legs * FILES_OF_A_LEG + OTHER_FILES
    enough = hard == resource.RLIM_INFINITY or hard >= needed
    return Check(
        name="open files",
        state="ok" if enough else "warning",
        found=f"{hard} allowed, {needed} needed for {legs} legs",
        advice="" if enough else "ulimit -Hn, or LimitNOFILE= in the systemd unit",
    )


def _space(config: Config) -> Check:
    folder = paths.recordings(config)
    while not folder.exists():
        folder = folder.parent
    free_mb, least_mb = shutil.disk_usage(folder).free >> 20, config.recording.min_free_mb
    enough = free_mb > least_mb
    return Check(
        name="space for recordings",
        state="ok" if enough else "failed",
        found=f"{free_mb} MB free at {folder}, recording ends at {least_mb}",
        advice="" if enough else "free some, or set recording.directory",
    )


def _buffers() -> Check:
    file = Path("/proc/sys/net/core/rmem_default")
    try:
        size = int(file.read_text())
    except (OSError, ValueError):
        return Check(name="socket buffers", state="warning", found=f"{file} cannot be read")
    enough = size >= GOOD_BUFFER
    return Check(
        name="socket buffers",
        state="ok" if enough else "warning",
        found=f"{size >> 10} kB a socket",
        advice="" if enough else "sysctl net.core.rmem_default=212992",
    )
