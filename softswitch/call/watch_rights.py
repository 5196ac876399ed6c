"""Who may watch what: from the name in a SUBSCRIBE to the thing that is meant, and what its watcher sees of it. Pure.

A phone may always watch itself and its own mailbox. For everything else its `watches` must name it, before anybody looks
whether it exists: so who may not watch learns nothing from the answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from softswitch.config.schema import Config
from softswitch.errors import PeerError
from softswitch.sip.identity import Identity

LONGEST_NAME = 80
_PREFIXES = {"queue-": "queue", "agent-": "agent", "box-": "box", "park-": "park"}


@dataclass(frozen=True, slots=True)
class Watched:
    kind: str
    """`endpoint`, `queue`, `agent`, `box` or `park`."""
    name: str
    parties: bool
    """Its watcher sees who the others are."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    def unknown(self) -> PeerError:
        """It exists, but not for this event package."""
        return _unknown()


def watched_by(config: Config, package: str, user: str, identity: Identity) -> Watched:
    """What `user` means to this watcher; raises PeerError with 403, or 404 where he may know."""
    own = identity.kind == "endpoint" and user == identity.name
    settings = config.endpoint.get(identity.name) if identity.kind == "endpoint" else None
    if len(user) > LONGEST_NAME or settings is None:
        raise _not_permitted()
    boxes = {f"box-{settings.mailbox}"} if settings.mailbox else set()
    if not own and user not in boxes and not _named(user, settings.watches):
        raise _not_permitted()
    kind, name = _meaning(config, user)
    if package == "message-summary" and kind == "endpoint":
        kind, name = "box", config.endpoint[name].mailbox
    if not _exists(config, kind, name):
        raise _unknown()
    return Watched(kind, name, own or _named(user, settings.watches_parties))


def _not_permitted() -> PeerError:
    return PeerError("this phone may not watch that", sip_status=403)


def _unknown() -> PeerError:
    return PeerError("nothing of that name can be watched", sip_status=404)


def _named(user: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(user, pattern) for pattern in patterns)


def _meaning(config: Config, user: str) -> tuple[str, str]:
    if user in config.endpoint:
        return "endpoint", user
    for prefix, kind in _PREFIXES.items():
        if user.startswith(prefix):
            return kind, user.removeprefix(prefix)
    return "", ""


def _exists(config: Config, kind: str, name: str) -> bool:
    sections: Mapping[str, Mapping[str, object]] = {
        "endpoint": config.endpoint,
        "queue": config.queue,
        "agent": config.agent,
        "box": config.message,
    }
    if kind == "park":
        return name in map(str, range(1, config.parking.places + 1))
    return kind in sections and name in sections[kind]
