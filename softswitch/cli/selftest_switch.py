"""A switch of the given configuration for the self-test alone: on spare ports, in its own folder, calling nobody else."""

import asyncio
import dataclasses
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from softswitch.api.server import ApiServer
from softswitch.app.control import Control
from softswitch.app.life import begin, end
from softswitch.app.logs import set_up_logs
from softswitch.app.parts import build
from softswitch.config.loader import LoadedConfig
from softswitch.config.schema import Config
from softswitch.config.tracing import Capture, Trace

HOST = "127.0.0.1"
MEDIA_PORTS = 40
_OUTWARD = ("trunk", "trunk_group", "lcr", "endpoint", "agent", "queue", "conference")
"""Nobody but the test is called or watched; queues would ask for agents that are not there."""


@asynccontextmanager
async def own_switch(loaded: LoadedConfig) -> AsyncIterator[Path]:
    """The path of its control socket. Raises UnusableError."""
    folder = Path(tempfile.mkdtemp(prefix="softswitch-selftest-"))
    try:
        set_up_logs(replace(loaded.config.general, log_level="error"))
        config = spare(loaded.config, folder)
        parts = await build(replace(loaded, config=config, secrets={}))
        stopping = asyncio.Event()
        socket_path = folder / "control.sock"
        server = ApiServer(Control(parts, folder / "none.toml", stopping), parts.bus, socket_path)
        tracing = asyncio.create_task(parts.tracing.run())
        try:
            await begin(parts)
            await server.start()
            yield socket_path
        finally:
            tracing.cancel()
            await asyncio.gather(tracing, return_exceptions=True)
            await server.stop()
            await end(parts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def spare(config: Config, folder: Path) -> Config:
    """`config` with ports and folders that nothing else uses."""
    first = _free_ports(MEDIA_PORTS)
    emptied: dict[str, Any] = {
        name: {} for name in _OUTWARD if name in {each.name for each in dataclasses.fields(Config)}
    }
    return replace(
        config,
        general=replace(
            config.general,
            state_dir=str(folder),
            control_socket="",
            database="",
            queue_log="off",
            max_calls=10,
        ),
        sip=replace(config.sip, listen=(f"udp://{HOST}:{_free_ports(1)}",), external_address=""),
        rtp=replace(config.rtp, address=HOST, ports=f"{first}-{first + MEDIA_PORTS - 1}", workers=1),
        recording=replace(config.recording, directory="", keep_before_s=0.0, convert="", min_free_mb=1),
        trace=Trace(),
        capture=Capture(),
        route={},
        flow={},
        message={},
        **emptied,
    )


def _free_ports(count: int) -> int:
    """The first of so many UDP ports in a row that are free now, even."""
    for first in range(23_000, 60_000, max(2, count)):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise OSError("no UDP ports are free")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
