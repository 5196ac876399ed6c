"""What changed between two configurations, and which of it a running switch cannot take over."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from softswitch.config.schema import Config

NEEDS_RESTART = (
    ("general", "node"),
    ("general", "state_dir"),
    ("general", "database"),
    ("general", "control_socket"),
    ("general", "control_group"),
    ("general", "queue_log"),
    ("general", "log_format"),
    ("general", "nice"),
    ("sip", "listen"),
    ("sip", "t1_ms"),
    ("sip", "t2_ms"),
    ("sip", "t4_ms"),
    ("sip", "max_message_bytes"),
    ("sip", "name_servers"),
    ("rtp", "address"),
    ("rtp", "ports"),
    ("rtp", "workers"),
    ("rtp", "nice"),
    ("rtp", "quiet_s"),
    ("events", "keep"),
    ("events", "listen"),
    ("ami", "listen"),
    ("speech", "directory"),
)
"""Keys that processes and sockets are made of at start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    changed: tuple[str, ...] = ()
    """Changed keys of plain sections (`sip.realm`), and named tables that changed (`queue.support`)."""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    """Of `changed`, what is in force only after a restart."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that is different, for a report."""
        return (*self.changed, *self.added, *self.removed)

    def touches(self, section: str) -> bool:
        return any(name.startswith(section + ".") for name in self.names)


def difference(old: Config, new: Config) -> Difference:
    changed: list[str] = []
    added: list[str] = []
    removed: list[str] = []
    for section in dataclasses.fields(Config):
        before, after = getattr(old, section.name), getattr(new, section.name)
        if isinstance(before, Mapping):
            added += [f"{section.name}.{name}" for name in after if name not in before]
            removed += [f"{section.name}.{name}" for name in before if name not in after]
            changed += [
                f"{section.name}.{name}" for name in before if name in after and before[name] != after[name]
            ]
        else:
            changed += [f"{section.name}.{key}" for key in _changed_keys(before, after)]
    restart = tuple(name for name in changed if tuple(name.split(".", 1)) in NEEDS_RESTART)
    return Difference(
        changed=tuple(changed), added=tuple(added), removed=tuple(removed), needs_restart=restart
    )


def _changed_keys(before: Any, after: Any) -> list[str]:
    return [
        key.name
        for key in dataclasses.fields(before)
        if getattr(before, key.name) != getattr(after, key.name)
    ]


def in_force(old: Config, new: Config) -> Config:
    """`new`, but with the keys that need a restart still as in `old`: what the running switch works with."""
    kept: dict[str, dict[str, Any]] = {}
    for section, key in NEEDS_RESTART:
        kept.setdefault(section, {})[key] = getattr(getattr(old, section), key)
    sections = {section: dataclasses.replace(getattr(new, section), **keys) for section, keys in kept.items()}
    return dataclasses.replace(new, **sections)
