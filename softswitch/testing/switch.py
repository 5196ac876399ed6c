"""A whole switch for tests: composed as the real one, on a fake network, fake media workers and virtual time.

Real are the SIP endpoint, the engine of the queues, the flows, the calls, and the store on a file of its own. Run it on a
`VirtualTimeLoop` without threads, so that storing takes no time; see `tests/story`.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from softswitch.api.views import ReloadView
from softswitch.app.control import Control
from softswitch.app.life import begin, end
from softswitch.app.parts import Parts, build
from softswitch.app.reload import take_over
from softswitch.app.world import World
from softswitch.config.documents import Documents
from softswitch.config.loader import LoadedConfig
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.facts import Fact
from softswitch.ivr.prompts import PromptLibrary
from softswitch.store.rows import Row as StoredRow
from softswitch.store.spool import Spool
from softswitch.testing.media import FakeMediaPool
from softswitch.testing.network import Network, NetworkWire
from softswitch.testing.surviving import Scene
from softswitch.testing.virtual_time import VirtualClock
from softswitch.testing.voice import FakeMailer, FakeRecognition, FakeSpeaker

SETTLED_S = 1.0
"""Longer than a lazy row waits for its transaction."""
FORGOTTEN_S = 300.0
"""Longer than any transaction, cancelled offer or ringing phone lives."""

Row = dict[str, Any]


@lru_cache(maxsize=8)
def _prompts(directory: str, language: str) -> PromptLibrary:
    return PromptLibrary.of(directory, language)


@dataclass(slots=True)
class Switch:
    parts: Parts
    media: FakeMediaPool
    network: Network
    control: Control
    stopping: asyncio.Event
    facts: list[Fact]
    folder: Path
    wire: NetworkWire

    @classmethod
    async def open(
        cls,
        config: Config,
        folder: Path,
        *,
        network: Network,
        address: str = "192.0.2.1",
        secrets: Mapping[tuple[str, str], Secret] | None = None,
        template: Path | None = None,
        worker: Scene | None = None,
    ) -> "Switch":
        """Start it; what it writes goes below `folder`. `worker`: what `kill` left of the switch before it there.
        `template`: a database to begin with a copy of, where there is one; else one is left there, since making the
        tables takes longer than most stories."""
        config = replace(config, general=replace(config.general, state_dir=str(folder)))
        database = folder / "softswitch.db"
        _begin_with(template, database)
        numbers = count(1 if worker is None else 1 + (worker.life << 32))
        wire = NetworkWire(network, address)
        world = World(
            clock=VirtualClock(),
            entropy=lambda size: (next(numbers) * 0x9E3779B97F4A7C15 % (1 << 8 * size)).to_bytes(size),
            media=FakeMediaPool,
            prompts=_prompts,
            wire=wire,
            speaker=FakeSpeaker(),
            recognition=FakeRecognition,
            mailer=FakeMailer(),
        )
        parts = await build(_loaded(config, secrets or {}), world)
        _keep_for_others(database, template)  # before there is a row in it
        assert isinstance(parts.media, FakeMediaPool)
        parts.media.outlived = worker
        facts: list[Fact] = []
        parts.bus.subscribe(facts.append)
        stopping = asyncio.Event()
        switch = cls(
            parts,
            parts.media,
            network,
            Control(parts, folder / "none.toml", stopping),
            stopping,
            facts,
            folder,
            wire,
        )
        await begin(parts)
        return switch

    async def close(self) -> None:
        await end(self.parts)

    async def kill(self) -> Scene:
        """As `kill -9` would: what is not stored yet is lost, nobody is told anything, and its media worker goes on."""
        parts, worker = self.parts, self.media.scene()
        writer = parts.store.writer
        writer._spool = _Lost(low_value_rows=1, high_value_rows=1)
        self.wire.cut()
        parts.kept_subscriptions.cut()
        self.media.on_report = lambda worker, report: None
        parts.services.queue_log.write = lambda row: None  # type: ignore[method-assign]
        await end(parts)
        return worker

    def reload(self, config: Config, secrets: Mapping[tuple[str, str], Secret] | None = None) -> ReloadView:
        config = replace(config, general=replace(config.general, state_dir=str(self.folder)))
        known = self.parts.services.secrets if secrets is None else secrets
        return take_over(self.parts, _loaded(config, known))

    # --- what it wrote ----------------------------------------------------------------------------------------------

    def rows(self, table: str, order: str = "1") -> list[Row]:
        """All rows of a table; what was handed in less than `SETTLED_S` ago may not be there yet."""
        with closing(sqlite3.connect(self.folder / "softswitch.db")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")]

    def cdrs(self) -> list[Row]:
        return self.rows("calls", "started, call")

    def queue_log(self, after: int = 0) -> list[str]:
        """Lines of the file from `after` on, without time and call: `sales|ana|CONNECT|3`."""
        lines = (self.folder / "queue_log").read_text().splitlines()[after:]
        return ["|".join(line.split("|")[2:]) for line in lines]

    def happened(self, kind: type[Fact]) -> list[Any]:
        """Facts of one kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    # --- what must not stay -----------------------------------------------------------------------------------------

    def leaks(self) -> list[str]:
        """What calls left behind; to be asked when all are over. Empty is health."""
        parts = self.parts
        dispatcher, services = parts.dispatcher, parts.services
        left: dict[str, Any] = {
            "live calls": dict(parts.manager.calls),
            "legs": dict(services.legs),
            "ports": sorted(self.media.legs),
            "recordings": sorted(self.media.recordings),
            "bridges": sorted(map(str, self.media.bridges)),
            "streams passed on": sorted(map(str, self.media.passing)),
            "mixes": sorted(map(str, self.media.mixes)),
            "talks": dict(parts.room.talks),
            "supervisors": parts.room.supervisions.live(),
            "conferences": parts.room.conferences.live(),
            "sessions": parts.sip.sessions(),
            "direct calls": dict(parts.direct.live),
            "lines": services.lines.seized(),
            "callers waiting or connected": dispatcher.callers(),
            "queue visits": dispatcher.visits.underway(),
            "recordings running": parts.recordings.running(),
            "tasks": sorted(
                task.get_name()
                for task in asyncio.all_tasks()
                if task.get_name().startswith(("call ", "ring ", "supervise ", "cross "))
            ),
            "journal": self.rows("journal"),
            "faults of calls": [row for row in self.cdrs() if row["cause"] == "internal fault"],
            "engine": dispatcher.engine.invariants(),
            "faults of SIP": parts.sip.stats().faults,
        }
        return [f"{name}: {found}" for name, found in left.items() if found]


class _Lost(Spool):
    """Keeps nothing of what a process that is dead hands in."""

    def add(self, row: StoredRow, *, urgent: bool) -> None:
        del row, urgent


def _loaded(config: Config, secrets: Mapping[tuple[str, str], Secret]) -> LoadedConfig:
    return LoadedConfig(config=config, secrets=secrets, warnings=(), files=(), documents=Documents(()))


def _begin_with(template: Path | None, database: Path) -> None:
    if template is not None and template.exists():
        shutil.copy(template, database)


def _keep_for_others(database: Path, template: Path | None) -> None:
    if template is None or template.exists():
        return
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(template)) as target:
        source.backup(target)
