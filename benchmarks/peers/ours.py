"""This switch as a target, with the media engine it is told to use."""

import time
from collections.abc import Mapping
from dataclasses import fields
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.peers.target import Recorded
from softswitch import __version__
from softswitch.config.media import Rtp
from tools.peers.centre import load_config
from tools.peers.g711 import read_wav
from tools.peers.processes import Usage, cpu_between
from tools.peers.switch import Switch, SwitchError

_RATE = 8000
_PROCESSES, _IDLE_CORES, _SETTLE_S = 3, 0.05, 30.0
"""Control, worker and spare worker; what they may use at rest; how long that may take."""
_PORTS_PER_CALL = 4
"""Two legs, RTP and RTCP."""
_COUNTED = (
    "softswitch_calls_active",
    "softswitch_sip_dialogs",
    "softswitch_media_legs",
    "softswitch_media_recordings",
    "softswitch_tasks",
    "softswitch_storage_spooled_rows",
)
_addresses = (f"127.0.1.{number}" for number in cycle(range(1, 255)))
"""A fresh address for each start: no port is in use yet, and no packet is still on its way to it."""


class Ours:
    def __init__(self, engine: str = "auto", media_ports: str = "", trace_mb: int = 0) -> None:
        """`media_ports`: `FIRST-LAST`, when calls come and go; else as many as calls held at once need."""
        self.name = "softswitch" if engine == "auto" else f"softswitch ({engine})"
        self._engine = engine
        self._media_ports = media_ports
        self._trace_mb = trace_mb
        self._switch: Switch | None = None

    def version(self) -> str:
        return __version__

    def start(self, folder: Path, contacts: Mapping[str, str], *, record: bool) -> None:
        config: dict[str, Any] = load_config(contacts, record=record)
        if has_engines() and self._engine != "auto":
            config["rtp"] = {"engine": self._engine}
        if self._media_ports:
            config.setdefault("rtp", {})["ports"] = self._media_ports
        if self._trace_mb:
            config["trace"] = {"memory_mb": self._trace_mb}
        ports = _PORTS_PER_CALL * len(contacts) + 400
        self._switch = Switch(folder, config, address=next(_addresses), media_ports=ports).start()
        self._settle()

    def _settle(self) -> None:
        """Wait until all its processes have started: a spare worker loads itself some seconds after the others."""
        end = time.monotonic() + _SETTLE_S
        while time.monotonic() < end:
            before = self.usage()
            time.sleep(1.0)
            after = self.usage()
            idle = sum(cpu_between(before, after).values()) < _IDLE_CORES
            if idle and len(after) >= _PROCESSES:
                return
        raise SwitchError("its processes do not come to rest")

    @property
    def sip(self) -> tuple[str, int]:
        return self._running.sip

    def usage(self) -> dict[int, Usage]:
        return self._running.usage()

    def recordings(self) -> list[Recorded]:
        rows = self._running.rows("SELECT path, ani FROM recordings WHERE seconds IS NOT NULL")
        found = []
        for row in rows:
            samples = read_wav(self._running.state / "recordings" / row["path"])
            found.append(
                Recorded(number=int(row["ani"]), seconds=len(samples) / _RATE, channels=samples.shape[1])
            )
        return found

    def counts(self) -> dict[str, float]:
        """What must not grow while the load is even: UDP ports, and what the switch counts itself."""
        found: dict[str, float] = {"udp_ports": _udp_ports(self._running.address)}
        for line in self._running.get("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name.partition("{")[0] in _COUNTED:
                key = name.partition("{")[0].removeprefix("softswitch_")
                found[key] = found.get(key, 0.0) + float(value)
        return found

    def problems(self) -> list[str]:
        return self._running.faults()[:5]

    def stop(self) -> None:
        if self._switch is not None:
            switch, self._switch = self._switch, None
            try:
                switch.__exit__(SwitchError, None, None)
            except SwitchError as problem:
                print(problem)

    @property
    def _running(self) -> Switch:
        assert self._switch is not None, "not started"
        return self._switch


def has_engines() -> bool:
    """The media engine can be chosen."""
    return any(field.name == "engine" for field in fields(Rtp))


def _udp_ports(address: str) -> int:
    """UDP ports bound at this address."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split("."))) + ":"
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(line.split()[1].startswith(wanted) for line in lines)
