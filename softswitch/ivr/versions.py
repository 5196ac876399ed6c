"""Versions of flows: each content that a flow has had gets a number; new calls get the latest or the one it was rolled
back to. Pure: `app/flow_versions.py` keeps the book on disk.

A roll back holds until the flow is changed in its file: what somebody writes next is what he wants.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from softswitch.config.flow import Flow

MAX_VERSIONS = 20
"""Of one flow; the oldest are forgotten."""


@cache
def _adapter() -> TypeAdapter[Flow]:
    return TypeAdapter(Flow)


def digest_of(flow: Flow) -> str:
    return hashlib.sha256(_adapter().dump_json(flow)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    number: int
    since: float
    """Wall time at which it was first taken."""
    digest: str
    flow: Flow = field(repr=False)


class UnknownVersion(ValueError):
    """A flow or a version that the book does not have."""


@dataclass(slots=True)
class _Page:
    """One flow."""

    versions: list[Version] = field(default_factory=list)
    in_file: int = 0
    """Number of what the file has; 0: the flow is in no file any more."""
    pinned: int = 0
    """Number that it was rolled back to; 0: to none."""

    def version(self, number: int) -> Version | None:
        return next((each for each in self.versions if each.number == number), None)


class VersionBook:
    def __init__(self) -> None:
        self._pages: dict[str, _Page] = {}

    def take(self, flows: Mapping[str, Flow], now: float) -> dict[str, Flow]:
        """The flows of the files; returns those that new calls get."""
        for name, page in self._pages.items():
            if name not in flows:
                page.in_file = page.pinned = 0
        return {
            name: self._take(self._pages.setdefault(name, _Page()), flow, now) for name, flow in flows.items()
        }

    def _take(self, page: _Page, flow: Flow, now: float) -> Flow:
        digest = digest_of(flow)
        known = next((each for each in page.versions if each.digest == digest), None)
        if known is None:
            number = 1 + max((each.number for each in page.versions), default=0)
            known = Version(number=number, since=now, digest=digest, flow=flow)
            page.versions.append(known)
        if known.number != page.in_file:
            page.in_file, page.pinned = known.number, 0
        kept = {page.in_file, page.pinned}
        while len(page.versions) > MAX_VERSIONS:
            page.versions.remove(next(each for each in page.versions if each.number not in kept))
        pinned = page.version(page.pinned)
        return known.flow if pinned is None else pinned.flow

    def flow_of(self, name: str, number: int) -> Flow:
        """0: that of the file. Raises UnknownVersion."""
        return self._version(name, number)[1].flow

    def roll_back(self, name: str, number: int) -> Flow:
        """New calls get this version; 0: that of the file again. Raises UnknownVersion."""
        page, version = self._version(name, number)
        page.pinned = 0 if version.number == page.in_file else version.number
        return version.flow

    def _version(self, name: str, number: int) -> tuple[_Page, Version]:
        page = self._pages.get(name)
        if page is None or not page.in_file:
            raise UnknownVersion(f"there is no flow {name!r}")
        version = page.version(number or page.in_file)
        if version is None:
            known = ", ".join(str(each.number) for each in page.versions)
            raise UnknownVersion(f"flow {name!r} has no version {number}; known are {known}")
        return page, version

    def before(self, name: str) -> int:
        """The version before the one that new calls get. Raises UnknownVersion."""
        live = self.live(name)
        earlier = [each.number for each in self.versions(name) if each.number < live]
        if not earlier:
            raise UnknownVersion(f"flow {name!r} has no version before {live}")
        return max(earlier)

    def names(self) -> tuple[str, ...]:
        """Flows that are in the files."""
        return tuple(name for name, page in self._pages.items() if page.in_file)

    def versions(self, name: str) -> tuple[Version, ...]:
        return tuple(self._pages[name].versions) if name in self._pages else ()

    def live(self, name: str) -> int:
        """What new calls get; 0: the flow is in no file."""
        page = self._pages.get(name, _Page())
        return page.pinned or page.in_file

    def in_file(self, name: str) -> int:
        return self._pages.get(name, _Page()).in_file

    def pinned(self, name: str) -> bool:
        return bool(self._pages.get(name, _Page()).pinned)

    def number_of(self, name: str, flow: Flow) -> int:
        """0: none of those known."""
        return next(
            (each.number for each in self.versions(name) if each.flow is flow or each.flow == flow), 0
        )

    def plain(self) -> dict[str, Any]:
        """JSON values."""
        return {
            name: {
                "in_file": page.in_file,
                "pinned": page.pinned,
                "versions": [
                    {
                        "number": each.number,
                        "since": each.since,
                        "digest": each.digest,
                        "flow": _adapter().dump_python(each.flow, mode="json"),
                    }
                    for each in page.versions
                ],
            }
            for name, page in self._pages.items()
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "VersionBook":
        """What `plain` made; a version that this program cannot read any more is left out. Raises ValueError."""
        book = cls()
        try:
            for name, page in values.items():
                book._pages[str(name)] = _Page(
                    [version for each in page["versions"] if (version := _read(each)) is not None],
                    int(page["in_file"]),
                    int(page["pinned"]),
                )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"is no book of versions: {error}") from None
        return book


def _read(values: Mapping[str, Any]) -> Version | None:
    try:
        flow = _adapter().validate_python(values["flow"])
    except ValidationError:
        return None
    return Version(
        number=int(values["number"]),
        since=float(values["since"]),
        digest=str(values["digest"]),
        flow=flow,
    )
