"""Where a proxied request is to go, as values: the target set of RFC 3261 section 16.5, and who decides on it.

The proxy core knows no configuration. What an address of ours means, who may use it and whether a call is written down,
`ProxyPolicy` says; it is implemented where the calls are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from softswitch.sip.identity import Identity
from softswitch.sip.message import Request
from softswitch.sip.registrar import Binding
from softswitch.sip.secure_uris import SIPS, SipsNotAllowed
from softswitch.sip.uri import Uri

if TYPE_CHECKING:
    from softswitch.sip.proxied_call import ProxiedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTarget:
    where: Uri | Binding
    party: str
    """`endpoint:NAME` or `trunk:NAME`."""
    q: float = 1.0
    """Preference; those of a lower one are tried when all of a higher one have failed."""
    spare: tuple[Binding, ...] = ()
    """Other flows to the same phone, one after the other when a flow is dead (RFC 5626 section 5.3)."""
    proxy: Uri | None = None
    """Sent there instead, with a Route."""

    @property
    def uri(self) -> Uri:
        """The Request-URI of what is sent to it."""
        return self.where.contact if isinstance(self.where, Binding) else self.where


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyPlan:
    targets: tuple[ProxyTarget, ...] = ()
    status: int = 480
    """What is answered where there are no targets."""
    reason: str | None = None
    without: frozenset[str] = frozenset()
    """Lines that are not passed on, by folded long name."""


class ProxyPolicy(Protocol):
    def plan(self, request: Request, identity: Identity) -> ProxyPlan | None:
        """Where a request outside dialogs goes; None: it is not the proxy's."""

    def redirected(self, uris: Iterable[Uri]) -> tuple[ProxyTarget, ...]:
        """Those contacts of a 3xx that may be followed."""

    def begun(self, call: "ProxiedCall") -> None:
        """A call that is about to be proxied; it waits for `go` or `refuse`."""


def targets_for(asked: Uri, targets: tuple[ProxyTarget, ...]) -> tuple[ProxyTarget, ...]:
    """Those that may be asked this way; raises SipsNotAllowed when that leaves none of some (RFC 5630 section 5.3)."""
    if asked.scheme != SIPS:
        return targets
    left = tuple(
        replace(each, spare=tuple(flow for flow in each.spare if flow.contact.scheme == SIPS))
        for each in targets
        if each.uri.scheme == SIPS
    )
    if targets and not left:
        raise SipsNotAllowed
    return left


def request_uri_for(asked: Uri, target: Uri) -> Uri:
    """What a proxied request goes on with: who was asked for by `sip:` is never called by `sips:`, if over TLS."""
    return replace(target, scheme="sip") if target.scheme == SIPS and asked.scheme != SIPS else target
