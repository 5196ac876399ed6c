"""This switch as a target, with the media engine it is told to use."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from softswitch import __version__
from softswitch.config.schema import Rtp
from tools.peers.centre import load_config
from tools.peers.g711 import read_wav
from tools.peers.processes import Usage
from tools.peers.switch import Switch, SwitchError

from benchmarks.peers.target import Recorded

_RATE = 8000
_MEDIA_PORTS = 8000


class Ours:
    def __init__(self, engine: str = "auto", calls: int = 0) -> None:
        self.name = "softswitch" if engine == "auto" else f"softswitch {engine}"
        self._engine = engine
        self._switch: Switch | None = None

    def version(self) -> str:
        return __version__

    def start(self, folder: Path, contacts: Mapping[str, str], *, record: bool) -> None:
        config: dict[str, Any] = load_config(contacts, record=record)
        if has_engines() and self._engine != "auto":
            config["rtp"] = {"engine": self._engine}
        self._switch = Switch(folder, config, media_ports=_MEDIA_PORTS).start()

    @property
    def sip(self) -> tuple[str, int]:
        return self._running.sip

    def usage(self) -> dict[int, Usage]:
        return self._running.usage()

    def recordings(self) -> list[Recorded]:
        rows = self._running.rows(
            "SELECT path, ani FROM recordings WHERE seconds IS NOT NULL"
        )
        found = []
        for row in rows:
            samples = read_wav(self._running.state / "recordings" / row["path"])
            found.append(
                Recorded(number=int(row["ani"]), seconds=len(samples) / _RATE, channels=samples.shape[1])
            )
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
