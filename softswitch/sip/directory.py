"""What the notifier asks of whoever knows the resources that can be watched, and who may watch them."""

from dataclasses import dataclass
from typing import Protocol

from softswitch.sip.identity import Identity
from softswitch.sip.resource_state import ResourceKey, ResourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a subscriber gets."""

    resource: ResourceKey
    detailed: bool


class Directory(Protocol):
    """Who knows the resources and their states."""

    def grant(self, package: str, user: str, identity: Identity) -> Grant:
        """What `user` of the watched address is; raises PeerError with 403 or 404."""

    def fill(self, resource: ResourceKey, state: ResourceState) -> None:
        """Somebody begins to watch: put in what is so now; changes are told by `Notifier.put` and `end` from now on."""

    def watching(self, resource: ResourceKey, on: bool) -> None:
        """The first subscription has come, or the last has gone."""
