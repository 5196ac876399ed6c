"""What a queue says of calling its callers back, and what of it cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.target import OUTWARD, Target

if TYPE_CHECKING:
    from softswitch.config.queues import Queue
    from softswitch.config.schema import Config

KEYS = "0123456789*#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    key: str = "1"
    """Key that a waiting caller presses to be called back."""
    least_wait_s: float = 120.0
    """Offered with the announcements to callers whose wait is expected to last so long; the key works from then on. 0: to
    everybody, also where nobody knows."""
    most: int = 100
    """Callers of this queue who wait for being called back at once; 0: any number."""
    when: str = ""
    """Calendar that must be open, to ask for it and to be called."""
    first: Literal["agent", "caller"] = "agent"
    """Who is rung first. `caller`: an agent is kept for him meanwhile."""
    via: str = ""
    """`trunk:NAME` or `lcr:NAME` by which callers are called; empty: the trunk or phone that they called from."""
    attempts: int = 3
    """How often he is called until it is given up."""
    pause_s: float = 300.0
    """Seconds until the next attempt when nobody answered."""
    busy_pause_s: float = 60.0
    """The same when the line was busy."""
    ring_s: float = 30.0
    """Seconds that his phone rings."""
    confirm_key: str = ""
    """Key by which whoever answers says that he wants to be connected; answering machines press none. Empty: nobody is
    asked, as suits `first = "agent"`."""
    confirm_s: float = 10.0
    """Seconds that he has for it after the greeting."""
    least_ring_s: float = 0.0
    """Who answers sooner is taken for an answering machine: phones that are switched off answer at once. 0: nobody is."""
    keep_h: float = 12.0
    """Hours after which it is given up."""


def check_callback(path: Path, queue: Queue, config: Config, broken: Set[Path]) -> Iterator[Finding]:
    callback = queue.callback
    if callback is None:
        return
    here = (*path, "callback")
    for name in ("key", "confirm_key"):
        key = getattr(callback, name)
        if (key or name == "key") and (len(key) != 1 or key not in KEYS):
            yield Finding(path=(*here, name), message=f"{key!r} is no key", expected="one of 0-9, * and #")
    if callback.key in queue.keys:
        message = f"{callback.key} leads to {queue.keys[callback.key]} by `keys`"
        yield Finding(path=(*here, "key"), message=message, expected="a key of its own")
    if callback.when and callback.when not in config.calendar and ("calendar", callback.when) not in broken:
        yield Finding(
            path=(*here, "when"),
            message=f"there is no calendar {callback.when!r}",
            did_you_mean=nearest(callback.when, config.calendar),
        )
    yield from _amounts(here, callback)
    yield from _via(here, callback.via, config, broken)


def _amounts(here: Path, callback: Callback) -> Iterator[Finding]:
    for name in ("attempts", "ring_s", "confirm_s", "keep_h"):
        if getattr(callback, name) == 0:
            yield Finding(path=(*here, name), message="is not above 0", expected="more than 0")
    if 0 < callback.ring_s <= callback.least_ring_s:
        message = f"is not below ring_s, {callback.ring_s:g} s: everybody would be taken for a machine"
        yield Finding(path=(*here, "least_ring_s"), message=message)


def _via(here: Path, via: str, config: Config, broken: Set[Path]) -> Iterator[Finding]:
    if not via:
        return
    path = (*here, "via")
    try:
        target = Target.parse(via)
    except ValueError as error:
        yield Finding(path=path, message=str(error))
        return
    if target.kind not in OUTWARD or target.argument:
        yield Finding(path=path, message=f"{via} leads to no trunk", expected="trunk:NAME or lcr:NAME")
        return
    known = config.lcr if target.kind == "lcr" else {**config.trunk, **config.trunk_group}
    sections = (target.kind, "trunk_group")
    if target.name not in known and not any((section, target.name) in broken for section in sections):
        yield Finding(
            path=path,
            message=f"there is no {target.kind} {target.name!r}",
            did_you_mean=nearest(target.name, known),
        )
