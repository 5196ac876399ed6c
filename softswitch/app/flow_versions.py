"""Keeps the book of flow versions beside the data base, gives new calls what it says, and tells what live calls have."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from softswitch.api.errors import NotPossible, UnknownThing
from softswitch.api.flow_control import FlowVersionView, FlowView, VersionWish
from softswitch.clock import Clock
from softswitch.config.flow import Flow
from softswitch.config.loader import LoadedConfig
from softswitch.config.schema import Config
from softswitch.ivr.check import check_flows
from softswitch.ivr.fault import KnownNames, Problem
from softswitch.ivr.prompts import PromptLibrary
from softswitch.ivr.versions import UnknownVersion, VersionBook

if TYPE_CHECKING:
    from softswitch.app.parts import Parts

NAME = "flow_versions.json"
MAX_BYTES = 16 << 20

_log = structlog.get_logger(__name__)


class FlowVersions:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = folder / NAME
        self._clock = clock
        self.book = self._read()

    def applied(self, loaded: LoadedConfig) -> LoadedConfig:
        """The configuration with the flows that new calls get."""
        if not loaded.config.flow and not self.book.names():
            return loaded
        flows = self.book.take(loaded.config.flow, self._clock.wall())
        for name in filter(self.book.pinned, self.book.names()):
            problems = _problems(loaded.config, flows)
            if problems:
                flows[name] = self.book.roll_back(name, 0)
                _log.warning("a flow is not rolled back any more", flow=name, problem=str(problems[0]))
        self.write()
        return replace(loaded, config=replace(loaded.config, flow=flows))

    def _read(self) -> VersionBook:
        try:
            with self._file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise ValueError("is too long")
            return VersionBook.from_plain(json.loads(content))
        except FileNotFoundError:
            return VersionBook()
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("the versions of flows begin anew", file=str(self._file), problem=str(error))
            return VersionBook()

    def write(self) -> None:
        """What cannot be written costs no call: the versions are then known until the next start."""
        part = self._file.with_suffix(".part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self.book.plain(), separators=(",", ":")))
            part.replace(self._file)
        except OSError as error:
            _log.error("the versions of flows are not kept", file=str(self._file), problem=str(error))


class FlowDesk:
    """Implements `api.flow_control.FlowControl`."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    def flows(self) -> tuple[FlowView, ...]:
        return tuple(self._view(name) for name in self._parts.flow_versions.book.names())

    def _view(self, name: str) -> FlowView:
        book = self._parts.flow_versions.book
        began, within = self._calls(name)
        live, in_file = book.live(name), book.in_file(name)
        return FlowView(
            flow=name,
            live=live,
            rolled_back=book.pinned(name),
            versions=tuple(
                FlowVersionView(
                    version=each.number,
                    since=each.since,
                    live=each.number == live,
                    in_file=each.number == in_file,
                    nodes=len(each.flow.node),
                    calls=began[each.number],
                    in_flow=within[each.number],
                )
                for each in book.versions(name)
            ),
        )

    def _calls(self, name: str) -> tuple[Counter[int], Counter[int]]:
        """Live calls by the version that they keep, and those of them who are in the flow now."""
        book = self._parts.flow_versions.book
        began: Counter[int] = Counter()
        within: Counter[int] = Counter()
        for call in self._parts.manager.calls.values():
            flow = call.config.flow.get(name)
            if flow is not None:
                number = book.number_of(name, flow)
                began[number] += 1
                within[number] += call.in_flow == name
        return began, within

    async def use(self, flow: str, wish: VersionWish) -> FlowView:
        parts, book = self._parts, self._parts.flow_versions.book
        try:
            number = book.before(flow) if wish.version is None else wish.version
            config = parts.services.config
            flows = {**config.flow, flow: book.flow_of(flow, number)}
            problems = await asyncio.to_thread(_problems, config, flows)
            if problems:
                raise NotPossible(f"version {number} of flow {flow} cannot be used now: {problems[0]}")
            taken = book.roll_back(flow, number)
        except UnknownVersion as error:
            raise UnknownThing(str(error)) from None
        # A reload may have come in between: what it brought stays.
        now = parts.services.config
        parts.services.config = replace(now, flow={**now.flow, flow: taken})
        parts.flow_versions.write()
        _log.info("flow switched", flow=flow, version=book.live(flow), rolled_back=book.pinned(flow))
        return self._view(flow)


def _problems(config: Config, flows: Mapping[str, Flow]) -> list[Problem]:
    """What is wrong in the flow as things are now: queues and prompts may have gone since it was written."""
    prompts = PromptLibrary.of(config.prompts.directory, config.general.language).names()
    found = check_flows(flows, KnownNames.of(config, prompts))
    return [problem for problem in found if problem.severity == "error"]
